//! One agent: takes an observation through queue, coordinator and tools to an answer.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use prometheus::IntGauge;
use skreaver_policy::Policy;
use skreaver_protocol::config::AgentConfig;
use skreaver_protocol::rest::{AgentStatus, AgentSummary, ObserveResponse, RunCounts, ToolCallSummary, Usage};
use skreaver_protocol::{Caller, ToolName};
use uuid::Uuid;

use crate::admission::Admission;
use crate::coordinator::{Effect, Event, State, step};
use crate::metrics::{ErrorKind, Metrics};
use crate::tools::{CallError, Input, Tool, ToolCall, ToolError, ToolResult, Toolbox};

/// An agent that answers.
pub struct Agent {
    config: AgentConfig,
    toolbox: Toolbox,
    policy: Arc<ArcSwap<Policy>>,
    admission: Admission,
    metrics: Arc<Metrics>,
    counts: Counts,
}

#[derive(Default)]
struct Counts {
    completed: AtomicU64,
    failed: AtomicU64,
    rejected: AtomicU64,
}

/// Why a run has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    /// The agent runs and queues as much as it may.
    #[error("agent `{agent}` runs {concurrency} and queues {queue_length} runs at the most, and does; try again")]
    QueueFull {
        /// The agent.
        agent: String,
        /// `limits.concurrency`.
        concurrency: u32,
        /// `limits.queueLength`.
        queue_length: u32,
    },
    /// The run took too long.
    #[error("the run took longer than limits.runTimeout, {}", skreaver_protocol::GoDuration::to_string(.0))]
    Timeout(skreaver_protocol::GoDuration),
    /// A tool call came to nothing.
    #[error(transparent)]
    Call(#[from] CallError),
}

impl RunError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::QueueFull { .. } => ErrorKind::Resource,
            Self::Timeout(_) => ErrorKind::Timeout,
            Self::Call(CallError::UnknownTool { .. }) => ErrorKind::Parse,
            Self::Call(CallError::Tool { error: ToolError::InvalidArguments(_), .. }) => ErrorKind::Parse,
            Self::Call(CallError::Denied(_)) => ErrorKind::Auth,
            Self::Call(CallError::Tool { error: ToolError::Failed(_), .. }) => ErrorKind::Tool,
        }
    }
}

impl Agent {
    /// An agent with its tools, under a policy that may be replaced while it runs.
    pub fn new(config: AgentConfig, tools: BTreeMap<ToolName, Arc<dyn Tool>>, policy: Policy, metrics: Arc<Metrics>) -> Self {
        let policy = Arc::new(ArcSwap::from_pointee(policy));
        Self {
            toolbox: Toolbox::new(config.name.clone(), tools, Arc::clone(&policy), Arc::clone(&metrics)),
            admission: Admission::new(config.limits.concurrency, config.limits.queue_length),
            config,
            policy,
            metrics,
            counts: Counts::default(),
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

    /// The version of the policy in force.
    pub fn policy_version(&self) -> u64 {
        self.policy.load().version()
    }

    /// Puts another policy in force, whole: a call is decided by the old or by the new one.
    pub(crate) fn set_policy(&self, policy: Policy) {
        self.policy.store(Arc::new(policy));
    }

    /// Takes an observation to its answer.
    ///
    /// # Errors
    /// [`RunError`], counted by what it was about.
    pub async fn observe(&self, run: Uuid, caller: Caller, input: String) -> Result<ObserveResponse, RunError> {
        let accepted = Instant::now();
        let results = self.bounded(self.run(caller, input)).await?;
        let tool_calls: Vec<_> = results.1.iter().map(summary).collect();
        Ok(ObserveResponse {
            output: results.0,
            agent: self.config.name.clone(),
            run: run.to_string(),
            usage: Usage { tool_calls: count(tool_calls.len()), duration_us: micros(accepted.elapsed()) },
            tool_calls,
        })
    }

    /// Calls one tool for a client that has a mind of its own. Bounded and counted like a run.
    ///
    /// # Errors
    /// [`RunError`], counted by what it was about.
    pub async fn call(&self, call: ToolCall) -> Result<ToolResult, RunError> {
        self.bounded(async { Ok(self.toolbox.call(call).await?) }).await
    }

    /// Takes work through the queue and under the run timeout, and counts how it ended.
    async fn bounded<T>(&self, work: impl Future<Output = Result<T, RunError>>) -> Result<T, RunError> {
        let limits = &self.config.limits;
        let Ok(place) = self.admission.enter() else {
            self.metrics.rejected();
            self.counts.rejected.fetch_add(1, Ordering::Relaxed);
            return Err(RunError::QueueFull {
                agent: self.config.name.to_string(),
                concurrency: limits.concurrency,
                queue_length: limits.queue_length,
            });
        };
        let _active = Active::enter(self.metrics.active());
        let queued = async {
            let _running = place.turn().await;
            work.await
        };
        let outcome = match tokio::time::timeout(limits.run_timeout.get(), queued).await {
            Ok(outcome) => outcome,
            Err(_) => Err(RunError::Timeout(limits.run_timeout)),
        };
        let ended = match &outcome {
            Ok(_) => &self.counts.completed,
            Err(error) => {
                self.metrics.error(error.kind());
                &self.counts.failed
            }
        };
        ended.fetch_add(1, Ordering::Relaxed);
        outcome
    }

    /// Drives the coordinator: every effect is done, its outcome is the next event.
    async fn run(&self, caller: Caller, input: String) -> Result<(String, Vec<ToolResult>), RunError> {
        let mut results = Vec::new();
        let mut failure = None;
        let (mut state, mut effects) = step(State::New, Event::Observed(input));
        while let Some(effect) = effects.pop() {
            let event = match effect {
                Effect::Answer(output) => return Ok((output, results)),
                Effect::Fail => break,
                Effect::CallTool { tool, text } => {
                    let call = ToolCall { tool, input: Input::Text(text), caller: caller.clone() };
                    match self.toolbox.call(call).await {
                        Ok(result) => {
                            let event = Event::ToolAnswered(result.output.clone());
                            results.push(result);
                            event
                        }
                        Err(error) => {
                            failure = Some(error);
                            Event::ToolFailed
                        }
                    }
                }
            };
            (state, effects) = step(state, event);
        }
        Err(failure.expect("the coordinator ends with an answer or with a failed call").into())
    }

    /// How it is listed.
    pub fn summary(&self) -> AgentSummary {
        AgentSummary { id: self.config.name.clone(), description: self.config.description.clone() }
    }

    /// How it does.
    pub fn status(&self) -> AgentStatus {
        let Counts { completed, failed, rejected } = &self.counts;
        AgentStatus {
            id: self.config.name.clone(),
            description: self.config.description.clone(),
            tools: self.toolbox.permitted(&Caller::Anonymous),
            policy_version: self.policy_version(),
            running: count(self.admission.running()),
            queued: count(self.admission.queued()),
            runs: RunCounts {
                completed: completed.load(Ordering::Relaxed),
                failed: failed.load(Ordering::Relaxed),
                rejected: rejected.load(Ordering::Relaxed),
            },
        }
    }
}

/// Counts a run as active as long as it lives, also when its caller hangs up.
struct Active(IntGauge);

impl Active {
    fn enter(gauge: &IntGauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        self.0.dec();
    }
}

fn summary(result: &ToolResult) -> ToolCallSummary {
    ToolCallSummary { tool: result.tool.clone(), duration_us: micros(result.duration) }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
