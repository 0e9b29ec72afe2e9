//! What a record says.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use skreaver_protocol::{AgentName, Caller, SessionId, ToolName};
use uuid::Uuid;

/// One record. Its fields may grow; what is there keeps its meaning.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The version of this shape: 1. By this field a record is told from other lines of a log.
    pub skreaver_audit: u32,
    /// The chain: one for each log of a process, a UUID.
    pub chain: Uuid,
    /// Its place in the chain, from 0 on.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// What is recorded.
    #[serde(flatten)]
    pub entry: Entry,
    /// The hash of the record before it in the chain; zeros for the first.
    pub previous: String,
    /// The SHA-256 of all of the above, in hexadecimal digits.
    pub hash: String,
}

/// What is recorded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Entry {
    /// A chain begins.
    Opened {
        /// Who writes it: the name of the pod, or of the machine.
        process: String,
        /// The version of the runtime.
        version: String,
    },
    /// A tool call was decided about.
    Decision(Box<Decision>),
    /// A call that was let pass wanted to touch what it may not.
    RefusedEffect(Box<RefusedEffect>),
}

/// An effect that did not happen, of a call that was let pass: what it touches shows only then.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RefusedEffect {
    /// The agent that called.
    pub agent: AgentName,
    /// The call, as in its decision.
    pub call: String,
    /// The tool.
    pub tool: ToolName,
    /// The version of the policies in force.
    pub policy_version: u64,
    /// The ToolPolicy that refused; absent where the safe defaults did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// What it was, and why it may not be touched. What the caller wrote is escaped in it.
    pub reason: String,
}

/// A decision over a tool call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// The agent that calls.
    pub agent: AgentName,
    /// On whose behalf.
    pub caller: Caller,
    /// The session in which it is made, if it is in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    /// The call: the id of its run and its place in it, or an id of its own.
    pub call: String,
    /// The tool.
    pub tool: ToolName,
    /// The SHA-256 of the arguments in their canonical form, in hexadecimal digits: they can be compared, and not read.
    pub arguments_sha256: String,
    /// What came of it.
    pub outcome: Outcome,
    /// Who approved it, where people had to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approved_by: Vec<String>,
    /// The version of the policies that decided.
    pub policy_version: u64,
    /// The ToolPolicy that refuses, or would.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// The rule of it; absent where its default did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// Why, in a sentence; absent where nothing speaks against the call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What came of a tool call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It may be made.
    Allowed,
    /// It may be made; a policy in Audit mode would have refused it.
    WouldBeDenied,
    /// It waits for people.
    Waits,
    /// It is not made.
    Denied,
}
