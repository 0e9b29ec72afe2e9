//! What is known of a run besides what happened to it.

use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use skreaver_protocol::message::Tokens;
use skreaver_protocol::rest::ToolCallSummary;
use skreaver_protocol::trace_context::TraceContext;
use skreaver_protocol::{Caller, SessionId};
use uuid::Uuid;

use super::{Owner, SessionPlace};
use crate::coordinator::{Failure, Outcome, Spent, State};

/// What is known of a run. Times are in milliseconds since 1970.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct RunDocument {
    pub(crate) run: Uuid,
    pub(crate) caller: Caller,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) session: Option<SessionId>,
    /// Through how many agents it has come.
    #[serde(default)]
    pub(crate) hops: u8,
    /// The trace that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) trace: Option<TraceContext>,
    pub(crate) accepted_ms: u64,
    /// When it has taken too long.
    pub(crate) deadline_ms: u64,
    pub(crate) stage: Stage,
}

impl RunDocument {
    /// Its session, as the caller's own.
    pub(crate) fn place(&self) -> Option<SessionPlace> {
        self.session.as_ref().map(|session| SessionPlace::new(&Owner::of(&self.caller), session))
    }

    /// The same run, failed now.
    pub(crate) fn failed(&self, failure: Failure) -> Self {
        let stage =
            Stage::Ended { at_ms: now_ms(), end: Outcome::Failed(failure), used: Used::default(), tool_calls: Vec::new() };
        Self { stage, ..self.clone() }
    }
}

/// How far a run is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "stage", rename_all = "snake_case")]
pub(crate) enum Stage {
    /// It waits or works.
    Open,
    /// It is over.
    Ended { at_ms: u64, end: Outcome, used: Used, tool_calls: Vec<ToolCallSummary> },
}

/// What a run used, as it is kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Used {
    pub(crate) turns: u32,
    pub(crate) tokens: Tokens,
    pub(crate) money: u64,
}

impl Used {
    pub(crate) fn of(state: &State) -> Self {
        let Spent { turns, tokens, money } = state.spent;
        Self { turns, tokens, money }
    }
}

/// The time by the machine's clock.
pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
