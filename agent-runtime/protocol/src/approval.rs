//! Calls that wait for people: what is asked, what they say, and what comes of it.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{AgentName, SessionId, ToolName};

/// The most calls of one agent that wait at the same time.
pub const MOST_WAITING: usize = 20;

/// The longest preview of arguments, in bytes as JSON.
pub const PREVIEW_MAX: usize = 4096;

/// A call that waits for approval.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ApprovalRequest {
    /// Names it, and nothing else: computed from agent, run, step and digest, so that it is the same after a restart. A DNS
    /// subdomain (RFC 1123), the name of its ToolApproval.
    pub name: String,
    /// The agent whose call it is.
    pub agent: AgentName,
    /// The run, a UUID.
    pub run: String,
    /// The call, by its place among those of the run.
    pub step: u32,
    /// The session of the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    /// The tool.
    pub tool: ToolName,
    /// The SHA-256 of agent, run, step, tool and the exact arguments, in hex. Who approves, approves this and nothing else.
    pub digest: String,
    /// The arguments for people: what policies redact is taken out, and it may be cut off.
    pub preview: Value,
    /// The ToolPolicies and rules that ask for approval.
    pub asked_by: Vec<AskedBy>,
    /// How many people have to approve.
    pub quorum: u32,
    /// When it began to wait, in milliseconds since 1970.
    pub asked_at_ms: u64,
    /// When it is denied if nobody has decided, in milliseconds since 1970.
    pub expires_at_ms: u64,
}

/// What asks for approval.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AskedBy {
    /// The ToolPolicy.
    #[schemars(length(max = 63))]
    pub policy: String,
    /// Its rule. Absent: its default action or its flow of data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub rule: Option<String>,
}

/// What people said of one waiting call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ApprovalVotes {
    /// Which call.
    pub name: String,
    /// What was shown to them.
    pub digest: String,
    /// What they said, in order.
    pub votes: Vec<Vote>,
}

/// What one person said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Vote {
    /// Who. In a cluster the API server sees to it that it is who sent it.
    #[schemars(length(min = 1, max = 256))]
    pub user: String,
    /// What.
    pub decision: Choice,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub reason: Option<String>,
}

/// What one person says of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Choice {
    /// It may be made.
    Approve,
    /// It may not.
    Deny,
}

/// What comes of all that was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ApprovalState {
    /// Too little was said yet.
    Waiting,
    /// As many as have to approved, and nobody denied.
    Approved,
    /// Somebody denied.
    Denied,
    /// Nobody decided in time.
    Expired,
    /// The run no longer asks for it.
    Withdrawn,
}

/// What comes of votes: one against it denies; otherwise as many different people as the quorum says have to be for it.
pub fn tally(quorum: u32, votes: &[Vote]) -> ApprovalState {
    if votes.iter().any(|vote| vote.decision == Choice::Deny) {
        return ApprovalState::Denied;
    }
    let people: BTreeSet<_> = votes.iter().map(|vote| vote.user.as_str()).collect();
    let enough = people.len() >= usize::try_from(quorum.max(1)).unwrap_or(usize::MAX);
    if enough { ApprovalState::Approved } else { ApprovalState::Waiting }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vote(user: &str, decision: Choice) -> Vote {
        Vote { user: user.to_owned(), decision, reason: None }
    }

    #[test]
    fn a_quorum_is_of_different_people_and_one_denial_ends_it() {
        let (ann, bob) = (vote("ann", Choice::Approve), vote("bob", Choice::Approve));
        assert_eq!(tally(1, &[]), ApprovalState::Waiting);
        assert_eq!(tally(0, &[]), ApprovalState::Waiting);
        assert_eq!(tally(1, std::slice::from_ref(&ann)), ApprovalState::Approved);
        assert_eq!(tally(2, &[ann.clone(), ann.clone()]), ApprovalState::Waiting);
        assert_eq!(tally(2, &[ann.clone(), bob.clone()]), ApprovalState::Approved);
        assert_eq!(tally(1, &[ann, bob, vote("eve", Choice::Deny)]), ApprovalState::Denied);
    }
}
