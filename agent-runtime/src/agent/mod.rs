//! One agent: takes an observation through queue, run and tools to an answer.

mod audit;
mod background;
mod counts;
mod follow;
mod memory;
mod metered;
mod observe;
mod queues;
mod sessions;
mod work;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use skreaver_memory::Memory;
use skreaver_policy::Policy;
use skreaver_policy::bounds::Own;
#[cfg(feature = "mcp")]
use skreaver_policy::{Approved, Needs};
use skreaver_protocol::ToolName;
use skreaver_protocol::config::AgentConfig;
use skreaver_protocol::rest::{AgentStatus, AgentSummary};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::admission::Admission;
use crate::approvals::Approvals;
use crate::audit::Auditor;
use crate::coordinator::Setup;
use crate::custom::Agent;
use crate::metrics::Metrics;
use crate::readiness::AgentComponents;
use crate::runs::{Live, Mind};
#[cfg(feature = "mcp")]
use crate::tools::CallError;
#[cfg(feature = "network")]
use crate::tools::remote::Sources;
use crate::tools::{Tool, ToolCall, ToolResult, Toolbox};

pub use crate::coordinator::Failure;
pub use crate::runs::{Cursor, Owner};
pub(crate) use background::Report;
pub use follow::Followed;
#[cfg(feature = "http")]
pub(crate) use observe::unknown_run;
pub use observe::{Observation, Said};
#[cfg(feature = "a2a")]
pub(crate) use sessions::Inside;

use counts::Counts;
pub(crate) use memory::{Slot, sentence};
use queues::Queues;

/// An agent that answers.
pub struct ServedAgent {
    config: AgentConfig,
    setup: Setup,
    mind: Option<Mind>,
    /// Code of the library's user, in the place of a mind.
    own: Option<Arc<dyn Agent>>,
    toolbox: Toolbox,
    admission: Admission,
    /// Where its calls wait for people.
    approvals: Approvals,
    /// Where tools come from that are found while it runs.
    #[cfg(feature = "network")]
    sources: Sources,
    /// What is told of how its parts do.
    components: AgentComponents,
    metrics: Arc<Metrics>,
    counts: Counts,
    /// Where it remembers; nothing for a stateless agent.
    memory: Option<Arc<Slot>>,
    /// The runs of this process that outlive their callers.
    live: Mutex<HashMap<Uuid, Arc<Live>>>,
    /// Who comes first in a session.
    queues: Queues,
    /// Who works on them.
    tasks: TaskTracker,
    /// The process is to end, and waits for no people any more.
    draining: CancellationToken,
    /// It is served no longer: its work in the background ends with its runs.
    gone: CancellationToken,
}

/// What came of a call about which somebody could be asked.
#[cfg(feature = "mcp")]
pub(crate) enum Called<Q> {
    /// It was made.
    Answered(ToolResult),
    /// It was not: the question has to be answered first.
    Asked(Q),
}

/// What somebody said who was asked about a call.
#[cfg(feature = "mcp")]
pub(crate) enum Word<Q> {
    /// It may be made.
    Approved(Approved),
    /// The question, to be answered before the call is made again.
    Later(Q),
    /// Nobody can be asked.
    Nobody,
}

/// What an agent is made of.
pub(crate) struct Parts {
    pub(crate) config: AgentConfig,
    pub(crate) setup: Setup,
    pub(crate) mind: Option<Mind>,
    pub(crate) own: Option<Arc<dyn Agent>>,
    pub(crate) tools: BTreeMap<ToolName, Arc<dyn Tool>>,
    #[cfg(feature = "network")]
    pub(crate) sources: Sources,
    pub(crate) policy: Policy,
    /// What its calls may touch where no policy says otherwise.
    pub(crate) own_bounds: Own,
    pub(crate) components: AgentComponents,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) auditor: Auditor,
    pub(crate) memory: Option<Arc<Slot>>,
}

impl ServedAgent {
    pub(crate) fn new(parts: Parts) -> Self {
        let Parts { config, setup, mind, own, tools, policy, own_bounds, components, metrics, auditor, memory, .. } = parts;
        Self {
            toolbox: Toolbox::new(config.name.clone(), tools, policy, own_bounds, Arc::clone(&metrics), auditor),
            admission: Admission::new(config.limits.concurrency, config.limits.queue_length),
            approvals: Approvals::default(),
            #[cfg(feature = "network")]
            sources: parts.sources,
            config,
            setup,
            mind,
            own,
            components,
            metrics,
            counts: Counts::default(),
            memory,
            live: Mutex::default(),
            queues: Queues::default(),
            tasks: TaskTracker::new(),
            draining: CancellationToken::new(),
            gone: CancellationToken::new(),
        }
    }

    /// What it was made from.
    pub fn config(&self) -> &AgentConfig {
        &self.config
    }

    /// Its tools, behind their door.
    pub fn toolbox(&self) -> &Toolbox {
        &self.toolbox
    }

    /// Its memory, if it has one and that answers.
    pub fn memory(&self) -> Option<Arc<dyn Memory>> {
        self.memory.as_ref()?.kept().map(|kept| Arc::clone(kept.memory()))
    }

    /// The version of the policy in force.
    pub fn policy_version(&self) -> u64 {
        self.toolbox.policy_version()
    }

    /// Puts another policy in force, whole: a call is decided by the old or by the new one.
    pub fn set_policy(&self, policy: Policy) {
        self.toolbox.set_policy(policy);
    }

    /// Calls one tool for a client that has a mind of its own. Bounded and counted like a run.
    ///
    /// # Errors
    /// [`Failure`], counted by what it was about.
    pub async fn call(&self, call: ToolCall) -> Result<ToolResult, Failure> {
        let work = async { self.toolbox.call(call).await.map_err(|error| crate::runs::call_failure(&error)) };
        self.bounded(work).await
    }

    /// As [`ServedAgent::call`], with somebody who may be asked about a call that only lacks the word of people.
    ///
    /// # Errors
    /// [`Failure`], counted by what it was about.
    #[cfg(feature = "mcp")]
    pub(crate) async fn call_asking<Q, F>(
        &self,
        call: ToolCall,
        ask: impl FnOnce(Needs) -> F + Send,
    ) -> Result<Called<Q>, Failure>
    where
        F: Future<Output = Result<Word<Q>, Failure>> + Send,
    {
        let work = async {
            let outcome = match self.toolbox.decide(call.clone()) {
                Ok(decided) => self.toolbox.run(decided).await,
                Err(CallError::Denied(denial)) if denial.needs().is_some() => {
                    let needs = denial.needs().cloned().expect("it was looked at");
                    match ask(needs).await? {
                        Word::Later(question) => return Ok(Called::Asked(question)),
                        Word::Approved(approved) => self.toolbox.call(ToolCall { approved: Some(approved), ..call }).await,
                        Word::Nobody => self.toolbox.call(call).await,
                    }
                }
                Err(error) => Err(error),
            };
            outcome.map(Called::Answered).map_err(|error| crate::runs::call_failure(&error))
        };
        self.bounded(work).await
    }

    /// Whether it is code of the library's user.
    #[cfg(feature = "mcp")]
    pub(crate) fn is_own(&self) -> bool {
        self.own.is_some()
    }

    /// Where tools come from that are found while it runs.
    #[cfg(feature = "network")]
    pub(crate) fn sources(&self) -> &Sources {
        &self.sources
    }

    /// Where its calls wait for people.
    pub fn approvals(&self) -> &Approvals {
        &self.approvals
    }

    /// Leaves runs that are kept and wait for people to whoever takes them up next.
    pub(crate) fn begin_drain(&self) {
        self.draining.cancel();
    }

    /// What is told of how its parts do.
    pub(crate) fn components(&self) -> &AgentComponents {
        &self.components
    }

    /// Whether it is served no longer, to be waited for.
    pub(crate) fn gone(&self) -> &CancellationToken {
        &self.gone
    }

    /// How it is listed.
    pub fn summary(&self) -> AgentSummary {
        AgentSummary { id: self.config.name.clone(), description: self.config.description.clone() }
    }

    /// How it does.
    pub fn status(&self) -> AgentStatus {
        AgentStatus {
            id: self.config.name.clone(),
            description: self.config.description.clone(),
            tools: self.toolbox.permitted(),
            policy_version: self.policy_version(),
            running: count(self.admission.running()),
            queued: count(self.admission.queued()),
            runs: self.counts.told(),
            refusals: self.toolbox.refusals(),
        }
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
