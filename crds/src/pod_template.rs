//! What a developer may set on an agent's pods: an allow-list. Image, command, security context, volumes and the
//! ServiceAccount are deliberately absent: they are the platform's.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Affinity, LocalObjectReference, Toleration, TopologySpreadConstraint};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// What of an agent's pods is the developer's to set.
#[derive(KubeSchema, Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PodTemplate {
    /// Labels of the pods. Those under `skreaver.dev/` and `app.kubernetes.io/` are the operator's.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 32))]
    #[x_kube(
        validation = Rule::new("self.all(k, !k.startsWith('skreaver.dev/') && !k.startsWith('app.kubernetes.io/'))")
            .message("use labels of your own: those under skreaver.dev/ and app.kubernetes.io/ are set by the operator")
    )]
    pub labels: BTreeMap<String, String>,

    /// Annotations of the pods. Those under `skreaver.dev/` are the operator's, and none may change the security profile.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 32))]
    #[x_kube(
        validation = Rule::new("self.all(k, !k.startsWith('skreaver.dev/') && !k.contains('apparmor.security.beta.kubernetes.io') && !k.contains('seccomp.security.alpha.kubernetes.io'))")
            .message("use annotations of your own: those under skreaver.dev/ are set by the operator, and the security profile of the pods is fixed")
    )]
    pub annotations: BTreeMap<String, String>,

    /// CPU and memory. Default: requests of 10m CPU and 32Mi memory, a limit of 256Mi memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,

    /// Nodes by label.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 32))]
    pub node_selector: BTreeMap<String, String>,

    /// Taints that the pods tolerate.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub tolerations: Vec<Toleration>,

    /// Which nodes and pods to stand near, and which to keep off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub affinity: Option<Affinity>,

    /// How to spread the pods.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub topology_spread_constraints: Vec<TopologySpreadConstraint>,

    /// The PriorityClass of the pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub priority_class_name: Option<String>,

    /// Secrets in the Agent's namespace with which the image is pulled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub image_pull_secrets: Vec<SecretRef>,
}

/// A Secret in the same namespace.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SecretRef {
    /// The name of the Secret.
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(
        validation = Rule::new("self.matches('^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$')")
            .message("write the name of an object in the same namespace: lower-case letters, digits, '-' and '.'")
    )]
    pub name: String,
}

impl From<&SecretRef> for LocalObjectReference {
    fn from(secret: &SecretRef) -> Self {
        Self { name: secret.name.clone() }
    }
}

/// CPU and memory of the pods.
#[derive(KubeSchema, Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Resources {
    /// What is set aside. Example: `{cpu: 50m, memory: 64Mi}`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 16))]
    pub requests: BTreeMap<String, Quantity>,
    /// What is the most. Example: `{memory: 256Mi}`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 16))]
    pub limits: BTreeMap<String, Quantity>,
}
