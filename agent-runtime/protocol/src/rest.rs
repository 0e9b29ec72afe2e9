//! The bodies of the REST API.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{AgentName, ToolName};

/// The largest request body, in bytes.
pub const BODY_LIMIT: usize = 1 << 20;

/// What an agent is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ObserveRequest {
    /// The observation. For an agent without a model `tool:text` runs the tool on the text; anything else is echoed.
    pub input: String,
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
    /// From acceptance to answer, in microseconds, the wait in the queue included.
    pub duration_us: u64,
}

/// One tool call of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ToolCallSummary {
    /// The tool.
    pub tool: ToolName,
    /// How long it ran, in microseconds.
    pub duration_us: u64,
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
    /// Its name: `config`, `policy`, `server`, `model` or `memory`; with the agent's name before it where several agents are served.
    pub name: String,
    /// Its state.
    pub state: ComponentState,
    /// Why it is in that state, in one word.
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
    pub tools: Vec<ToolName>,
    /// The version of the policy in force.
    pub policy_version: u64,
    /// Runs under way.
    pub running: u32,
    /// Runs that wait for their turn.
    pub queued: u32,
    /// Runs that ended since the process started, by how they ended.
    pub runs: RunCounts,
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
