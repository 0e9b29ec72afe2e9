//! Builds a runtime: from a configuration, and from what the library's user brings along.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use skreaver_memory::Memory;
use skreaver_model::Model;
use skreaver_policy::bounds::Ground;
use skreaver_protocol::auth::AuthConfig;
use skreaver_protocol::config::{AgentConfig, MemoryConfig, RuntimeConfig, StoreConfig, ToolConfig};
use skreaver_protocol::policy::PolicyBundle;
use skreaver_protocol::rest::ComponentState;
use skreaver_protocol::{AgentName, ToolName};
use tokio::sync::watch;

use crate::audit::{AuditLog, Logs};
use crate::auth::Guard;
use crate::custom::Agent;
use crate::metrics::Metrics;
use crate::mind::Http;
use crate::readiness::{AUTH, AgentComponents, Components, SERVER};
use crate::runtime::{Agents, Manifests, Runtime};
use crate::security::SecurityConfig;
use crate::tools::remote::Siblings;
#[cfg(feature = "workers")]
use crate::tools::worker::Pool;
use crate::tools::{InMemoryToolRegistry, Tool};
use crate::workshop::{Brought, Workshop};

/// Builds a [`Runtime`].
pub struct Builder {
    config: RuntimeConfig,
    policies: BTreeMap<AgentName, PolicyBundle>,
    security: Option<SecurityConfig>,
    auth: Option<AuthConfig>,
    audit: Vec<AuditLog>,
    tools: InMemoryToolRegistry,
    agents: BTreeMap<AgentName, Arc<dyn Agent>>,
    memories: BTreeMap<AgentName, Arc<dyn Memory>>,
    models: BTreeMap<AgentName, Vec<Arc<dyn Model>>>,
    http: Http,
    manifests: Option<Manifests>,
    #[cfg(feature = "http")]
    cors_origins: Vec<crate::http::Origin>,
    #[cfg(feature = "unstable-websocket")]
    websocket: crate::http::websocket::WebSocketConfig,
    #[cfg(feature = "workers")]
    workers: Option<Arc<Pool>>,
}

/// Why a runtime cannot be built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// A tool of the configuration is neither built in nor registered.
    #[error("agent `{agent}`: no built-in tool is named `{tool}`")]
    UnknownTool {
        /// The agent.
        agent: AgentName,
        /// The tool.
        tool: ToolName,
    },
    /// A tool keeps what it is told, and the agent has no memory.
    #[error("agent `{agent}`: the tool `{tool}` needs an agent with memory")]
    NoMemory {
        /// The agent.
        agent: AgentName,
        /// The tool.
        tool: ToolName,
    },
    /// The configuration asks for what the program was built without.
    #[error("this program was built without {what}; build it with the cargo feature `{feature}`")]
    NotBuilt {
        /// What it is.
        what: &'static str,
        /// The feature of the package `skreaver` that brings it.
        feature: &'static str,
    },
    /// The policies of an agent do not compile.
    #[error("agent `{agent}`: {problems}")]
    Policy {
        /// The agent.
        agent: AgentName,
        /// All that is wrong with them.
        problems: String,
    },
    /// An operator hands the runtime its policies, and would take this one out of force.
    #[error("a runtime that an operator hands policies takes no security configuration; write a ToolPolicy")]
    Steered,
    /// How callers are known, or what they may do, is configured wrongly.
    #[error("{problems}")]
    Auth {
        /// All that is wrong, each with its path.
        problems: String,
    },
    /// A tool cannot have its effects.
    #[error("agent `{agent}`: the tool `{tool}` cannot work: {problem}")]
    Tool {
        /// The agent.
        agent: AgentName,
        /// The tool.
        tool: ToolName,
        /// Why not.
        problem: String,
    },
    /// The agent cannot think as its configuration says.
    #[error("agent `{agent}`: {problem}")]
    Model {
        /// The agent.
        agent: AgentName,
        /// What is wrong, and what to write instead.
        problem: String,
    },
}

impl Builder {
    pub(crate) fn new() -> Self {
        Self {
            config: RuntimeConfig { agents: Vec::new(), cluster: None, auth: None },
            policies: BTreeMap::new(),
            security: None,
            auth: None,
            audit: Vec::new(),
            tools: InMemoryToolRegistry::new(),
            agents: BTreeMap::new(),
            memories: BTreeMap::new(),
            models: BTreeMap::new(),
            http: Http::default(),
            manifests: None,
            #[cfg(feature = "http")]
            cors_origins: Vec::new(),
            #[cfg(feature = "unstable-websocket")]
            websocket: crate::http::websocket::WebSocketConfig::default(),
            #[cfg(feature = "workers")]
            workers: None,
        }
    }

    /// The agents that a configuration describes, and what it says of the cluster. It takes the place of one given before.
    #[must_use]
    pub fn config(mut self, config: RuntimeConfig) -> Self {
        self.config = config;
        self
    }

    /// An agent of one's own, written in Rust. Where the configuration describes an agent of this name, that is how it is
    /// bounded, what it remembers, and which tools it has. Otherwise it has the usual limits and every tool that is registered.
    #[must_use]
    pub fn agent(mut self, name: AgentName, agent: Arc<dyn Agent>) -> Self {
        self.agents.insert(name, agent);
        self
    }

    /// The policies of an agent. An agent without any may use the tools it lists.
    #[must_use]
    pub fn policies(mut self, agent: AgentName, bundle: PolicyBundle) -> Self {
        self.policies.insert(agent, bundle);
        self
    }

    /// What every agent may do, besides what its policies say.
    #[must_use]
    pub fn security(mut self, security: SecurityConfig) -> Self {
        self.security = Some(security);
        self
    }

    /// How callers of the API are known, and what they may do, in the place of what the configuration says of it. Without either
    /// nobody is asked.
    #[must_use]
    pub fn auth(mut self, auth: AuthConfig) -> Self {
        self.auth = Some(auth);
        self
    }

    /// A log of every decision over a tool call of every agent, besides those that policies ask for.
    #[must_use]
    pub fn audit(mut self, log: AuditLog) -> Self {
        self.audit.push(log);
        self
    }

    /// A tool of one's own, under the name by which agents list it. It comes before a built-in one of that name.
    #[must_use]
    pub fn tool(mut self, name: ToolName, tool: Arc<dyn Tool>) -> Self {
        self.tools.replace(name, tool);
        self
    }

    /// Tools of one's own, besides those that were given before.
    #[must_use]
    pub fn tools(mut self, registry: InMemoryToolRegistry) -> Self {
        for (name, tool) in registry.iter() {
            self.tools.replace(name.clone(), Arc::clone(tool));
        }
        self
    }

    /// Memory of one's own for an agent, in the place of the store that its configuration names. An agent without any promises
    /// then as much as this memory can keep.
    #[must_use]
    pub fn memory(mut self, agent: AgentName, memory: Arc<dyn Memory>) -> Self {
        self.memories.insert(agent, memory);
        self
    }

    /// Models of one's own for an agent, each in the place of the one that its configuration names there.
    #[must_use]
    pub fn models(mut self, agent: AgentName, models: Vec<Arc<dyn Model>>) -> Self {
        self.models.insert(agent, models);
        self
    }

    /// How a manifest of an agent is read, for agents that are added while the runtime runs: by [`Runtime::add_manifest`], and over
    /// REST. Without it only configurations can be added. It may read files, and is asked one manifest at a time.
    #[must_use]
    pub fn manifests(
        mut self,
        read: impl Fn(serde_json::Value) -> Result<(AgentConfig, PolicyBundle), Vec<String>> + Send + Sync + 'static,
    ) -> Self {
        self.manifests = Some(Box::new(read));
        self
    }

    /// The workers in which tools run that chew what strangers wrote. Without any they run in this process, which nothing can
    /// stop then, and take less at once.
    #[cfg(feature = "workers")]
    #[must_use]
    pub fn workers(mut self, pool: Arc<Pool>) -> Self {
        self.workers = Some(pool);
        self
    }

    /// The origins whose scripts browsers let call the API, besides its own.
    #[cfg(feature = "http")]
    #[must_use]
    pub fn cors_origins(mut self, origins: impl IntoIterator<Item = crate::http::Origin>) -> Self {
        self.cors_origins.extend(origins);
        self
    }

    /// How WebSocket connections are held.
    #[cfg(feature = "unstable-websocket")]
    #[must_use]
    pub fn websocket(mut self, config: crate::http::websocket::WebSocketConfig) -> Self {
        self.websocket = config;
        self
    }

    /// The runtime, with every agent ready to answer.
    ///
    /// # Errors
    /// [`BuildError`] for the first agent that cannot be made.
    pub fn build(mut self) -> Result<Runtime, BuildError> {
        if self.is_steered() && !cfg!(feature = "control") {
            return Err(BuildError::NotBuilt { what: "the stream to the operator", feature: "control" });
        }
        if self.is_steered() && self.security.is_some() {
            return Err(BuildError::Steered);
        }
        let metrics = Arc::new(Metrics::new());
        let agents = self.described();
        let served = Arc::new(Agents::default());
        let is_several = agents.len() > 1;
        let (auth, is_steered) = (self.auth.take().or(self.config.auth.take()), self.is_steered());
        let components = Arc::new(own_components(auth.is_some()));
        let guard = auth.map(|auth| Guard::new(&auth, Arc::clone(&components)).map(Arc::new)).transpose()?;
        let workshop = Workshop {
            ground: if self.config.cluster.is_some() { Ground::Cluster } else { Ground::Laptop },
            #[cfg(feature = "network")]
            is_steered,
            security: self.security.take(),
            tools: self.tools,
            http: self.http,
            #[cfg(feature = "workers")]
            workers: self.workers,
            siblings: Siblings(Arc::downgrade(&served)),
            metrics: Arc::clone(&metrics),
            logs: Arc::new(Logs::new(self.audit)),
        };
        // In a steered pod the mounted policies may be old: the stream has to confirm them first.
        let policy = if is_steered { ComponentState::NotReady } else { ComponentState::Ready };
        let mut built = BTreeMap::new();
        for config in agents {
            let name = config.name.clone();
            let agent_components = AgentComponents::new(&components, &config, is_several, policy);
            agent_components.begin();
            let brought = Brought {
                agent: self.agents.remove(&name),
                memory: self.memories.remove(&name),
                models: self.models.remove(&name).unwrap_or_default(),
            };
            let bundle = self.policies.remove(&name).unwrap_or_default();
            built.insert(name, Arc::new(workshop.make(config, bundle, brought, agent_components)?));
        }
        served.store(Arc::new(built));
        Ok(Runtime {
            agents: served,
            changed: watch::Sender::default(),
            changing: Mutex::default(),
            workshop,
            manifests: self.manifests,
            cluster: self.config.cluster,
            metrics,
            components,
            guard,
            #[cfg(feature = "http")]
            cors_origins: self.cors_origins,
            #[cfg(feature = "unstable-websocket")]
            websockets: crate::http::websocket::WebSocketManager::new(self.websocket),
        })
    }

    /// All agents, as they are configured.
    fn described(&mut self) -> Vec<AgentConfig> {
        let mut agents = std::mem::take(&mut self.config.agents);
        let is_new = |name: &&AgentName| agents.iter().all(|agent| agent.name != **name);
        let undescribed: Vec<_> = self.agents.keys().filter(is_new).cloned().collect();
        let listed = || self.tools.iter().map(|(name, _)| ToolConfig::builtin(name.clone())).collect();
        agents.extend(undescribed.into_iter().map(|name| AgentConfig::of_tools(name, listed())));
        for AgentConfig { name, memory, .. } in &mut agents {
            let own = || self.memories.get(name).map(|own| own.strongest());
            *memory = memory.take().or_else(|| {
                own().map(|durability| MemoryConfig {
                    store: StoreConfig::InMemory,
                    durability,
                    retention: None,
                    compaction: None,
                })
            });
        }
        agents
    }

    /// Whether an operator hands it policies.
    fn is_steered(&self) -> bool {
        self.config.cluster.as_ref().is_some_and(|cluster| cluster.control.is_some())
    }
}

/// The components of the process itself.
fn own_components(asks: bool) -> Components {
    let mut states = vec![(SERVER.to_owned(), ComponentState::Ready), ("config".to_owned(), ComponentState::Ready)];
    states.extend(asks.then(|| (AUTH.to_owned(), ComponentState::NotReady)));
    Components::new(states)
}
