//! Where a run stands.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;
use skreaver_protocol::approval::{ApprovalRequest, ApprovalVotes};
use skreaver_protocol::message::{Message, Tokens};

use super::budget::Money;
use super::{Asked, Effect, Failure, as_text};

/// Where a run stands.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct State {
    pub(super) phase: Phase,
    /// The conversation: what was before, and what this run added.
    messages: Vec<Message>,
    /// How many of the messages were there before the run.
    history: usize,
    /// What stands for the first messages, and for how many.
    pub(super) summary: Option<Summary>,
    /// Every tool call of the run, in order.
    calls: Vec<Call>,
    /// Where the calls of the present turn begin.
    pub(super) turn_from: usize,
    /// The tools whose answers were seen, in the session before and in the run so far.
    pub(super) read: BTreeSet<String>,
    /// The model that is asked next, by its place in the order of preference.
    pub(super) model: usize,
    /// What the run has used.
    pub spent: Spent,
    /// How long it has waited for people, in milliseconds: that is none of the time that it may take.
    rested_ms: u64,
    /// Since when it waits for them.
    rests_since_ms: Option<u64>,
}

/// What a run has used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spent {
    /// Questions that a model came to an end with, those that sum up not counted.
    pub turns: u32,
    /// Tokens, as the providers count them.
    pub tokens: Tokens,
    /// What they cost at the configured prices.
    pub money: Money,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub(super) enum Phase {
    /// Nothing was observed yet.
    #[default]
    New,
    /// A model was asked.
    Asking(Asked),
    /// Tools were asked for and have not all come to their end.
    Calling,
    /// The run is over.
    Ended,
}

/// A text that stands for the first messages of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// The text.
    pub text: String,
    /// For how many messages it stands.
    pub covers: usize,
}

/// One tool call of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// The id by which the model knows it.
    pub id: String,
    /// The tool, by the name that was written.
    pub tool: String,
    /// What it is given.
    pub input: CallInput,
    /// How far it is.
    pub state: CallState,
    /// What people said of it, where they approved it.
    pub approved: Option<ApprovalVotes>,
    /// How long it ran, in microseconds.
    pub duration_us: u64,
}

impl Call {
    /// What the model is told of it, once it is over.
    pub(super) fn told(&self) -> Option<Message> {
        let (text, failed) = match &self.state {
            CallState::Ended(Ok(output)) => (as_text(output.clone()), false),
            CallState::Ended(Err(failure)) => (failure.detail.clone(), true),
            CallState::Undecided | CallState::Waiting(_) | CallState::Permitted => return None,
        };
        Some(Message::Tool { id: self.id.clone(), tool: self.tool.clone(), text, failed })
    }

    pub(super) fn new(id: String, tool: String, input: CallInput) -> Self {
        Self { id, tool, input, state: CallState::Undecided, approved: None, duration_us: 0 }
    }
}

/// What a tool is given.
#[derive(Debug, Clone, PartialEq)]
pub enum CallInput {
    /// The text of an input `tool:text`.
    Text(String),
    /// Arguments, by name.
    Arguments(Value),
}

/// How far a tool call is.
#[derive(Debug, Clone, PartialEq)]
pub enum CallState {
    /// The policy has not been asked.
    Undecided,
    /// People are asked whether it may happen.
    Waiting(Box<ApprovalRequest>),
    /// The policy let it pass. It may have begun.
    Permitted,
    /// It is over.
    Ended(Result<Value, Failure>),
}

/// What a run leaves to its session.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Remembered {
    /// What was said in it.
    pub(crate) messages: Vec<Message>,
    /// The tools whose answers were seen, in the session or in the run.
    pub(crate) read: BTreeSet<String>,
    /// What stands for the beginning of the session.
    pub(crate) summary: Option<String>,
    /// How many of the last messages of the session it does not cover.
    pub(crate) uncovered: usize,
}

impl State {
    pub(super) fn observed(
        mut self,
        input: String,
        history: Vec<Message>,
        summary: Option<String>,
        read: BTreeSet<String>,
    ) -> Self {
        self.read = read;
        self.read.extend(history.iter().filter_map(|message| match message {
            Message::Tool { tool, failed: false, .. } => Some(tool.clone()),
            Message::Tool { .. } | Message::User { .. } | Message::Assistant { .. } => None,
        }));
        self.summary = summary.map(|text| Summary { text, covers: 0 });
        self.history = history.len();
        self.messages = history;
        self.messages.push(Message::User { text: input });
        self
    }

    /// The tools whose answers were seen, in the session before and in the run so far: what they said may be in whatever the
    /// agent does next.
    pub fn read(&self) -> &BTreeSet<String> {
        &self.read
    }

    /// What was observed.
    pub fn input(&self) -> &str {
        match self.messages.get(self.history) {
            Some(Message::User { text }) => text,
            Some(Message::Assistant { .. } | Message::Tool { .. }) | None => "",
        }
    }

    /// What stands for the beginning of the conversation, if anything does.
    pub fn summary(&self) -> Option<&Summary> {
        self.summary.as_ref()
    }

    /// The conversation behind its summary: what a model is shown.
    pub fn context(&self) -> &[Message] {
        &self.messages[self.covered()..]
    }

    /// The first messages behind the summary, up to a number of all messages.
    pub fn context_until(&self, end: usize) -> &[Message] {
        self.messages.get(self.covered()..end).unwrap_or_default()
    }

    pub(super) fn covered(&self) -> usize {
        self.summary.as_ref().map_or(0, |summary| summary.covers)
    }

    /// The messages that the run added.
    pub fn own_messages(&self) -> &[Message] {
        &self.messages[self.history..]
    }

    /// What the run leaves to its session.
    pub(crate) fn remembered(&self) -> Remembered {
        let summary = self.summary().filter(|summary| summary.covers > 0);
        Remembered {
            messages: self.own_messages().to_vec(),
            read: self.read.clone(),
            summary: summary.map(|summary| summary.text.clone()),
            uncovered: self.context().len(),
        }
    }

    pub(super) fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// Answers what the model asked for last and was not told: a conversation with a request without an answer is one that
    /// providers refuse, and this one may go on in a later run.
    pub(super) fn close_requests(&mut self) {
        let Some(Message::Assistant { tool_requests, .. }) = self.messages.last() else { return };
        let turn = self.calls.get(self.turn_from..).unwrap_or_default();
        let answers: Vec<_> = tool_requests
            .iter()
            .map(|request| match turn.iter().find(|call| call.id == request.id).and_then(Call::told) {
                Some(told) => told,
                None => Message::Tool {
                    id: request.id.clone(),
                    tool: request.tool.clone(),
                    text: "the run ended before this was done".to_owned(),
                    failed: true,
                },
            })
            .collect();
        self.messages.extend(answers);
    }

    pub(super) fn say(&mut self, message: Message) {
        self.messages.push(message);
    }

    /// Every tool call of the run, in order.
    pub fn calls(&self) -> &[Call] {
        &self.calls
    }

    /// One tool call.
    pub fn call(&self, call: u32) -> Option<&Call> {
        self.calls.get(usize::try_from(call).ok()?)
    }

    pub(super) fn call_that(&mut self, call: u32, is: impl FnOnce(&CallState) -> bool) -> Option<&mut Call> {
        let call = usize::try_from(call).ok()?;
        self.calls.get_mut(call).filter(|found| is(&found.state))
    }

    /// What people are asked of a call, while they are.
    pub fn asked_of(&self, call: u32) -> Option<&ApprovalRequest> {
        match &self.call(call)?.state {
            CallState::Waiting(request) => Some(request),
            CallState::Undecided | CallState::Permitted | CallState::Ended(_) => None,
        }
    }

    /// Whether people are asked about any call.
    pub fn rests(&self) -> bool {
        self.rests_since_ms.is_some()
    }

    /// Whether there is nothing to do but to wait for people.
    pub fn only_rests(&self) -> bool {
        let waits = |call: &Call| matches!(call.state, CallState::Waiting(_) | CallState::Ended(_));
        self.rests() && self.calls.get(self.turn_from..).unwrap_or_default().iter().all(waits)
    }

    /// How long it has waited for people, up to the last answer.
    pub fn rested(&self) -> Duration {
        Duration::from_millis(self.rested_ms)
    }

    /// Begins to wait, or goes on waiting, or has waited enough, as its calls are.
    pub(super) fn rest(&mut self, at_ms: u64) {
        let waits = self.calls.iter().any(|call| matches!(call.state, CallState::Waiting(_)));
        match self.rests_since_ms {
            None if waits => self.rests_since_ms = Some(at_ms),
            Some(since) if !waits => {
                self.rested_ms = self.rested_ms.saturating_add(at_ms.saturating_sub(since));
                self.rests_since_ms = None;
            }
            None | Some(_) => {}
        }
    }

    /// Adds calls to be decided about, as a turn of their own.
    pub(super) fn call_tools(&mut self, calls: impl IntoIterator<Item = Call>) -> Vec<Effect> {
        self.turn_from = self.calls.len();
        self.calls.extend(calls);
        self.phase = Phase::Calling;
        self.pending()
    }

    /// The calls of the present turn, once all of them are over.
    pub(super) fn turn_over(&self) -> Option<&[Call]> {
        let turn = &self.calls[self.turn_from..];
        turn.iter().all(|call| matches!(call.state, CallState::Ended(_))).then_some(turn)
    }

    /// Whether the run is over.
    pub fn is_ended(&self) -> bool {
        self.phase == Phase::Ended
    }

    /// What is still to be done: of every effect so far, those whose outcome has not come as an event.
    pub fn pending(&self) -> Vec<Effect> {
        match &self.phase {
            Phase::New | Phase::Ended => Vec::new(),
            Phase::Asking(asked) => vec![Effect::Ask(*asked)],
            Phase::Calling => {
                let numbered = (0..).zip(&self.calls).skip(self.turn_from);
                numbered.filter_map(|(call, found)| found.state.pending(call)).collect()
            }
        }
    }
}

impl CallState {
    fn pending(&self, call: u32) -> Option<Effect> {
        match self {
            Self::Undecided => Some(Effect::Decide { call }),
            Self::Waiting(_) => Some(Effect::Await { call }),
            Self::Permitted => Some(Effect::Call { call }),
            Self::Ended(_) => None,
        }
    }
}
