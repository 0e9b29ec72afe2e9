//! The bodies of the REST API.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::approval::{ApprovalRequest, ApprovalState, Choice, Vote};
use crate::message::Message;
use crate::policy::Mode;
use crate::problem::Problem;
use crate::{AgentName, SessionId};

/// The largest request body, in bytes.
pub const BODY_LIMIT: usize = 1 << 20;

/// What an agent is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ObserveRequest {
    /// The observation. For an agent without a model `tool:text` runs the tool on the text; anything else is echoed.
    pub input: String,
    /// The session that it belongs to: the agent remembers what was said in it. Needs an agent with memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
}

/// What an agent answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ObserveResponse {
    /// The answer.
    pub output: String,
    /// The agent that answered.
    pub agent: AgentName,
    /// The id of the run, a UUID.
    pub run: String,
    /// The session that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    /// What the run used.
    pub usage: Usage,
    /// The tools it called, in order.
    pub tool_calls: Vec<ToolCallSummary>,
}

/// What a run used.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Usage {
    /// Tool calls made.
    pub tool_calls: u32,
    /// Questions to a model.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub turns: u64,
    /// Tokens of the questions.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub input_tokens: u64,
    /// Tokens of the answers.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub output_tokens: u64,
    /// What they cost at the configured prices, in millionths of a US dollar.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cost_micro_usd: u64,
    /// From acceptance to answer, in microseconds, the wait in the queue included.
    pub duration_us: u64,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "this is the shape that serde calls")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// One tool call of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ToolCallSummary {
    /// The tool, by the name that was written.
    pub tool: String,
    /// Whether it gave no result.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub failed: bool,
    /// How long it ran, in microseconds.
    pub duration_us: u64,
}

/// A run, as it is known: the answer of `/agents/{id}/runs/{run}`, and of `observe` with `Prefer: respond-async`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunStatus {
    /// Its id, a UUID.
    pub run: String,
    /// The agent.
    pub agent: AgentName,
    /// The session that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    /// Whose it is: their identity, as `?caller=` of sessions takes it. Absent: nobody's in particular.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caller: Option<String>,
    /// How far it is.
    pub state: RunState,
    /// When it was accepted (RFC 3339).
    pub accepted_at: String,
    /// When it ended (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<String>,
    /// The answer, once it is completed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// Why there is none, once it has failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
    /// What it used, once it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// The tools it called, once it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_calls: Option<Vec<ToolCallSummary>>,
}

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// It waits or works.
    Running,
    /// It ended with an answer.
    Completed,
    /// It ended without.
    Failed,
    /// It was cancelled.
    Cancelled,
}

/// The answer of `/agents/{id}/runs`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunList {
    /// Runs, the newest first.
    pub runs: Vec<RunStatus>,
    /// What to ask for as `from` to get older ones; absent where there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// What happens in a run, as it is told by server-sent events; the event's name is its `type`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum RunEvent {
    /// It was accepted.
    Started {
        /// Its id, a UUID.
        run: String,
        /// The agent.
        agent: AgentName,
    },
    /// The model says this, or a piece of it: pieces follow each other without a gap.
    ModelDelta {
        /// The text.
        text: String,
    },
    /// What `model_delta` told since the event before it is void: the model is asked again, or another one is.
    ModelReset,
    /// A tool is called.
    ToolCall {
        /// Which call of the run, from 0 on.
        call: u32,
        /// The tool.
        tool: String,
        /// Its arguments, or the text it is given.
        arguments: serde_json::Value,
    },
    /// A call has to be approved by people, and waits for them.
    ApprovalRequested {
        /// Which call of the run.
        call: u32,
        /// What they are asked.
        request: Box<ApprovalRequest>,
    },
    /// People have approved a call that waited. Where they have not, its result says so.
    ApprovalGranted {
        /// Which call of the run.
        call: u32,
        /// What they said.
        votes: Vec<Vote>,
    },
    /// A tool answered, or will not.
    ToolResult {
        /// Which call of the run.
        call: u32,
        /// The tool.
        tool: String,
        /// What it answered; where it failed, why.
        output: serde_json::Value,
        /// Whether it gave no result.
        failed: bool,
    },
    /// The run ended with an answer.
    Completed {
        /// As `observe` would have answered.
        response: ObserveResponse,
    },
    /// The run ended without.
    Failed {
        /// Why.
        problem: Problem,
    },
}

impl RunEvent {
    /// Its name: the `event` field of a server-sent event.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Started { .. } => "started",
            Self::ModelDelta { .. } => "model_delta",
            Self::ModelReset => "model_reset",
            Self::ToolCall { .. } => "tool_call",
            Self::ApprovalRequested { .. } => "approval_requested",
            Self::ApprovalGranted { .. } => "approval_granted",
            Self::ToolResult { .. } => "tool_result",
            Self::Completed { .. } => "completed",
            Self::Failed { .. } => "failed",
        }
    }
}

/// The answer of `/agents/{id}/approvals`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ApprovalList {
    /// The calls that wait in this process, by name.
    pub approvals: Vec<WaitingApproval>,
    /// What to ask for as `from` to get more; absent where there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A call that waits for people, and what they said so far.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WaitingApproval {
    /// The call.
    pub request: ApprovalRequest,
    /// What they said.
    pub decisions: Vec<Vote>,
}

/// What somebody decides about a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApprovalDecision {
    /// Whether it may happen.
    pub decision: Choice,
    /// Who decides: where several people have to approve, each gives a name. Absent: `local`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256), pattern(r"^[^\u0000-\u001f\u007f-\u009f]*$"))]
    pub user: Option<String>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256), pattern(r"^[^\u0000-\u001f\u007f-\u009f]*$"))]
    pub reason: Option<String>,
}

/// What came of a decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ApprovalOutcome {
    /// How the call stands now.
    pub state: ApprovalState,
}

/// The answer of `/agents/{id}/sessions`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SessionList {
    /// The ids of the sessions, in the order of their texts.
    pub sessions: Vec<SessionId>,
    /// What to ask for as `from` to get more; absent where there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<SessionId>,
}

/// The answer of `/agents/{id}/sessions/{session}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SessionHistory {
    /// Its id.
    pub session: SessionId,
    /// What stands for the beginning of a long conversation when the model is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// What was said, oldest first.
    pub messages: Vec<Message>,
}

/// The answer of `/health`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Health {
    /// Always `ok`: a process that can answer is alive.
    pub status: String,
    /// The version of the runtime.
    pub version: String,
}

/// The answer of `/ready`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Readiness {
    /// Whether traffic should come here.
    pub ready: bool,
    /// Each thing that readiness depends on.
    pub components: Vec<Component>,
}

/// One thing that readiness depends on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Component {
    /// Its name: `config`, `policy`, `memory`, `model` or `server`; with the agent's name before it where several are served.
    pub name: String,
    /// Its state.
    pub state: ComponentState,
    /// What is wrong with it, in a word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<ComponentReason>,
    /// Why it is in that state, where that needs words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// Why a component does not work, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ComponentReason {
    /// It does not answer, or not in time.
    Unreachable,
    /// It refuses who we are, or what we may.
    Unauthorized,
    /// The provider knows no such model.
    UnknownModel,
    /// It has no capacity, or asks to be asked less often.
    Overloaded,
    /// What it answers is no answer.
    Garbage,
    /// There is no room left.
    Full,
    /// It may be read and not written.
    ReadOnly,
    /// Another process has it.
    Locked,
    /// It was written by a newer version of ours.
    NewerSchema,
    /// What is stored is not what was written.
    Corrupt,
    /// It cannot keep the class of durability that is asked of it.
    NotDurable,
    /// Its configuration cannot be used, such as a URL that is none.
    Misconfigured,
}

/// The state of a component.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ComponentState {
    /// Works.
    Ready,
    /// Works on what it has, which may be old.
    Stale,
    /// Does not work yet, or no longer.
    NotReady,
}

/// The answer of `/agents`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AgentList {
    /// The agents served here, by name.
    pub agents: Vec<AgentSummary>,
    /// What to ask for as `from` to get more; absent where there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<AgentName>,
}

/// One agent in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AgentSummary {
    /// Its name.
    pub id: AgentName,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// The answer of `/agents/{id}/status`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AgentStatus {
    /// Its name.
    pub id: AgentName,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The tools that the policy in force lets it use.
    pub tools: Vec<crate::ToolName>,
    /// The version of the policy in force.
    pub policy_version: u64,
    /// Runs under way.
    pub running: u32,
    /// Runs that wait for their turn.
    pub queued: u32,
    /// Runs that ended since the process started, by how they ended.
    pub runs: RunCounts,
    /// Tool calls that policies refused since the process started, or would have refused in Audit mode, by rule.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refusals: Vec<RefusalCount>,
}

/// How many tool calls one rule refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RefusalCount {
    /// `Enforce`: they were refused. `Audit`: they would have been.
    pub mode: Mode,
    /// The ToolPolicy; absent where the cluster demands one and none selects the agent, and for all that is beyond a hundred rules.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// The rule; absent where it was the policy's default or its data flow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// How many calls.
    pub calls: u64,
}

/// How many runs ended, by outcome.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RunCounts {
    /// With an answer.
    pub completed: u64,
    /// With an error.
    pub failed: u64,
    /// Refused at the bound of the queue.
    pub rejected: u64,
}
