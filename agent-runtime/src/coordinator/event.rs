//! What happens to a run, and what is to be done about it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use skreaver_model::Answer;
use skreaver_protocol::message::Message;

use super::Failure;

/// What happened. The journal keeps these, in order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The agent was told this.
    Observed {
        /// What it was told.
        input: String,
        /// The conversation before, oldest first.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        history: Vec<Message>,
        /// What stands for the conversation before that.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        summary: Option<String>,
        /// The tools whose answers were seen in the session before.
        #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
        read: BTreeSet<String>,
    },
    /// The model that was asked answered.
    Answered(Answer),
    /// It did not, whatever was tried.
    Unanswered(Failure),
    /// The policy lets a tool call pass.
    Permitted {
        /// Which, by its place among the calls of the run.
        call: u32,
        /// Its arguments as others are told of them, where a policy keeps some from them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        shown: Option<Value>,
    },
    /// A tool call may not happen: a policy says so, or there is no such tool.
    Refused {
        /// Which.
        call: u32,
        /// Why.
        failure: Failure,
    },
    /// A tool that was called came to its end.
    ToolEnded {
        /// Which call.
        call: u32,
        /// What it answered, or why it did not.
        outcome: Result<Value, Failure>,
        /// How long it ran, in microseconds.
        #[serde(default)]
        duration_us: u64,
    },
    /// The run may not go on: it was cancelled, or took too long.
    Interrupted(Failure),
}

impl Event {
    /// The agent was told this, and nothing was before.
    pub fn observed(input: impl Into<String>) -> Self {
        Self::Observed { input: input.into(), history: Vec::new(), summary: None, read: BTreeSet::new() }
    }
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Ask a model, by its place in the order of preference.
    Ask {
        /// Which.
        model: usize,
        /// What for.
        purpose: Purpose,
    },
    /// Ask the policy about a tool call.
    Decide {
        /// Which, by its place among the calls of the run.
        call: u32,
    },
    /// Do a tool call that the policy lets pass.
    Call {
        /// Which.
        call: u32,
    },
    /// The run is over.
    End(Outcome),
}

/// What a model is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To go on with the conversation.
    Answer,
    /// To sum up the beginning of the conversation, which has become too long.
    Compaction {
        /// How many of its messages, from the first on.
        covers: usize,
    },
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// With an answer.
    Completed {
        /// The answer.
        output: String,
    },
    /// Without.
    Failed(Failure),
}
