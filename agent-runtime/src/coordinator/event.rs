//! What happens to a run, and what is to be done about it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use skreaver_model::Answer;
use skreaver_protocol::approval::{ApprovalRequest, ApprovalVotes};
use skreaver_protocol::message::Message;

use super::Failure;
use super::budget::Money;

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
    Answered {
        /// The answer.
        answer: Answer,
        /// The question, as it was decided upon: who takes up the run under another spec holds it for what it was.
        asked: Asked,
    },
    /// It did not, whatever was tried.
    Unanswered {
        /// Why.
        failure: Failure,
        /// The question.
        asked: Asked,
        /// How many of the attempts the provider may charge for, though their answers are lost.
        charged: u32,
    },
    /// The policy lets a tool call pass.
    Permitted {
        /// Which, by its place among the calls of the run.
        call: u32,
        /// Its arguments as others are told of them, where a policy keeps some from them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        shown: Option<Value>,
    },
    /// A tool call has to be approved by people, and waits for them.
    Waiting {
        /// Which.
        call: u32,
        /// What they are asked.
        request: Box<ApprovalRequest>,
    },
    /// A call that waited waits no more.
    Voted {
        /// Which.
        call: u32,
        /// What was said, where it was approved; otherwise why it may not happen.
        outcome: Result<ApprovalVotes, Failure>,
        /// When, in milliseconds since 1970.
        at_ms: u64,
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

#[cfg(test)]
impl Event {
    /// The agent was told this, and nothing was before.
    pub fn observed(input: impl Into<String>) -> Self {
        Self::Observed { input: input.into(), history: Vec::new(), summary: None, read: BTreeSet::new() }
    }
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Ask a model.
    Ask(Asked),
    /// Ask the policy about a tool call.
    Decide {
        /// Which, by its place among the calls of the run.
        call: u32,
    },
    /// Wait until people have said what they think of a tool call.
    Await {
        /// Which.
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

/// A question to a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// Which model, by its place in the order of preference.
    pub model: usize,
    /// What for.
    pub purpose: Purpose,
    /// What was set aside for its answer.
    pub reserved: Reserved,
}

/// What was set aside for one question.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reserved {
    /// Tokens of question and answer.
    pub tokens: u64,
    /// What they cost.
    pub money: Money,
}

/// What a model is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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
