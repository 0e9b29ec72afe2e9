//! The runtime: the agents of one process.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use skreaver_protocol::AgentName;
#[cfg(feature = "network")]
use skreaver_protocol::ToolName;
use skreaver_protocol::config::ClusterConfig;
#[cfg(feature = "network")]
use skreaver_protocol::config::ReadinessMode;
use skreaver_protocol::rest::{ComponentReason, ComponentState, Readiness};
use tokio_util::sync::CancellationToken;

use crate::agent::{Report, ServedAgent};
use crate::auth::Guard;
use crate::build::Builder;
use crate::metrics::Metrics;
use crate::readiness::{Components, SERVER};
#[cfg(feature = "network")]
use crate::tools::remote::ReportSource;

/// The agents of one process, and what they share.
pub struct Runtime {
    pub(crate) agents: Arc<Agents>,
    pub(crate) cluster: Option<ClusterConfig>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) components: Arc<Components>,
    /// Who asks callers who they are; nothing where nobody does.
    pub(crate) guard: Option<Arc<Guard>>,
    /// Several agents in one process: components carry the agent's name.
    pub(crate) several: bool,
    /// Whose scripts may call.
    #[cfg(feature = "http")]
    pub(crate) cors_origins: Vec<crate::http::Origin>,
    #[cfg(feature = "unstable-websocket")]
    pub(crate) websockets: crate::http::websocket::WebSocketManager,
}

/// The agents of a process, by name.
pub(crate) type Agents = ArcSwap<BTreeMap<AgentName, Arc<ServedAgent>>>;

/// Why an agent cannot be removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RemoveError {
    /// There is none of this name.
    Unknown,
    /// It is owned by Kubernetes, in this namespace.
    ManagedByKubernetes {
        /// The namespace of the Agent.
        namespace: String,
    },
}

pub(crate) const POLICY: &str = "policy";
pub(crate) const MEMORY: &str = "memory";
pub(crate) const MODEL: &str = "model";
/// What stands before the name of a source of tools in the name of its component.
pub(crate) const TOOL: &str = "tool:";
/// The components of an agent, besides its sources of tools.
const COMPONENTS: [&str; 3] = [POLICY, MEMORY, MODEL];

/// Tells how the parts of one agent do.
struct PartsReport<'a> {
    components: &'a Components,
    several: bool,
    agent: &'a AgentName,
    #[cfg(feature = "network")]
    is_lenient: bool,
}

impl Report for PartsReport<'_> {
    fn memory(&self, state: ComponentState, reason: Option<ComponentReason>, message: Option<String>) {
        self.components.set(&component(self.several, self.agent, MEMORY), state, reason, message);
    }
}

#[cfg(feature = "network")]
impl ReportSource for PartsReport<'_> {
    fn source(&self, name: &ToolName, state: ComponentState, reason: Option<ComponentReason>, message: Option<String>) {
        let component = component(self.several, self.agent, &format!("{TOOL}{name}"));
        self.components.set(&component, state, reason, message);
        // A server that is lost later is lost to every replica.
        if state == ComponentState::Ready && self.is_lenient {
            self.components.tell_only(&component);
        }
    }
}

/// The name of an agent's component.
pub(crate) fn component(several: bool, agent: &AgentName, name: &str) -> String {
    if several { format!("{agent}/{name}") } else { name.to_owned() }
}

impl Runtime {
    /// Starts to build a runtime.
    pub fn builder() -> Builder {
        Builder::new()
    }

    /// The agent of this name.
    pub fn agent(&self, name: &str) -> Option<Arc<ServedAgent>> {
        self.agents.load().get(name).cloned()
    }

    /// All agents, by name.
    pub fn agents(&self) -> Vec<Arc<ServedAgent>> {
        self.agents.load().values().cloned().collect()
    }

    /// What is known of the cluster around; nothing on a laptop.
    pub fn cluster(&self) -> Option<&ClusterConfig> {
        self.cluster.as_ref()
    }

    /// Takes an agent out of service. Its runs end as they would.
    ///
    /// # Errors
    /// [`RemoveError`]; in a cluster always, because the Agent would come back.
    pub fn remove(&self, name: &str) -> Result<(), RemoveError> {
        let agent = self.agent(name).ok_or(RemoveError::Unknown)?;
        if let Some(cluster) = &self.cluster {
            return Err(RemoveError::ManagedByKubernetes { namespace: cluster.namespace.clone() });
        }
        self.agents.rcu(|agents| {
            let mut agents = BTreeMap::clone(agents);
            agents.remove(name);
            agents
        });
        let of_sources = agent.config().tools.iter().map(|tool| format!("{TOOL}{}", tool.name));
        for name in COMPONENTS.map(str::to_owned).into_iter().chain(of_sources) {
            self.components.remove(&component(self.several, &agent.config().name, &name));
        }
        Ok(())
    }

    /// Whether traffic should come here.
    pub fn readiness(&self) -> Readiness {
        self.components.readiness()
    }

    /// Waits until it is ready, such as after its memories are open: the readiness then, or as it is when the patience is over.
    pub async fn ready_within(&self, patience: Duration) -> Readiness {
        self.components.wait(patience).await
    }

    /// Turns readiness off: traffic is to go elsewhere, what comes all the same is served.
    /// Runs that are kept and wait for people are left to whoever takes them up next.
    pub fn begin_drain(&self) {
        self.agents().iter().for_each(|agent| agent.begin_drain());
        self.components.set(SERVER, ComponentState::NotReady, None, Some("shutting down".to_owned()));
    }

    /// Works in the background until `stop`, and then until the runs of this process are over: opens the agents' memories,
    /// keeps what they hold, and takes up runs whose process died. Serving (feature `http`) does it; without serving, agents
    /// with memory answer only as long as somebody awaits this.
    pub async fn work(&self, stop: CancellationToken) {
        let agents = self.agents();
        let work = agents.iter().map(|agent| {
            let stop = stop.clone();
            async move {
                let config = agent.config();
                let report = PartsReport {
                    components: &self.components,
                    several: self.several,
                    agent: &config.name,
                    #[cfg(feature = "network")]
                    is_lenient: config.readiness == ReadinessMode::Lenient,
                };
                #[cfg(feature = "network")]
                {
                    // Runs under way need their tools to their end.
                    let over = CancellationToken::new();
                    let work = async {
                        agent.work(&report, stop.clone()).await;
                        stop.cancelled().await;
                        over.cancel();
                    };
                    tokio::join!(work, agent.sources().keep(agent, &report, &over));
                }
                #[cfg(not(feature = "network"))]
                agent.work(&report, stop).await;
            }
        });
        let kept = async {
            if let Some(guard) = &self.guard {
                guard.keep(stop.clone()).await;
            }
        };
        tokio::join!(futures::future::join_all(work), kept);
    }

    /// The WebSocket connections.
    #[cfg(feature = "unstable-websocket")]
    pub fn websockets(&self) -> &crate::http::websocket::WebSocketManager {
        &self.websockets
    }

    /// What is counted.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }
}
