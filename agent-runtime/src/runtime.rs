//! The runtime: the agents of one process.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use serde_json::Value;
use skreaver_protocol::AgentName;
use skreaver_protocol::config::{AgentConfig, ClusterConfig};
use skreaver_protocol::policy::PolicyBundle;
use skreaver_protocol::rest::{ComponentState, Readiness};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::agent::ServedAgent;
use crate::auth::Guard;
use crate::build::{BuildError, Builder};
use crate::metrics::Metrics;
use crate::readiness::{AgentComponents, Components, SERVER};
use crate::workshop::{Brought, Workshop};

/// The agents of one process, and what they share.
pub struct Runtime {
    pub(crate) agents: Arc<Agents>,
    /// Tells that there are others now.
    pub(crate) changed: watch::Sender<()>,
    /// Held by whoever makes it so.
    pub(crate) changing: Mutex<()>,
    /// Where they are made.
    pub(crate) workshop: Workshop,
    /// How manifests are read.
    pub(crate) manifests: Option<Manifests>,
    pub(crate) cluster: Option<ClusterConfig>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) components: Arc<Components>,
    /// Who asks callers who they are; nothing where nobody does.
    pub(crate) guard: Option<Arc<Guard>>,
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

/// Why an agent cannot be added.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddError {
    /// Agents are owned by Kubernetes, in this namespace.
    #[error("the agents of the namespace `{namespace}` are managed by Kubernetes")]
    ManagedByKubernetes {
        /// The namespace of the Agents.
        namespace: String,
    },
    /// The runtime was not told how manifests are read.
    #[error("this runtime reads no manifests: it was built without `Builder::manifests`")]
    NoManifests,
    /// There is one of this name.
    #[error("an agent named `{0}` is served already")]
    Taken(AgentName),
    /// The manifest is wrong.
    #[error("{}", .0.join("; "))]
    Invalid(Vec<String>),
    /// It cannot be made.
    #[error(transparent)]
    Build(#[from] BuildError),
}

/// Reads a manifest of an agent, or tells everything that is wrong with it.
pub(crate) type Manifests = Box<dyn Fn(Value) -> Result<(AgentConfig, PolicyBundle), Vec<String>> + Send + Sync>;

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

    /// Takes an agent into service.
    ///
    /// # Errors
    /// [`AddError`]; in a cluster always, because agents are Agents there.
    pub fn add(&self, config: AgentConfig, policies: PolicyBundle) -> Result<Arc<ServedAgent>, AddError> {
        self.may_be_added(&config.name)?;
        self.added(config, policies, &self.changing.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes an agent into service that a manifest describes. It may read files.
    ///
    /// # Errors
    /// As [`Runtime::add`], and everything that is wrong with the manifest.
    pub fn add_manifest(&self, manifest: Value) -> Result<Arc<ServedAgent>, AddError> {
        let name = name_of(&manifest)?;
        self.may_be_added(&name)?;
        let read = self.manifests.as_ref().ok_or(AddError::NoManifests)?;
        let changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        // Before it is read, which makes files.
        self.may_be_added(&name)?;
        let (config, policies) = read(manifest).map_err(AddError::Invalid)?;
        self.added(config, policies, &changing)
    }

    fn may_be_added(&self, name: &AgentName) -> Result<(), AddError> {
        match &self.cluster {
            Some(cluster) => Err(AddError::ManagedByKubernetes { namespace: cluster.namespace.clone() }),
            None if self.agent(name.as_str()).is_some() => Err(AddError::Taken(name.clone())),
            None => Ok(()),
        }
    }

    fn added(&self, config: AgentConfig, policies: PolicyBundle, _: &MutexGuard<'_, ()>) -> Result<Arc<ServedAgent>, AddError> {
        self.may_be_added(&config.name)?;
        let name = config.name.clone();
        let components = AgentComponents::new(&self.components, &config, true, ComponentState::Ready);
        let agent = Arc::new(self.workshop.make(config, policies, Brought::default(), components)?);
        agent.components().begin();
        self.agents.rcu(|agents| {
            let mut agents = BTreeMap::clone(agents);
            agents.insert(name.clone(), Arc::clone(&agent));
            agents
        });
        self.changed.send_replace(());
        Ok(agent)
    }

    /// Takes an agent out of service. Its runs end as they would.
    ///
    /// # Errors
    /// [`RemoveError`]; in a cluster always, because the Agent would come back.
    pub fn remove(&self, name: &str) -> Result<(), RemoveError> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let agent = self.agent(name).ok_or(RemoveError::Unknown)?;
        if let Some(cluster) = &self.cluster {
            return Err(RemoveError::ManagedByKubernetes { namespace: cluster.namespace.clone() });
        }
        self.agents.rcu(|agents| {
            let mut agents = BTreeMap::clone(agents);
            agents.remove(name);
            agents
        });
        agent.gone().cancel();
        agent.components().end();
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
        let kept = async {
            if let Some(guard) = &self.guard {
                guard.keep(stop.clone()).await;
            }
        };
        tokio::join!(self.work_on_agents(&stop), kept);
    }

    /// Works on the agents that are there, and on those that come.
    async fn work_on_agents(&self, stop: &CancellationToken) {
        let mut changed = self.changed.subscribe();
        let mut at_work: Vec<Arc<ServedAgent>> = Vec::new();
        let mut works = FuturesUnordered::new();
        while !stop.is_cancelled() {
            for agent in self.agents() {
                if !at_work.iter().any(|other| Arc::ptr_eq(other, &agent)) {
                    at_work.push(Arc::clone(&agent));
                    works.push(work_on(agent, stop.child_token()));
                }
            }
            tokio::select! {
                Some(over) = works.next() => at_work.retain(|agent| !Arc::ptr_eq(agent, &over)),
                _ = changed.changed() => {}
                () = stop.cancelled() => {}
            }
        }
        while works.next().await.is_some() {}
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

/// The name that a manifest gives its agent.
///
/// # Errors
/// [`AddError::Invalid`] where that is none.
pub(crate) fn name_of(manifest: &Value) -> Result<AgentName, AddError> {
    let name = manifest["metadata"]["name"].as_str().unwrap_or_default();
    AgentName::parse(name).map_err(|error| AddError::Invalid(vec![format!("metadata.name: {error}")]))
}

/// What an agent does besides answering, until it is gone or all stops, and then until its runs are over.
async fn work_on(agent: Arc<ServedAgent>, stop: CancellationToken) -> Arc<ServedAgent> {
    let report = agent.components();
    let gone = async {
        agent.gone().run_until_cancelled(stop.cancelled()).await;
        stop.cancel();
    };
    #[cfg(feature = "network")]
    {
        // Runs under way need their tools to their end.
        let over = CancellationToken::new();
        let work = async {
            agent.work(report, stop.clone()).await;
            stop.cancelled().await;
            over.cancel();
        };
        tokio::join!(gone, work, agent.sources().keep(&agent, report, &over));
    }
    #[cfg(not(feature = "network"))]
    tokio::join!(gone, agent.work(report, stop.clone()));
    agent
}
