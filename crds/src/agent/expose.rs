//! How callers reach an agent, and how they prove who they are.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use skreaver_protocol::auth::{Role, RoleBinding, TokenIssuer};

/// How callers reach an agent.
#[derive(KubeSchema, Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Expose {
    /// How callers prove who they are, and what they may do. Default: what the chart's value `auth.default` says, which is
    /// `{kubernetes: true}` where nobody has changed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<Auth>,
}

/// How callers prove who they are, and what they may do. Who is not known is refused, and who has no role may do nothing.
#[derive(KubeSchema, Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self.type != 'None' || !(has(self.kubernetes) || has(self.issuers) || has(self.apiKeys) || has(self.roles) || has(self.bindings))")
        .message("type None asks nobody who they are: leave the rest out, or leave type out"),
    validation = Rule::new("self.type == 'None' || !has(self.kubernetes) || self.kubernetes || has(self.apiKeys) || (has(self.issuers) && size(self.issuers) > 0)")
        .message("nobody could call the agent: leave kubernetes out, or set issuers or apiKeys; type None asks nobody who they are"),
    validation = Rule::new("!has(self.issuers) || size(self.issuers) == 0 || (has(self.bindings) && size(self.bindings) > 0)")
        .message("callers whom issuers vouch for have no role yet: write bindings, and in them the ServiceAccounts that should go on calling"),
    validation = Rule::new("!has(self.roles) || self.roles.all(role, !(role.name in ['viewer', 'user', 'approver', 'admin']))")
        .message("the roles viewer, user, approver and admin are built in: give yours another name"),
    validation = Rule::new("!has(self.bindings) || self.bindings.all(binding, binding.role in ['viewer', 'user', 'approver', 'admin'] || (has(self.roles) && self.roles.exists(role, role.name == binding.role)))")
        .message("bindings[].role names viewer, user, approver, admin or one of roles")
)]
pub struct Auth {
    /// `Required`: callers prove who they are. `None`: everybody who reaches the agent may do everything. Default: Required.
    #[serde(default, rename = "type")]
    pub kind: AuthType,

    /// Whether tokens of this cluster's ServiceAccounts are taken. They have to be made for the audience
    /// `skreaver.dev/agent/NAMESPACE/NAME`, as `kubectl create token NAME --audience=...` and projected volumes do. Default: true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kubernetes: Option<bool>,

    /// Whose tokens are taken besides. Their keys are fetched by the operator, over HTTPS, by OpenID Connect Discovery. What their
    /// callers may do stands in `bindings`.
    /// Example: `[{kind: OIDC, url: "https://id.example.com", audiences: [amber], groups: {claim: groups}}]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 7))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["url".into()]))]
    pub issuers: Vec<TokenIssuer>,

    /// The API keys that are taken. Default: none. Example: `{secretRef: {name: clerk-keys}}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_keys: Option<ApiKeySecret>,

    /// Roles besides the built-in ones, which are `viewer`, `user`, `approver` and `admin`.
    /// Example: `[{name: auditor, permissions: [Read, Admin]}]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub roles: Vec<Role>,

    /// Who has which role. These are then all that there are, besides the roles that API keys have by themselves. Default: the ServiceAccounts of the Agent's own namespace have the
    /// role `user`, so that what runs beside an agent can ask it, and nothing else can.
    /// Example: `[{role: user, subjects: [{kind: Group, name: staff}]}]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub bindings: Vec<RoleBinding>,
}

/// Whether callers prove who they are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum AuthType {
    /// They do.
    #[default]
    Required,
    /// They are not asked.
    None,
}

/// Where API keys come from.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApiKeySecret {
    /// A Secret in the Agent's namespace. Each of its entries is named as a key is, and its lines say
    /// `sha256:HEX [roles=ROLE,...] [expires=TIME]`: hashes, and never the keys themselves. A change is followed without a restart.
    /// While there is no such Secret, no API key is taken.
    pub secret_ref: SecretRef,
}

/// A Secret in the same namespace.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SecretRef {
    /// Its name. Example: `clerk-keys`.
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(
        validation = Rule::new("self.matches('^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$')")
            .message("write the name of an object in the same namespace: lower-case letters, digits, '-' and '.'")
    )]
    pub name: String,
}
