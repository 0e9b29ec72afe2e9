//! Tools that are elsewhere: made from their configuration, and the sources that find theirs at run time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use async_trait::async_trait;
use skreaver_effects::Bounds;
use skreaver_policy::bounds::{Ground, Host, Own};
use skreaver_protocol::config::{McpConfig, ToolConfig, ToolSource};
use skreaver_protocol::control::FoundSource;
#[cfg(feature = "control")]
use skreaver_protocol::policy::PolicyBundle;
use skreaver_protocol::rest::{ComponentReason, ComponentState};
use skreaver_protocol::{AgentName, ToolName};
use skreaver_remote::agent::{AgentTool, Asked, Observe};
use skreaver_remote::mcp::McpSource;
use skreaver_remote::{Offer, Problem, Source, SourceState, World, agent, http, openapi};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::{Effects, Tool};
use crate::agent::{Observation, ServedAgent};
use crate::build::BuildError;
use crate::hops;
use crate::runtime::Agents;
use crate::secrets;
use crate::trace::{info, warn};

/// Makes the tools of one agent that are elsewhere.
pub(crate) struct Remote<'a> {
    pub(crate) agent: &'a AgentName,
    pub(crate) effects: &'a Effects,
    pub(crate) siblings: &'a Siblings,
    pub(crate) ground: Ground,
}

/// What an agent has of one configured tool.
pub(crate) enum Made {
    /// These tools, and the hosts and ports that the configuration names for them.
    Tools { tools: Vec<(ToolName, Arc<dyn Tool>)>, places: Vec<(Host, u16)> },
    /// Tools that are found while it runs, at a place that is reached by bounds of its own.
    Source(Box<ConfiguredSource>),
}

/// A source of tools that has not been reached for.
pub(crate) struct ConfiguredSource {
    name: ToolName,
    config: McpConfig,
    world: World,
}

impl Remote<'_> {
    /// The tool, or the source, that this configures.
    ///
    /// # Errors
    /// [`BuildError`] with everything that is wrong with it.
    pub(crate) fn make(&self, configured: &ToolConfig) -> Result<Made, BuildError> {
        let ToolConfig { name, required: _, source } = configured;
        let world = self.world(name)?;
        let wrong = |problems: Vec<Problem>| BuildError::Tool {
            agent: self.agent.clone(),
            tool: name.clone(),
            problem: problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
        };
        let one = |tool: Arc<dyn Tool>, places| Made::Tools { tools: vec![(name.clone(), tool)], places };
        Ok(match source {
            ToolSource::Builtin => return Err(BuildError::UnknownTool { agent: self.agent.clone(), tool: name.clone() }),
            ToolSource::Http(config) => one(Arc::new(http::compile(config, &world).map_err(wrong)?), http::places(config)),
            ToolSource::OpenApi(config) => {
                let compiled = openapi::compile(name, config, &world).map_err(wrong)?;
                for problem in &compiled.left_out {
                    warn!(agent = %self.agent, tool = %name, %problem, "an operation is left out");
                }
                let tools = compiled.tools.into_iter().map(|(name, tool)| (name, Arc::new(tool) as Arc<dyn Tool>)).collect();
                Made::Tools { tools, places: compiled.places }
            }
            ToolSource::Agent(config) => {
                let here: Arc<dyn Observe> = Arc::new(self.siblings.clone());
                one(Arc::new(AgentTool::compile(config, &world, &here).map_err(wrong)?), agent::places(config))
            }
            ToolSource::Mcp(config) => {
                Made::Source(Box::new(ConfiguredSource { name: name.clone(), config: McpConfig::clone(config), world }))
            }
        })
    }

    fn world(&self, name: &ToolName) -> Result<World, BuildError> {
        let guard = self.effects.guard_of(name)?;
        let closed = Arc::new(Bounds::new(Own::default(), []));
        Ok(World { guard, secrets: Arc::new(secrets::read), bounds: Arc::new(move || Arc::clone(&closed)), ground: self.ground })
    }
}

/// The other agents of the process.
#[derive(Clone)]
pub(crate) struct Siblings(pub(crate) Weak<Agents>);

#[async_trait]
impl Observe for Siblings {
    async fn observe(&self, asked: Asked<'_>) -> Result<String, String> {
        let Asked { agent, input, call, caller, hops } = asked;
        let agents = self.0.upgrade().ok_or("the runtime has ended")?;
        let found = agents.load().get(agent).cloned();
        let found = found.ok_or_else(|| format!("unknown_agent: no agent of this process is named `{agent}`"))?;
        let idempotency_key = found.config().memory.as_ref().map(|_| call.to_owned());
        let input = input.to_owned();
        let observation = Observation { caller: caller.clone(), idempotency_key, hops, ..Observation::new(input) };
        let trace = hops::trace();
        // A task of its own, that ends with who asks: agents that ask each other would stand on one stack otherwise.
        let asked = tokio::spawn(hops::traced(trace, async move { found.observe(observation).await }));
        match AbortOnDropHandle::new(asked).await {
            Ok(Ok(answer)) => Ok(answer.output),
            Err(error) => Err(format!("internal: the agent ended early: {error}")),
            Ok(Err(problem)) => {
                let code = serde_json::to_value(problem.code).ok();
                let code = code.as_ref().and_then(|code| code.as_str()).unwrap_or_default();
                Err(format!("{code}: {}", problem.detail))
            }
        }
    }
}

/// The sources of one agent.
#[derive(Default)]
pub(crate) struct Sources {
    configured: Vec<ConfiguredSource>,
    reached: Mutex<BTreeMap<ToolName, Arc<McpSource>>>,
    /// What the tools of each were when they were first seen; nothing until somebody has told.
    pins: Mutex<Option<Pins>>,
    found: watch::Sender<BTreeMap<ToolName, FoundSource>>,
}

type Pins = BTreeMap<ToolName, BTreeMap<String, String>>;

/// Where the state of a source is told.
pub(crate) trait ReportSource: Send + Sync {
    /// A source is in this state now. One that answered once no longer keeps the pod from being ready.
    fn source(&self, name: &ToolName, state: ComponentState, reason: Option<ComponentReason>, message: Option<String>);
}

impl Sources {
    /// `pins` are told at once where nobody else will tell any.
    pub(crate) fn new(configured: Vec<ConfiguredSource>, pins: Option<Pins>) -> Self {
        Self { configured, pins: Mutex::new(pins), ..Self::default() }
    }

    /// Tells the sources what their tools were when they were first seen.
    #[cfg(feature = "control")]
    pub(crate) fn set_pins(&self, bundle: &PolicyBundle) {
        let pins = bundle.pins.clone();
        for (name, source) in &*self.reached.lock().unwrap_or_else(PoisonError::into_inner) {
            source.set_pins(pins.get(name).cloned());
        }
        *self.pins.lock().unwrap_or_else(PoisonError::into_inner) = Some(pins);
    }

    /// What the sources found, now and from now on.
    #[cfg(feature = "control")]
    pub(crate) fn found(&self) -> watch::Receiver<BTreeMap<ToolName, FoundSource>> {
        self.found.subscribe()
    }

    /// Reaches for every source, and keeps the agent's tools as they offer them, until `stop`.
    pub(crate) async fn keep(&self, agent: &Arc<ServedAgent>, report: &dyn ReportSource, stop: &CancellationToken) {
        let keeping = self.configured.iter().map(|source| self.keep_one(source, agent, report));
        stop.run_until_cancelled(futures::future::join_all(keeping)).await;
        self.reached.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    async fn keep_one(&self, configured: &ConfiguredSource, agent: &Arc<ServedAgent>, report: &dyn ReportSource) {
        let ConfiguredSource { name, config, world } = configured;
        let weak = Arc::downgrade(agent);
        let closed = Arc::new(Bounds::new(Own::default(), []));
        let bounds = move || weak.upgrade().map_or_else(|| Arc::clone(&closed), |agent| agent.toolbox().bounds());
        let world = World { bounds: Arc::new(bounds), ..world.clone() };
        let source = Arc::new(McpSource::start(name.clone(), config.clone(), world));
        self.reached.lock().unwrap_or_else(PoisonError::into_inner).insert(name.clone(), Arc::clone(&source));
        if let Some(pins) = &*self.pins.lock().unwrap_or_else(PoisonError::into_inner) {
            source.set_pins(pins.get(name).cloned());
        }
        let mut offers = source.offers();
        drop(source);
        loop {
            let offer = offers.borrow_and_update().clone();
            self.offered(name, &offer, agent, report);
            if offers.changed().await.is_err() {
                return;
            }
        }
    }

    fn offered(&self, name: &ToolName, offer: &Offer, agent: &Arc<ServedAgent>, report: &dyn ReportSource) {
        agent.toolbox().set_source(name, &offer.tools);
        let found = FoundSource { name: name.clone(), tools: offer.found.clone() };
        if offer.state == SourceState::Ready {
            self.found.send_if_modified(|all| all.insert(name.clone(), found.clone()).as_ref() != Some(&found));
        }
        let agent = &agent.config().name;
        for drift in &offer.drift {
            let (tool, is_withheld) = (drift.tool.escape_debug(), drift.is_withheld);
            info!(%agent, source = %name, %tool, is_withheld, "a remote tool is not what it was when it was first seen");
        }
        match &offer.state {
            SourceState::Connecting => {}
            SourceState::Ready => report.source(name, ComponentState::Ready, None, None),
            SourceState::Lost { why } => {
                report.source(name, ComponentState::NotReady, Some(ComponentReason::Unreachable), Some(why.clone()));
            }
        }
    }
}
