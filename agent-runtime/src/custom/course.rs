//! How an agent written in Rust stands in for a model: it works until it has an answer or needs tools, and goes on when those
//! have answered. One that was begun anew, after a crash, is given the answers that are written down.

use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};

use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::Value;
use skreaver_memory::{Memory, Namespaced};
use skreaver_model::{Answer, StopReason};
use skreaver_protocol::AgentName;
use skreaver_protocol::message::{Message, Tokens, ToolRequest};
use skreaver_protocol::problem::Code;
use tokio::sync::mpsc;

use super::{Agent, AgentError, Context, Request};
use crate::coordinator::{Call, CallInput, CallState, Failure, State};
use crate::panics;
use crate::runs::{RunDocument, keys};
use crate::trace::error;

/// An agent at work on one run.
pub(crate) struct Course {
    agent: Arc<dyn Agent>,
    name: AgentName,
    document: RunDocument,
    memory: Option<Arc<dyn Memory>>,
    /// The work that waits for tools.
    paused: Arc<Mutex<Option<Work>>>,
}

/// One call of [`Agent::observe`].
struct Work {
    observing: BoxFuture<'static, Result<String, AgentError>>,
    door: mpsc::UnboundedReceiver<Request>,
    /// How many of its calls have been answered.
    answered: usize,
    /// Those that have not.
    waiting: VecDeque<Request>,
}

/// Where the work is when it stops.
enum Stop {
    /// Before these calls, which are not made yet.
    Asking(Work),
    /// At its end.
    Ended(Result<String, AgentError>),
}

impl Course {
    pub(crate) fn new(agent: Arc<dyn Agent>, name: AgentName, document: RunDocument, memory: Option<Arc<dyn Memory>>) -> Self {
        let memory = memory.map(|memory| Arc::new(Namespaced::new(memory, keys::OWN)) as Arc<dyn Memory>);
        Self { agent, name, document, memory, paused: Arc::default() }
    }

    /// Goes on until the answer, or until tools are needed: the same as a model's answer would be.
    pub(crate) fn turn(&self, state: &State) -> impl Future<Output = Result<Answer, Failure>> + Send + use<> {
        let (said, calls) = (Said::of(state), state.calls().len());
        let known = said.calls(state).cloned().collect::<Vec<_>>();
        let paused = self.paused.lock().unwrap_or_else(PoisonError::into_inner).take();
        let work = paused.unwrap_or_else(|| self.begin(&said, state));
        let slot = Arc::clone(&self.paused);
        async move {
            match work.go_on(&known).await {
                Stop::Asking(work) => {
                    let numbered = (calls..).zip(&work.waiting);
                    let requests = numbered.map(|(number, request)| request.told(number)).collect();
                    *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(work);
                    Ok(answer(String::new(), requests, StopReason::Tools))
                }
                Stop::Ended(Ok(text)) => Ok(answer(text, Vec::new(), StopReason::Complete)),
                Stop::Ended(Err(error)) => Err(error.failure()),
            }
        }
    }

    fn begin(&self, said: &Said<'_>, state: &State) -> Work {
        let (opening, door) = mpsc::unbounded_channel();
        let context = Context {
            agent: self.name.clone(),
            run: self.document.run,
            caller: self.document.caller.clone(),
            session: self.document.session.clone(),
            summary: state.summary().map(|summary| summary.text.clone()),
            history: said.before.to_vec(),
            memory: self.memory.clone(),
            door: opening,
        };
        let (agent, input) = (Arc::clone(&self.agent), said.input.to_owned());
        let observing = async move { contained(agent.observe(&context, &input), &context.agent).await };
        Work { observing: observing.boxed(), door, answered: 0, waiting: VecDeque::new() }
    }
}

fn answer(text: String, tool_requests: Vec<ToolRequest>, stop: StopReason) -> Answer {
    Answer { text, tool_requests, tokens: Tokens::default(), stop }
}

/// An agent that panics has failed: its run ends like any other, and what it said goes to the log alone.
async fn contained(observing: impl Future<Output = Result<String, AgentError>>, name: &AgentName) -> Result<String, AgentError> {
    AssertUnwindSafe(observing).catch_unwind().await.unwrap_or_else(|payload| {
        error!(agent = %name, panic = panics::text(&*payload), "an agent panicked");
        let told = "it panicked, which is a bug of the agent; the log of the runtime tells more";
        Err(AgentError::Failed(told.to_owned()))
    })
}

impl Work {
    async fn go_on(mut self, known: &[Call]) -> Stop {
        loop {
            if let Err(differs) = self.answer(known) {
                return Stop::Ended(Err(differs));
            }
            if !self.waiting.is_empty() {
                return Stop::Asking(self);
            }
            tokio::select! {
                // The agent first: all that it asks for at once is asked for together.
                biased;
                ended = &mut self.observing => return Stop::Ended(ended),
                Some(request) = self.door.recv() => self.waiting.push_back(request),
            }
            while let Ok(request) = self.door.try_recv() {
                self.waiting.push_back(request);
            }
        }
    }

    /// Hands over the outcomes that are known.
    fn answer(&mut self, known: &[Call]) -> Result<(), AgentError> {
        while let Some(call) = known.get(self.answered)
            && let Some(request) = self.waiting.pop_front()
        {
            if call.tool != request.tool || call.input != CallInput::Arguments(request.arguments) {
                let (now, then) = (&request.tool, &call.tool);
                let detail = format!(
                    "the agent calls `{now}` where it called `{then}`, or with other arguments, before its process died; an agent has to ask for the same when it is told the same"
                );
                return Err(AgentError::Failed(detail));
            }
            // Who does not wait any longer needs no answer.
            let _ = request.reply.send(outcome(&call.state));
            self.answered += 1;
        }
        Ok(())
    }
}

impl Request {
    fn told(&self, number: usize) -> ToolRequest {
        ToolRequest { id: format!("call-{number}"), tool: self.tool.clone(), arguments: self.arguments.clone() }
    }
}

fn outcome(state: &CallState) -> Result<Value, Failure> {
    match state {
        CallState::Ended(outcome) => outcome.clone(),
        CallState::Undecided | CallState::Waiting(_) | CallState::Permitted => {
            Err(Failure::new(Code::Internal, "the call is not over"))
        }
    }
}

/// The conversation as an agent is told of it: what it has to answer now, what was before, and what came since.
struct Said<'a> {
    before: &'a [Message],
    input: &'a str,
    since: &'a [Message],
}

impl<'a> Said<'a> {
    fn of(state: &'a State) -> Self {
        let said = state.context();
        let users = said.iter().enumerate().rev().filter_map(|(at, message)| match message {
            Message::User { text } => Some((at, text.as_str())),
            Message::Assistant { .. } | Message::Tool { .. } => None,
        });
        let (at, input) = users.into_iter().next().unwrap_or_default();
        Self { before: &said[..at], input, since: said.get(at + 1..).unwrap_or_default() }
    }

    /// The tool calls since, which are the last ones of the run.
    fn calls(&self, state: &'a State) -> impl Iterator<Item = &'a Call> {
        let asked = self.since.iter().map(|message| match message {
            Message::Assistant { tool_requests, .. } => tool_requests.len(),
            Message::User { .. } | Message::Tool { .. } => 0,
        });
        let calls = state.calls();
        calls.iter().skip(calls.len().saturating_sub(asked.sum()))
    }
}
