//! Makes one agent: from its configuration and its policies, with what the agents of a runtime share.

use std::collections::BTreeMap;
use std::sync::Arc;

use skreaver_memory::Memory;
use skreaver_model::Model;
use skreaver_policy::Policy;
use skreaver_policy::bounds::{Ground, Host, Own};
use skreaver_protocol::config::{AgentConfig, ToolSource};
use skreaver_protocol::policy::PolicyBundle;
use skreaver_protocol::{AgentName, Builtin, ToolName};

use crate::agent::{Parts, ServedAgent, Slot};
use crate::audit::{Auditor, Logs};
use crate::build::BuildError;
use crate::custom::Agent;
use crate::metrics::Metrics;
use crate::mind::{self, Http, Thoughts};
use crate::readiness::{AgentComponents, MODEL};
use crate::security::SecurityConfig;
#[cfg(feature = "network")]
use crate::tools::remote::{ConfiguredSource, Sources};
use crate::tools::remote::{Made, Remote, Siblings};
#[cfg(feature = "workers")]
use crate::tools::worker::Pool;
use crate::tools::{Effects, InMemoryToolRegistry, Tool, builtin};

/// What the agents of a runtime share, for as long as it is there.
pub(crate) struct Workshop {
    pub(crate) ground: Ground,
    /// Whether an operator hands it policies.
    #[cfg(feature = "network")]
    pub(crate) is_steered: bool,
    pub(crate) security: Option<SecurityConfig>,
    pub(crate) tools: InMemoryToolRegistry,
    pub(crate) http: Http,
    #[cfg(feature = "workers")]
    pub(crate) workers: Option<Arc<Pool>>,
    pub(crate) siblings: Siblings,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) logs: Arc<Logs>,
}

/// What the library's user brings along for one agent.
#[derive(Default)]
pub(crate) struct Brought {
    pub(crate) agent: Option<Arc<dyn Agent>>,
    pub(crate) memory: Option<Arc<dyn Memory>>,
    pub(crate) models: Vec<Arc<dyn Model>>,
}

/// The tools of an agent, the places that its configuration names for them, and the sources that find more.
#[derive(Default)]
struct MadeTools {
    tools: BTreeMap<ToolName, Arc<dyn Tool>>,
    places: Vec<(Host, u16)>,
    #[cfg(feature = "network")]
    sources: Vec<ConfiguredSource>,
}

impl Workshop {
    /// The agent, ready to answer.
    ///
    /// # Errors
    /// [`BuildError`] for the first thing that cannot be made.
    pub(crate) fn make(
        &self,
        config: AgentConfig,
        mut bundle: PolicyBundle,
        brought: Brought,
        components: AgentComponents,
    ) -> Result<ServedAgent, BuildError> {
        let name = config.name.clone();
        let Brought { agent, memory, models } = brought;
        // What the tools of remote sources were when they were first seen, where that is known now: an operator tells it later.
        #[cfg(feature = "network")]
        let pins = (!self.is_steered).then(|| bundle.pins.clone());
        bundle.policies.extend(self.security.as_ref().map(SecurityConfig::policy));
        let policy = policy(&name, &bundle)?;
        let memory = config.memory.clone().map(|config| Arc::new(Slot::new(config, memory)));
        let effects = Effects::new(&name, &self.metrics);
        let remote = Remote { agent: &name, effects: &effects, siblings: &self.siblings, ground: self.ground };
        let made = self.tools_of(&config, memory.as_ref(), &effects, &remote)?;
        // What calls may touch where no policy says otherwise: the agent's own directory, its own places, and public hosts.
        let own_bounds = Own { folder: config.files.clone(), places: made.places, ground: self.ground };
        let tools = made.tools;
        let thoughts = match &agent {
            Some(agent) => mind::own(&config, agent.as_ref()).map(|setup| Thoughts { setup, mind: None }),
            None => {
                let component = components.name(MODEL);
                mind::think(&config, &tools, models, &self.http, Arc::clone(components.all()), component)
            }
        };
        let Thoughts { setup, mind } = thoughts.map_err(|problem| BuildError::Model { agent: name, problem })?;
        Ok(ServedAgent::new(Parts {
            config,
            setup,
            mind,
            own: agent,
            tools,
            #[cfg(feature = "network")]
            sources: Sources::new(made.sources, pins),
            policy,
            own_bounds,
            components,
            metrics: Arc::clone(&self.metrics),
            auditor: Auditor::new(Arc::clone(&self.logs), memory.clone()),
            memory,
        }))
    }

    fn tools_of(
        &self,
        config: &AgentConfig,
        memory: Option<&Arc<Slot>>,
        effects: &Effects,
        remote: &Remote<'_>,
    ) -> Result<MadeTools, BuildError> {
        let mut made = MadeTools::default();
        for tool in &config.tools {
            let (agent, name) = (config.name.clone(), tool.name.clone());
            let found = match &tool.source {
                ToolSource::Builtin => match (self.tools.get(name.as_str()), Builtin::from_name(name.as_str())) {
                    (Some(own), _) => Some(Arc::clone(own)),
                    (None, Some(known)) if known.needs_memory() && memory.is_none() => {
                        return Err(BuildError::NoMemory { agent, tool: name });
                    }
                    (None, Some(known)) if known.needs_network() || known.needs_files() => Some(effects.tool(known)?),
                    (None, Some(known)) => Some(builtin(known, memory)),
                    (None, None) => None,
                },
                ToolSource::Http(_) | ToolSource::OpenApi(_) | ToolSource::Mcp(_) | ToolSource::Agent(_) => {
                    match remote.make(tool)? {
                        Made::Tools { tools, places } => {
                            made.tools.extend(tools);
                            made.places.extend(places);
                        }
                        #[cfg(feature = "network")]
                        Made::Source(source) => made.sources.push(*source),
                    }
                    continue;
                }
            };
            let found = found.ok_or_else(|| BuildError::UnknownTool { agent, tool: name.clone() })?;
            made.tools.insert(name, self.isolated(found));
        }
        Ok(made)
    }

    fn isolated(&self, tool: Arc<dyn Tool>) -> Arc<dyn Tool> {
        #[cfg(feature = "workers")]
        if let Some(pool) = &self.workers {
            return pool.isolate(tool);
        }
        tool
    }
}

fn policy(agent: &AgentName, bundle: &PolicyBundle) -> Result<Policy, BuildError> {
    Policy::compile(bundle).map_err(|problems| BuildError::Policy {
        agent: agent.clone(),
        problems: problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
    })
}
