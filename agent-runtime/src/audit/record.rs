//! What a record says.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use skreaver_policy::Place;
use skreaver_protocol::policy::{ContentAction, Mode};
use skreaver_protocol::{AgentName, Caller, SessionId, ToolName};
use uuid::Uuid;

use crate::screening::Found;

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
    /// Secrets or suspicious content were found where a policy looks for them.
    Findings(Box<Findings>),
}

/// What was found in one place, once for each kind and policy. The text itself is in no record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Findings {
    /// The agent.
    pub agent: AgentName,
    /// The call, as in its decision; for prompts and memory the run.
    pub call: String,
    /// The tool; absent for prompts and memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<ToolName>,
    /// `arguments`, `results`, `prompts` or `memory`.
    pub place: String,
    /// The version of the policies in force.
    pub policy_version: u64,
    /// What was found: the first of them, at most 32.
    pub found: Vec<Finding>,
}

/// Something that was found, and what one policy wants of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// What it is. Example: `a github-pat`.
    pub what: String,
    /// Where it stands first, as a JSON pointer; empty for the whole.
    pub pointer: String,
    /// The ToolPolicy.
    pub policy: String,
    /// Whether it decides or only looks on.
    pub mode: Mode,
    /// What became of it; for a policy in mode Audit, what would have.
    pub action: ContentAction,
}

/// The most findings that a record tells.
const MOST_FOUND: usize = 32;
/// The longest pointer that it tells, in bytes.
const LONGEST_POINTER: usize = 256;

impl Findings {
    pub(crate) fn new(
        agent: &AgentName,
        policy_version: u64,
        place: Place,
        tool: Option<&ToolName>,
        call: &str,
        found: &[Found],
    ) -> Self {
        let finding = |Found { seen, pointer, policy, mode, action }: &Found| Finding {
            what: seen.to_string(),
            pointer: pointer[..pointer.floor_char_boundary(LONGEST_POINTER)].to_owned(),
            policy: policy.to_string(),
            mode: *mode,
            action: *action,
        };
        Self {
            agent: agent.clone(),
            call: call.to_owned(),
            tool: tool.cloned(),
            place: place.name().to_owned(),
            policy_version,
            found: found.iter().take(MOST_FOUND).map(finding).collect(),
        }
    }
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
