//! References to objects in the Agent's own namespace.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// Where instructions come from.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InstructionsSource {
    /// A key of a ConfigMap in the Agent's namespace.
    pub config_map_key_ref: KeyRef,
}

/// Where a secret comes from. It is never written into the Agent itself.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SecretKeySource {
    /// A key of a Secret in the Agent's namespace.
    pub secret_key_ref: KeyRef,
}

/// A key of an object in the same namespace.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyRef {
    /// The name of the object. Example: `clerk-instructions`.
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(
        validation = Rule::new("self.matches('^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$')")
            .message("write the name of an object in the same namespace: lower-case letters, digits, '-' and '.'")
    )]
    pub name: String,
    /// The key in it. Example: `instructions.md`.
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(
        validation = Rule::new("self.matches('^[A-Za-z0-9._-]+$')")
            .message("write a key of the object: letters, digits, '-', '_' and '.'")
    )]
    pub key: String,
}
