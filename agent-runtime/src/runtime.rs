//! The runtime: the agents of one process.

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use skreaver_policy::Policy;
use skreaver_protocol::config::{AgentConfig, ClusterConfig, RuntimeConfig, ToolSource};
use skreaver_protocol::policy::PolicyBundle;
use skreaver_protocol::rest::{ComponentState, Readiness};
use skreaver_protocol::{AgentName, Builtin, ToolName};

use crate::agent::Agent;
use crate::metrics::Metrics;
use crate::readiness::{Components, SERVER};
use crate::tools::{Tool, builtin};

/// The agents of one process, and what they share.
pub struct Runtime {
    agents: ArcSwap<BTreeMap<AgentName, Arc<Agent>>>,
    cluster: Option<ClusterConfig>,
    metrics: Arc<Metrics>,
    components: Components,
    /// Several agents in one process: components carry the agent's name.
    several: bool,
}

/// Builds a [`Runtime`].
pub struct Builder {
    config: RuntimeConfig,
    policies: BTreeMap<AgentName, PolicyBundle>,
    tools: BTreeMap<ToolName, Arc<dyn Tool>>,
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
    /// The policies of an agent do not compile.
    #[error("agent `{agent}`: {problems}")]
    Policy {
        /// The agent.
        agent: AgentName,
        /// All that is wrong with them.
        problems: String,
    },
}

impl Builder {
    /// The policies of an agent. An agent without any may use the tools it lists.
    #[must_use]
    pub fn policies(mut self, agent: AgentName, bundle: PolicyBundle) -> Self {
        self.policies.insert(agent, bundle);
        self
    }

    /// A tool of one's own, under the name by which agents list it. It comes before a built-in one of that name.
    #[must_use]
    pub fn tool(mut self, name: ToolName, tool: Arc<dyn Tool>) -> Self {
        self.tools.insert(name, tool);
        self
    }

    /// The runtime, with every agent ready to answer.
    ///
    /// # Errors
    /// [`BuildError`] for the first agent that cannot be made.
    pub fn build(self) -> Result<Runtime, BuildError> {
        let Self { config: RuntimeConfig { agents, cluster }, mut policies, tools } = self;
        let metrics = Arc::new(Metrics::new());
        let several = agents.len() > 1;
        let steered = cluster.as_ref().is_some_and(|cluster| cluster.control.is_some());
        let mut built = BTreeMap::new();
        let mut components = vec![(SERVER.to_owned(), ComponentState::Ready), ("config".to_owned(), ComponentState::Ready)];
        for config in agents {
            let bundle = policies.remove(&config.name).unwrap_or_default();
            let name = config.name.clone();
            // In a steered pod the mounted policies may be old: the stream has to confirm them first.
            let state = if steered { ComponentState::NotReady } else { ComponentState::Ready };
            components.push((policy_component(several, &name), state));
            built.insert(name, Arc::new(build_agent(config, &bundle, &tools, &metrics)?));
        }
        let components = Components::new(components);
        Ok(Runtime { agents: ArcSwap::from_pointee(built), cluster, metrics, components, several })
    }
}

fn build_agent(
    config: AgentConfig,
    bundle: &PolicyBundle,
    own_tools: &BTreeMap<ToolName, Arc<dyn Tool>>,
    metrics: &Arc<Metrics>,
) -> Result<Agent, BuildError> {
    let policy = Policy::compile(bundle).map_err(|problems| BuildError::Policy {
        agent: config.name.clone(),
        problems: problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
    })?;
    let mut tools = BTreeMap::new();
    for tool in &config.tools {
        let found = match tool.source {
            ToolSource::Builtin => {
                own_tools.get(&tool.name).cloned().or_else(|| Builtin::from_name(tool.name.as_str()).map(builtin))
            }
        };
        let found = found.ok_or_else(|| BuildError::UnknownTool { agent: config.name.clone(), tool: tool.name.clone() })?;
        tools.insert(tool.name.clone(), found);
    }
    Ok(Agent::new(config, tools, policy, Arc::clone(metrics)))
}

fn policy_component(several: bool, agent: &AgentName) -> String {
    if several { format!("{agent}/policy") } else { "policy".to_owned() }
}

impl Runtime {
    /// Starts to build a runtime for these agents.
    pub fn builder(config: RuntimeConfig) -> Builder {
        Builder { config, policies: BTreeMap::new(), tools: BTreeMap::new() }
    }

    /// The agent of this name.
    pub fn agent(&self, name: &str) -> Option<Arc<Agent>> {
        self.agents.load().get(name).cloned()
    }

    /// All agents, by name.
    pub fn agents(&self) -> Vec<Arc<Agent>> {
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
        self.components.remove(&policy_component(self.several, &agent.config().name));
        Ok(())
    }

    /// Whether traffic should come here.
    pub fn readiness(&self) -> Readiness {
        self.components.readiness()
    }

    /// Turns readiness off: traffic is to go elsewhere, what comes all the same is served.
    pub fn begin_drain(&self) {
        self.components.set(SERVER, ComponentState::NotReady, Some("shutting down".to_owned()));
    }

    pub(crate) fn set_policy_state(&self, agent: &AgentName, state: ComponentState, message: Option<String>) {
        self.components.set(&policy_component(self.several, agent), state, message);
    }

    pub(crate) fn components(&self) -> &Components {
        &self.components
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// The longest that a run of any agent may take.
    pub(crate) fn longest_run(&self) -> std::time::Duration {
        self.agents().iter().map(|agent| agent.config().limits.run_timeout.get()).max().unwrap_or_default()
    }
}
