//! The public keys of issuers, as the operator fetches them and hands them to pods.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The keys of all issuers of an agent. Swapped whole; a process never goes back to an older version.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KeySets {
    /// Rises with each change.
    pub version: u64,
    /// One for each issuer whose keys could be fetched.
    #[schemars(length(max = 8))]
    pub sets: Vec<KeySet>,
}

/// The keys of one issuer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KeySet {
    /// The issuer, by its URL as the configuration writes it.
    pub issuer: String,
    /// What it published: a JWK Set (RFC 7517) as it was fetched.
    pub keys: Value,
    /// When, in milliseconds since 1970.
    pub fetched_at_ms: u64,
}

/// A pod has seen tokens whose keys it does not have. The operator fetches those sets again if they are not fresh, and answers
/// with [`KeySets`] in any case, so that who waits is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KeysWanted {
    /// The issuers, each of which the configuration names.
    pub issuers: Vec<String>,
    /// The version that the pod has.
    pub version: u64,
}
