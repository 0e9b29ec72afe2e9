//! What the operator is told when it starts.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Parser, ValueEnum};
use skreaver_protocol::GoDuration;
use skreaver_render::{Network, Settings};

use crate::agent::Terms;

/// The Skreaver operator: runs Agents as Kubernetes workloads.
#[derive(Debug, Clone, Parser)]
#[command(version)]
pub struct Args {
    /// A file with the settings that reach the manifests, in YAML or JSON. Absent: defaults.
    #[arg(long, env = "SKREAVER_SETTINGS")]
    pub settings: Option<PathBuf>,

    /// The namespaces to work on, by comma. Absent: all.
    #[arg(long, env = "SKREAVER_WATCH_NAMESPACES", value_delimiter = ',')]
    pub watch_namespaces: Vec<String>,

    /// Whether to look whether a Secret exists before it is used. Without it every Secret is taken as present.
    #[arg(long, env = "SKREAVER_CHECK_SECRETS", default_value_t = true, action = clap::ArgAction::Set)]
    pub check_secrets: bool,

    /// The address of the API server, which no agent may reach. Kubernetes itself tells it to every pod.
    #[arg(long, env = "KUBERNETES_SERVICE_HOST")]
    pub api_server: Option<IpAddr>,

    /// Where to serve /health, /ready and /metrics.
    #[arg(long, env = "SKREAVER_ADMIN_LISTEN", default_value = "0.0.0.0:9090")]
    pub admin_listen: SocketAddr,

    /// Where to serve the control channel.
    #[arg(long, env = "SKREAVER_CONTROL_LISTEN", default_value = "0.0.0.0:8443")]
    pub control_listen: SocketAddr,

    /// The Service that leads to the control channel of the leader. Absent: there is no control channel.
    #[arg(long, env = "SKREAVER_CONTROL_SERVICE")]
    pub control_service: Option<String>,

    /// The operator's own namespace.
    #[arg(long, env = "POD_NAMESPACE", default_value = "skreaver-system")]
    pub namespace: String,

    /// The operator's own pod.
    #[arg(long, env = "POD_NAME", default_value = "operator")]
    pub pod_name: String,

    /// Whether to act only while holding the Lease. Without it nothing else may run beside this process.
    #[arg(long, env = "SKREAVER_LEADER_ELECT", default_value_t = true, action = clap::ArgAction::Set)]
    pub leader_elect: bool,

    /// How many objects of a kind are worked on at once.
    #[arg(long, env = "SKREAVER_MAX_CONCURRENT_RECONCILES", default_value_t = 16)]
    pub max_concurrent_reconciles: u16,

    /// How long a ToolApproval that has ended stays.
    #[arg(long, env = "SKREAVER_APPROVALS_KEPT", default_value = "1h")]
    pub approvals_kept: GoDuration,

    /// How long no pod of an Agent may ask for a ToolApproval before it counts as withdrawn.
    #[arg(long, env = "SKREAVER_APPROVALS_UNASKED", default_value = "1m")]
    pub approvals_unasked: GoDuration,

    /// Whether OpenID providers on the loopback of this machine are asked for their keys, over HTTP as well.
    #[arg(long, env = "SKREAVER_ISSUERS_ON_LOOPBACK", default_value_t = false, action = clap::ArgAction::Set)]
    pub issuers_on_loopback: bool,

    /// How logs are written. What is logged stands in RUST_LOG.
    #[arg(long, env = "SKREAVER_LOG_FORMAT", default_value = "json")]
    pub log_format: LogFormat,
}

/// How logs are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// One JSON object in each line.
    Json,
    /// For people.
    Text,
}

impl Args {
    /// Reads the settings file, and closes the API server to agents.
    ///
    /// # Errors
    /// If it cannot be read, or a setting in it is none of ours.
    pub fn settings(&self) -> anyhow::Result<Settings> {
        let mut settings = match &self.settings {
            None => Settings::default(),
            Some(path) => {
                let text = std::fs::read_to_string(path).with_context(|| format!("failed to read {}", path.display()))?;
                serde_yaml::from_str(&text).with_context(|| format!("failed to read the settings in {}", path.display()))?
            }
        };
        settings.closed_networks.extend(self.api_server.map(Network::of));
        Ok(settings)
    }

    /// How long ToolApprovals last for which nobody waits.
    pub fn terms(&self) -> Terms {
        Terms { kept: self.approvals_kept.get(), unasked: self.approvals_unasked.get() }
    }

    /// The namespaces to work on; nothing stands for all.
    pub fn namespaces(&self) -> Vec<String> {
        self.watch_namespaces.iter().map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect()
    }
}
