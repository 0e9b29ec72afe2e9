//! A tool call that wants to happen.

use std::collections::BTreeSet;

use serde_json::Value;
use skreaver_protocol::{AgentName, Caller, SessionId, ToolName};

use crate::approval::Approved;

/// A tool call that wants to happen.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// The agent that calls.
    pub agent: &'a AgentName,
    /// The tool it calls.
    pub tool: &'a ToolName,
    /// The arguments it passes.
    pub arguments: &'a Value,
    /// On whose behalf.
    pub caller: &'a Caller,
    /// The session in which it calls, if it does in one.
    pub session: Option<&'a SessionId>,
    /// The tools whose results the run has seen, those of earlier runs of its session among them. Nothing where that is not
    /// known: a client that calls tools outside of a run may have seen anything.
    pub read: Option<&'a BTreeSet<String>>,
    /// Tells this call from every other one, and is the same when it is made again after a crash.
    pub id: &'a str,
    /// What people said of it, if they approved it.
    pub approved: Option<&'a Approved>,
}
