//! What is said over a WebSocket of `/ws/agents/{id}`: one JSON object for each message. Experimental.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::SessionId;
use crate::approval::{ApprovalState, Choice};
use crate::problem::Problem;
use crate::rest::RunEvent;

/// The subprotocol. A client may ask for it, and gets it.
pub const SUBPROTOCOL: &str = "skreaver.v1";

/// What stands before a token or an API key that a client offers as a subprotocol, since pages of browsers can set no header. It is
/// never the subprotocol that is chosen: a client offers [`SUBPROTOCOL`] beside it.
pub const BEARER_SUBPROTOCOL: &str = "skreaver.bearer.";

/// What a client says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum ClientMessage {
    /// Asks the agent. Any number of runs may go on at once; what happens in them comes as `event`.
    Observe {
        /// The observation.
        input: String,
        /// The session that it belongs to. Needs an agent with memory.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        session: Option<SessionId>,
        /// As the header `Idempotency-Key`. Needs an agent with memory.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        idempotency_key: Option<String>,
        /// A name of the client's own, which what belongs to the run carries.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        request: Option<String>,
    },
    /// Ends a run.
    Cancel {
        /// Its id, a UUID.
        run: String,
    },
    /// Decides about a call that waits for approval.
    Decide {
        /// The call's name.
        approval: String,
        /// Whether it may happen.
        decision: Choice,
        /// Who decides. Absent: `local`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        user: Option<String>,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
}

/// What the runtime says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerMessage {
    /// Something happened in a run.
    Event {
        /// The id of the run, a UUID.
        run: String,
        /// What the client calls it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        request: Option<String>,
        /// What happened: as server-sent events tell it.
        event: Box<RunEvent>,
    },
    /// What came of a decision.
    Decided {
        /// The call's name.
        approval: String,
        /// How it stands now.
        state: ApprovalState,
    },
    /// A message was not understood, or what it asks for cannot be done. The connection goes on.
    Problem {
        /// What the client calls the run that could not begin.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        request: Option<String>,
        /// Why.
        problem: Box<Problem>,
    },
}
