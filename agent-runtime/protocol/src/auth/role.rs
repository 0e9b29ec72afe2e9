//! What callers may do: permissions, roles that bundle them, and who has which.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Something that a caller may do with an agent. None contains another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Permission {
    /// Begin runs and call its tools, and get the answers.
    Observe,
    /// See its state, and one's own runs and sessions.
    Read,
    /// Cancel one's own runs, and delete one's own sessions.
    Cancel,
    /// See the calls that wait for approval, and decide about them.
    Approve,
    /// Do with runs and sessions of others what one may do with one's own, and see the metrics.
    Admin,
}

impl Permission {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Observe, Self::Read, Self::Cancel, Self::Approve, Self::Admin];

    /// The permission as refusals name it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Observe => "observe",
            Self::Read => "read",
            Self::Cancel => "cancel",
            Self::Approve => "approve",
            Self::Admin => "admin",
        }
    }
}

/// Permissions under a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Role {
    /// Its name. The built-in ones cannot be defined anew: `viewer` (Read), `user` (Observe, Read, Cancel), `approver` (Read,
    /// Approve) and `admin` (everything). Example: `auditor`.
    #[schemars(length(min = 1, max = 63))]
    pub name: String,
    /// What it allows. Example: `[Read, Admin]`.
    #[schemars(length(min = 1, max = 5), extend("x-kubernetes-list-type" = "set"))]
    pub permissions: Vec<Permission>,
}

impl Role {
    /// The roles that there always are.
    pub fn built_in() -> [Self; 4] {
        use Permission::{Approve, Cancel, Observe, Read};
        let role = |name: &str, permissions: &[Permission]| Self { name: name.to_owned(), permissions: permissions.to_vec() };
        [
            role("viewer", &[Read]),
            role("user", &[Observe, Read, Cancel]),
            role("approver", &[Read, Approve]),
            role("admin", &Permission::ALL),
        ]
    }
}

/// Gives a role to callers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RoleBinding {
    /// The role, built-in or one of `roles`. Example: `user`.
    #[schemars(length(min = 1, max = 63))]
    pub role: String,
    /// To whom.
    #[schemars(length(min = 1, max = 64))]
    pub subjects: Vec<Subject>,
    /// With which agents, by name or glob. Absent: with all that the process serves, which is one in a pod.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 128)), extend("x-kubernetes-list-type" = "set"))]
    pub agents: Vec<String>,
}

/// A caller, or a group of them, by its exact name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "has(self.__namespace__) == (self.kind == 'ServiceAccount')",
    "message": "a ServiceAccount is named with its namespace, and nothing else has one",
}, {
    "rule": "!has(self.issuer) || self.kind != 'ApiKey'",
    "message": "API keys have no issuer",
}]))]
pub struct Subject {
    /// `User`, `Group`, `ServiceAccount` or `ApiKey`.
    pub kind: SubjectKind,
    /// Its name, with the prefix of its issuer. `system:authenticated` is the group of everybody who is known, and
    /// `system:serviceaccounts:NAMESPACE` that of the ServiceAccounts of a namespace.
    #[schemars(length(min = 1, max = 256))]
    pub name: String,
    /// The namespace of a ServiceAccount.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub namespace: Option<String>,
    /// The issuer that has to vouch for it, by its URL. Absent: the only one that can; with several of a kind it has to be named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512))]
    pub issuer: Option<String>,
}

/// What a subject is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SubjectKind {
    /// Somebody whom an OpenID provider vouches for.
    User,
    /// Everybody in a group.
    Group,
    /// A ServiceAccount.
    ServiceAccount,
    /// Who holds an API key.
    ApiKey,
}
