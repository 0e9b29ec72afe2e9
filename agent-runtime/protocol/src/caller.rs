//! Who asks. Part of run and policy types from the start, so that nothing can be decided without it.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// The group of everybody who is known at all, as Kubernetes names it.
pub const AUTHENTICATED: &str = "system:authenticated";

/// The group of all ServiceAccounts; behind a colon follows the namespace for those of one.
pub const SERVICE_ACCOUNTS: &str = "system:serviceaccounts";

/// The identity on whose behalf a run works. It stands in journals and audit records, and so it never holds what proved it.
///
/// Two callers are the same one if their [`identity`](Self::identity) is, and not if they are equal: names and groups change.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Caller {
    /// Nobody in particular: the runtime was not asked to authenticate.
    Anonymous,
    /// A ServiceAccount, by a token of its cluster.
    ServiceAccount {
        /// The issuer of the token: which cluster.
        issuer: String,
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
    /// Somebody whom an OpenID provider vouches for.
    User {
        /// The provider.
        issuer: String,
        /// Who it is to the provider: never given to another one, as names and mail addresses are.
        subject: String,
        /// What they are called, by the claim that the configuration names.
        name: String,
        /// The groups that the provider puts them into.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        groups: Vec<String>,
    },
    /// Who holds an API key.
    ApiKey {
        /// The name of the key. It stays when the key is replaced.
        name: String,
    },
}

/// What of a caller never changes.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Lasting<'a> {
    Anonymous,
    ServiceAccount { issuer: &'a str, namespace: &'a str, name: &'a str },
    User { issuer: &'a str, subject: &'a str },
    ApiKey { name: &'a str },
}

impl Caller {
    /// The kind, as conditions of policies and JSON name it.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Anonymous => "anonymous",
            Self::ServiceAccount { .. } => "service_account",
            Self::User { .. } => "user",
            Self::ApiKey { .. } => "api_key",
        }
    }

    /// What to call them: `system:serviceaccount:NAMESPACE:NAME` for ServiceAccounts, as Kubernetes does, and `''` for nobody.
    /// For people and conditions; whom something belongs to is told by [`identity`](Self::identity).
    pub fn name(&self) -> Cow<'_, str> {
        match self {
            Self::Anonymous => "".into(),
            Self::ServiceAccount { namespace, name, issuer: _ } => format!("system:serviceaccount:{namespace}:{name}").into(),
            Self::User { name, .. } | Self::ApiKey { name } => name.into(),
        }
    }

    /// The groups: what the provider says, and those of Kubernetes that begin with `system:`. Nobody is in none.
    pub fn groups(&self) -> Vec<Cow<'_, str>> {
        let mut groups = match self {
            Self::Anonymous => return Vec::new(),
            Self::ServiceAccount { namespace, .. } => {
                vec![SERVICE_ACCOUNTS.into(), format!("{SERVICE_ACCOUNTS}:{namespace}").into()]
            }
            Self::User { groups, .. } => groups.iter().map(Cow::from).collect(),
            Self::ApiKey { .. } => Vec::new(),
        };
        groups.push(AUTHENTICATED.into());
        groups
    }

    /// Who vouches for them, where somebody does.
    pub fn issuer(&self) -> Option<&str> {
        match self {
            Self::ServiceAccount { issuer, .. } | Self::User { issuer, .. } => Some(issuer),
            Self::Anonymous | Self::ApiKey { .. } => None,
        }
    }

    /// Tells this caller from every other one, and is the same whenever they come: how they are known, who says so, and who they
    /// are there. What belongs to callers (sessions, idempotency keys, rate limits) is kept under it. For nobody in particular it
    /// is what earlier versions wrote, which knew nobody else.
    pub fn identity(&self) -> String {
        let lasting = match self {
            Self::Anonymous => Lasting::Anonymous,
            Self::ServiceAccount { issuer, namespace, name } => Lasting::ServiceAccount { issuer, namespace, name },
            Self::User { issuer, subject, name: _, groups: _ } => Lasting::User { issuer, subject },
            Self::ApiKey { name } => Lasting::ApiKey { name },
        };
        serde_json::to_string(&lasting).expect("texts are JSON")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn user(issuer: &str, subject: &str, name: &str, groups: &[&str]) -> Caller {
        let groups = groups.iter().map(|group| (*group).to_owned()).collect();
        Caller::User { issuer: issuer.into(), subject: subject.into(), name: name.into(), groups }
    }

    #[test]
    fn what_earlier_versions_wrote_is_read_and_is_the_same_caller() {
        let written = r#"{"type":"anonymous"}"#;
        let read: Caller = serde_json::from_str(written).unwrap();
        assert_eq!(read, Caller::Anonymous);
        assert_eq!(serde_json::to_string(&read).unwrap(), written);
        assert_eq!(read.identity(), written);
    }

    #[test]
    fn callers_are_written_as_conditions_name_them() {
        let account = Caller::ServiceAccount { issuer: "https://k".into(), namespace: "quarry".into(), name: "chalk".into() };
        for caller in [account, user("https://i", "7", "ann", &["staff"]), Caller::ApiKey { name: "nightly".into() }] {
            let json = serde_json::to_value(&caller).unwrap();
            assert_eq!(json["type"], json!(caller.kind()));
            assert_eq!(serde_json::from_value::<Caller>(json).unwrap(), caller);
        }
    }

    #[test]
    fn names_and_groups_change_and_the_caller_stays() {
        let ann = user("https://i", "7", "ann", &["staff"]);
        assert_eq!(ann.identity(), user("https://i", "7", "ann.smith", &[]).identity());
        for other in [user("https://i", "8", "ann", &["staff"]), user("https://j", "7", "ann", &["staff"])] {
            assert_ne!(ann.identity(), other.identity());
        }
    }

    #[test]
    fn no_two_kinds_of_callers_are_the_same() {
        let account = Caller::ServiceAccount { issuer: "i".into(), namespace: "a".into(), name: "b".into() };
        let all =
            [account, user("i", "system:serviceaccount:a:b", "b", &[]), Caller::ApiKey { name: "b".into() }, Caller::Anonymous];
        let identities: std::collections::BTreeSet<_> = all.iter().map(Caller::identity).collect();
        assert_eq!(identities.len(), all.len());
    }

    #[test]
    fn groups_are_those_of_the_provider_and_of_kubernetes() {
        let account = Caller::ServiceAccount { issuer: "i".into(), namespace: "quarry".into(), name: "chalk".into() };
        assert_eq!(account.name(), "system:serviceaccount:quarry:chalk");
        assert_eq!(account.groups(), [SERVICE_ACCOUNTS, "system:serviceaccounts:quarry", AUTHENTICATED]);
        assert_eq!(user("i", "7", "ann", &["staff"]).groups(), ["staff", AUTHENTICATED]);
        assert_eq!(Caller::ApiKey { name: "nightly".into() }.groups(), [AUTHENTICATED]);
        assert!(Caller::Anonymous.groups().is_empty() && Caller::Anonymous.name().is_empty());
    }
}
