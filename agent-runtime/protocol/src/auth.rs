//! Who may ask, and what: how callers are known, and which roles they have. Types only; the crate `skreaver-auth` judges by them.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

mod issuer;
mod key_sets;
mod role;

pub use issuer::{Algorithm, ClaimName, IssuerKind, LONGEST_LEEWAY, TokenIssuer};
pub use key_sets::{KeySet, KeySets, KeysWanted};
pub use role::{Permission, Role, RoleBinding, Subject, SubjectKind};

/// The header in which an API key may come; `Authorization: Bearer` takes them as well.
pub const API_KEY_HEADER: &str = "x-api-key";

/// The audience that tokens for an agent in a cluster carry: the agent's own, so that one agent cannot use at another what it was
/// sent. The API server refuses such a token.
pub fn audience(namespace: &str, agent: &crate::AgentName) -> String {
    format!("skreaver.dev/agent/{namespace}/{agent}")
}

/// How callers prove who they are, and what they may do then. Who is not known is refused, and who has no role may do nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AuthConfig {
    /// Whose tokens are taken.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    pub issuers: Vec<TokenIssuer>,
    /// The file with the [`KeySets`] of the issuers at the process's start. In a pod the operator tells of later ones; on a laptop
    /// the file is read again when it changes. Absent: no token is taken before the operator has told of keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_sets_file: Option<PathBuf>,
    /// The directory with the API keys, a mounted Secret, read again when it changes. Each of its entries is a text file that is
    /// named as the key is; those that begin with a dot are not looked at. A line is one key:
    ///
    /// `sha256:HEX [roles=ROLE,...] [expires=TIME]`
    ///
    /// with the SHA-256 of the key in lower-case hex and a time such as `2027-01-31T00:00:00Z`. The roles hold for all agents,
    /// beside those of `bindings`: who may write the Secret may give any. Two lines are two keys of one name: to replace a key, add
    /// the new one, hand it out, and take the old one away. Empty lines, and those that begin with `#`, say nothing. Absent: no API
    /// key is taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_keys: Option<PathBuf>,
    /// Roles besides the built-in ones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    pub roles: Vec<Role>,
    /// Who has which role.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub bindings: Vec<RoleBinding>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_configuration_has_defaults_that_are_safe() {
        let text = r#"{
            "issuers": [{"kind": "OIDC", "url": "https://id.example.com", "audiences": ["amber"]}],
            "bindings": [{"role": "user", "subjects": [{"kind": "Group", "name": "staff"}]}]}"#;
        let config: AuthConfig = serde_json::from_str(text).unwrap();
        let issuer = &config.issuers[0];
        assert_eq!(issuer.algorithms, [Algorithm::RS256, Algorithm::ES256]);
        assert_eq!(issuer.leeway.get().as_secs(), 30);
        assert_eq!((issuer.username.as_ref(), issuer.groups.as_ref()), (None, None));
        assert_eq!(serde_json::from_value::<AuthConfig>(serde_json::to_value(&config).unwrap()).unwrap(), config);
    }

    #[test]
    fn an_algorithm_that_needs_no_key_or_a_shared_one_cannot_be_written() {
        for name in ["none", "None", "HS256", "HS512", "rs256", ""] {
            assert!(serde_json::from_value::<Algorithm>(name.into()).is_err(), "{name}");
        }
    }

    #[test]
    fn an_audience_is_of_one_agent() {
        let name = crate::AgentName::parse("chalk").unwrap();
        assert_eq!(audience("quarry", &name), "skreaver.dev/agent/quarry/chalk");
    }
}
