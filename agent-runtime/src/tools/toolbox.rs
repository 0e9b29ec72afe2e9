//! The one door to an agent's tools: [`Toolbox::call`] asks the policy, and only then runs.

use std::collections::BTreeMap;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use futures::FutureExt;
use serde_json::Value;
use skreaver_policy::{Call, Denial, Permit, Policy};
use skreaver_protocol::{AgentName, Caller, ToolName};

use super::{Tool, ToolError};
use crate::metrics::{Metrics, ToolMetrics};
use crate::panics;
use crate::trace::{error, info};

/// The tools of one agent, behind its policy.
pub struct Toolbox {
    agent: AgentName,
    tools: BTreeMap<ToolName, Arc<Entry>>,
    policy: Arc<ArcSwap<Policy>>,
    metrics: Arc<Metrics>,
}

struct Entry {
    tool: Arc<dyn Tool>,
    /// Asked of the tool once: making it takes longer than a call, and every question to a model tells it.
    input_schema: Value,
    metrics: ToolMetrics,
}

/// A tool call as it reaches the door.
#[derive(Debug, Clone)]
pub struct ToolCall {
    /// The tool, by the name that the caller wrote.
    pub tool: String,
    /// What it is given.
    pub input: Input,
    /// On whose behalf.
    pub caller: Caller,
    /// Tells this call from every other one, and is the same when it is made again after a crash.
    pub id: String,
}

/// A tool call that the policy lets pass, and that has not been made.
pub struct Decided {
    tool: ToolName,
    entry: Arc<Entry>,
    arguments: Value,
    permit: Permit,
}

impl Decided {
    /// Whether making the call twice is as good as making it once.
    pub fn is_idempotent(&self) -> bool {
        self.entry.tool.is_idempotent()
    }
}

/// What a tool is given.
#[derive(Debug, Clone)]
pub enum Input {
    /// The text of an input `tool:text`; the tool says which arguments it stands for.
    Text(String),
    /// Arguments, by name.
    Arguments(Value),
}

/// What came of a call that ran.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolResult {
    /// The tool that ran.
    pub tool: ToolName,
    /// What it answered.
    pub output: Value,
    /// How long it took.
    pub duration: Duration,
}

/// Why a call came to nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallError {
    /// The agent has no such tool.
    UnknownTool {
        /// The name that was asked for.
        tool: String,
        /// The tools that the policy lets the agent use.
        known: Vec<ToolName>,
    },
    /// A policy refuses.
    Denied(Denial),
    /// The tool ran, or looked at its arguments, and gave up.
    Tool {
        /// The tool.
        tool: ToolName,
        /// Why.
        error: ToolError,
    },
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownTool { tool, known } if known.is_empty() => write!(f, "no tool is named `{tool}`; the agent has none"),
            Self::UnknownTool { tool, known } => {
                let known: Vec<_> = known.iter().map(ToolName::as_str).collect();
                write!(f, "no tool is named `{tool}`; there are {}", known.join(", "))
            }
            Self::Denied(denial) => denial.fmt(f),
            Self::Tool { tool, error } => write!(f, "tool `{tool}`: {error}"),
        }
    }
}

impl std::error::Error for CallError {}

impl Toolbox {
    /// The tools of an agent behind a policy, which may be replaced while calls run.
    pub fn new(
        agent: AgentName,
        tools: BTreeMap<ToolName, Arc<dyn Tool>>,
        policy: Arc<ArcSwap<Policy>>,
        metrics: Arc<Metrics>,
    ) -> Self {
        let entry = |(name, tool): (ToolName, Arc<dyn Tool>)| {
            let entry = Entry { input_schema: tool.input_schema(), tool, metrics: metrics.tool(&name) };
            (name, Arc::new(entry))
        };
        let tools = tools.into_iter().map(entry).collect();
        Self { agent, tools, policy, metrics }
    }

    /// Runs a tool, if the agent has it and the policy in force lets this call pass.
    ///
    /// # Errors
    /// [`CallError`]; nothing has run unless it is [`CallError::Tool`].
    pub async fn call(&self, call: ToolCall) -> Result<ToolResult, CallError> {
        self.run(self.decide(call)?).await
    }

    /// Asks the policy in force about a call, and makes nothing of it yet.
    ///
    /// # Errors
    /// [`CallError::UnknownTool`] and [`CallError::Denied`].
    pub fn decide(&self, call: ToolCall) -> Result<Decided, CallError> {
        let ToolCall { tool, input, caller, id } = call;
        let Some((name, entry)) = self.tools.get_key_value(tool.as_str()) else {
            return Err(CallError::UnknownTool { tool, known: self.permitted(&caller) });
        };
        let arguments = match input {
            Input::Text(text) => entry.tool.arguments_from_text(&text),
            Input::Arguments(arguments) => arguments,
        };
        let permit = self.authorize(name, &arguments, &caller, &id).map_err(CallError::Denied)?;
        Ok(Decided { tool: name.clone(), entry: Arc::clone(entry), arguments, permit })
    }

    /// Makes a call that was decided about.
    ///
    /// # Errors
    /// [`CallError::Tool`].
    pub async fn run(&self, decided: Decided) -> Result<ToolResult, CallError> {
        let Decided { tool, entry, arguments, permit } = decided;
        let started = Instant::now();
        let outcome = contained(entry.tool.run(permit, arguments), &tool).await;
        let duration = started.elapsed();
        entry.metrics.observe(duration);
        match outcome {
            Ok(output) => Ok(ToolResult { tool, output, duration }),
            Err(error) => Err(CallError::Tool { tool, error }),
        }
    }

    /// Whether making a call of this tool twice is as good as making it once. An unknown tool does nothing, however often.
    pub fn is_idempotent(&self, tool: &str) -> bool {
        self.tools.get(tool).is_none_or(|entry| entry.tool.is_idempotent())
    }

    fn authorize(&self, tool: &ToolName, arguments: &Value, caller: &Caller, id: &str) -> Result<Permit, Denial> {
        let decision = self.policy.load().authorize(&Call { agent: &self.agent, tool, arguments, caller, id });
        for denial in &decision.audited {
            self.metrics.audited();
            info!(agent = %self.agent, %tool, policy = denial.policy(), rule = denial.rule(), "tool call would be denied");
        }
        if let Err(denial) = &decision.verdict {
            self.metrics.denied();
            info!(agent = %self.agent, %tool, policy = denial.policy(), rule = denial.rule(), "tool call denied");
        }
        decision.verdict
    }

    /// The tools that the policy in force lets the agent use. A denied tool is not listed.
    pub fn permitted(&self, caller: &Caller) -> Vec<ToolName> {
        let policy = self.policy.load();
        let permits = |tool: &&ToolName| {
            // Listing is no call: the permit is dropped unspent, and nothing is recorded.
            let call = Call { agent: &self.agent, tool, arguments: &Value::Null, caller, id: "" };
            policy.authorize(&call).verdict.is_ok()
        };
        self.tools.keys().filter(permits).cloned().collect()
    }

    /// What a tool says of itself: description and schema of its arguments.
    pub fn describe(&self, tool: &ToolName) -> Option<(&str, &Value)> {
        self.tools.get(tool).map(|entry| (entry.tool.description(), &entry.input_schema))
    }

    /// The schema of a tool's result, where it promises one.
    pub fn output_schema(&self, tool: &ToolName) -> Option<Value> {
        self.tools.get(tool).and_then(|entry| entry.tool.output_schema())
    }
}

/// A tool that panics has failed, whoever wrote it: its run ends like any other, and its text goes to the log alone.
async fn contained(run: impl Future<Output = Result<Value, ToolError>>, tool: &ToolName) -> Result<Value, ToolError> {
    let outcome = AssertUnwindSafe(run).catch_unwind().await;
    outcome.unwrap_or_else(|payload| {
        error!(%tool, panic = panics::text(&*payload), "a tool panicked");
        Err(ToolError::Failed("it panicked, which is a bug of the tool; the log of the runtime tells more".to_owned()))
    })
}
