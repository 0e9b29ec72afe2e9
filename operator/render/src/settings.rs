//! What the platform team sets once for all agents, by chart values.

use serde::{Deserialize, Serialize};

use crate::Network;

/// Settings of the operator that reach the manifests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Settings {
    /// The agent-runtime image.
    pub image: String,
    /// Its pull policy.
    pub image_pull_policy: String,
    /// The cluster's DNS domain.
    pub cluster_domain: String,
    /// Whether agents that no ToolPolicy selects may call no tool at all.
    pub require_tool_policy: bool,
    /// The namespace of the cluster's DNS.
    pub dns_namespace: String,
    /// The ports that its pods listen on: those of the pods, which need not be that of the Service.
    pub dns_ports: Vec<u16>,
    /// Namespaces whose pods may reach the agents' API besides the agent's own.
    pub gateway_namespaces: Vec<String>,
    /// Namespaces whose pods may scrape the admin port.
    pub monitoring_namespaces: Vec<String>,
    /// Networks that no agent may reach, whatever its spec names, besides loopback and link-local ones: those of nodes and API
    /// servers.
    pub closed_networks: Vec<Network>,
    /// How the callers of agents are known.
    pub auth: AuthSettings,
    /// The control channel; absent where the operator serves none.
    pub control: Option<ControlSettings>,
}

/// How the callers of agents are known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct AuthSettings {
    /// What holds for Agents that do not say.
    pub default: AuthDefault,
    /// The cluster as its ServiceAccounts' tokens name it in `iss`. The operator asks the API server. Absent: what an Agent makes likely.
    pub issuer: Option<String>,
}

/// What holds for Agents that do not say how their callers are known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum AuthDefault {
    /// By tokens of the cluster's ServiceAccounts.
    #[default]
    Kubernetes,
    /// They are not asked.
    None,
}

/// Where pods find the control channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ControlSettings {
    /// The operator's namespace.
    pub namespace: String,
    /// The name of the Service that leads to the operator's leader.
    pub service: String,
    /// The PEM certificate of the authority that signed the operator's certificate.
    pub ca: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            image: format!("skreaver/agent-runtime:{}", env!("CARGO_PKG_VERSION")),
            image_pull_policy: "IfNotPresent".into(),
            cluster_domain: "cluster.local".into(),
            require_tool_policy: false,
            dns_namespace: "kube-system".into(),
            dns_ports: vec![53],
            gateway_namespaces: Vec::new(),
            monitoring_namespaces: Vec::new(),
            closed_networks: Vec::new(),
            auth: AuthSettings::default(),
            control: None,
        }
    }
}
