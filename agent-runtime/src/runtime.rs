//! The runtime: the agents of one process.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use skreaver_protocol::AgentName;
use skreaver_protocol::config::ClusterConfig;
use skreaver_protocol::rest::{ComponentReason, ComponentState, Readiness};
use tokio_util::sync::CancellationToken;

use crate::agent::{Report, ServedAgent};
use crate::build::Builder;
use crate::metrics::Metrics;
use crate::readiness::{Components, SERVER};

/// The agents of one process, and what they share.
pub struct Runtime {
    pub(crate) agents: ArcSwap<BTreeMap<AgentName, Arc<ServedAgent>>>,
    pub(crate) cluster: Option<ClusterConfig>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) components: Arc<Components>,
    /// Several agents in one process: components carry the agent's name.
    pub(crate) several: bool,
}

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
/// The components of an agent.
const COMPONENTS: [&str; 3] = [POLICY, MEMORY, MODEL];

struct MemoryReport<'a> {
    components: &'a Components,
    name: String,
}

impl Report for MemoryReport<'_> {
    fn memory(&self, state: ComponentState, reason: Option<ComponentReason>, message: Option<String>) {
        self.components.set(&self.name, state, reason, message);
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
        for name in COMPONENTS {
            self.components.remove(&component(self.several, &agent.config().name, name));
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
    pub fn begin_drain(&self) {
        self.components.set(SERVER, ComponentState::NotReady, None, Some("shutting down".to_owned()));
    }

    /// Works in the background until `stop`, and then until the runs of this process are over: opens the agents' memories,
    /// keeps what they hold, and takes up runs whose process died. Serving (feature `http`) does it; without serving, agents
    /// with memory answer only as long as somebody awaits this.
    pub async fn work(&self, stop: CancellationToken) {
        let agents = self.agents();
        let work = agents.iter().map(|agent| {
            let (name, stop) = (component(self.several, &agent.config().name, MEMORY), stop.clone());
            async move { agent.work(&MemoryReport { components: &self.components, name }, stop).await }
        });
        futures::future::join_all(work).await;
    }

    /// What is counted.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }
}
