//! Does what the coordinator asks for: asks models, asks the policy, calls tools. Each comes back as an event.

use std::sync::Arc;
use std::time::Duration;

use skreaver_model::{Model, ModelError, Question, ToolSpec};
use skreaver_policy::{Goal, ResultLimit};
use skreaver_protocol::message::Message;
use skreaver_protocol::problem::Code;
use skreaver_protocol::{Caller, SessionId};
use uuid::Uuid;

use super::Live;
use crate::coordinator::{Asked, CallInput, Event, Failure, Purpose, State};
use crate::custom::Course;
use crate::tools::{CallError, Decided, Input, ToolCall, ToolError, Toolbox};

/// What a model is told when it is to sum up.
const SUM_UP: &str = "Sum up the conversation so far for yourself: what was asked, found out, decided and done, with every name \
    and number that may matter later. Answer with the summary alone.";

/// What an agent thinks with.
pub(crate) struct Mind {
    /// In the order of preference.
    pub(crate) models: Vec<Arc<dyn Model>>,
    pub(crate) instructions: Option<String>,
    pub(crate) output_schema: Option<serde_json::Value>,
    pub(crate) heard: Heard,
}

/// Told of every answer and every failure of a model, by its place.
pub(crate) type Heard = Box<dyn Fn(usize, Option<&ModelError>) + Send + Sync>;

impl Mind {
    /// The instructions of an agent, with its goal.
    pub(crate) fn instructions(instructions: Option<&str>, goal: Option<&Goal>) -> Option<String> {
        match (instructions, goal) {
            (Some(instructions), Some(goal)) => Some(format!("{instructions}\n\nYour goal: {}", goal.text())),
            (None, Some(goal)) => Some(format!("Your goal: {}", goal.text())),
            (instructions, None) => instructions.map(str::to_owned),
        }
    }
}

/// Where a run finds what it works with.
pub(crate) struct Workplace<'a> {
    pub(crate) toolbox: &'a Toolbox,
    pub(crate) mind: Option<&'a Mind>,
    /// An agent written in Rust, which stands where others have a mind.
    pub(crate) own: Option<Course>,
    pub(crate) run: Uuid,
    pub(crate) caller: &'a Caller,
    pub(crate) session: Option<&'a SessionId>,
    pub(crate) live: Option<&'a Live>,
}

impl<'a> Workplace<'a> {
    /// Asks a model; `number` is that of the event which its answer will be.
    pub(crate) fn ask(&self, asked: Asked, state: &State, number: usize) -> impl Future<Output = Event> + Send + use<'a> {
        let Asked { model, purpose, .. } = asked;
        let own = self.own.as_ref().map(|course| course.turn(state));
        let question = self.mind.map(|mind| question(mind, self.toolbox, purpose, state));
        let (mind, live) = (self.mind, self.live.filter(|_| purpose == Purpose::Answer));
        async move {
            let answered = |answer| Event::Answered { answer, asked };
            let unanswered = |failure, charged| Event::Unanswered { failure, asked, charged };
            if let Some(turn) = own {
                return turn.await.map_or_else(|failure| unanswered(failure, 0), answered);
            }
            let found = mind.zip(question).and_then(|(mind, question)| Some((mind, question, mind.models.get(model)?)));
            let Some((mind, question, found)) = found else {
                return unanswered(Failure::new(Code::Internal, "the agent has no such model"), 0);
            };
            let tell = |text: &str| {
                if let Some(live) = live {
                    live.add_to_answer(text);
                }
            };
            if let Some(live) = live {
                live.begin_answer(number);
            }
            let answer = found.ask(&question, live.is_some().then_some(&tell)).await;
            (mind.heard)(model, answer.as_ref().err());
            match answer {
                Ok(answer) => answered(answer),
                Err(error) => unanswered(model_failure(&error), error.charged),
            }
        }
    }

    /// Asks the policy about a call.
    pub(crate) fn decide(&self, call: u32, state: &State) -> Result<Decided, Failure> {
        let found = state.call(call).ok_or_else(|| Failure::new(Code::Internal, "there is no such call"))?;
        let input = match &found.input {
            CallInput::Text(text) => Input::Text(text.clone()),
            CallInput::Arguments(arguments) => Input::Arguments(arguments.clone()),
        };
        let call = ToolCall {
            tool: found.tool.clone(),
            input,
            caller: self.caller.clone(),
            session: self.session.cloned(),
            read: Some(state.read().clone()),
            id: format!("{}/{call}", self.run),
        };
        self.toolbox.decide(call).map_err(|error| call_failure(&error))
    }

    /// Makes a call that was decided about.
    pub(crate) fn call(&self, call: u32, decided: Decided) -> impl Future<Output = Event> + Send + use<'a> {
        let toolbox = self.toolbox;
        async move {
            match toolbox.run(decided).await {
                Ok(result) => Event::ToolEnded { call, outcome: Ok(result.output), duration_us: micros(result.duration) },
                Err(error) => Event::ToolEnded { call, outcome: Err(call_failure(&error)), duration_us: 0 },
            }
        }
    }
}

fn question(mind: &Mind, toolbox: &Toolbox, purpose: Purpose, state: &State) -> Question {
    let summary =
        state.summary().map(|summary| Message::User { text: format!("What was said before, summed up:\n{}", summary.text) });
    let behind = |messages: &[Message]| summary.into_iter().chain(messages.iter().cloned()).collect::<Vec<_>>();
    match purpose {
        Purpose::Answer => Question {
            instructions: mind.instructions.clone(),
            messages: behind(state.context()),
            tools: specs(toolbox),
            output_schema: mind.output_schema.clone(),
        },
        Purpose::Compaction { covers } => {
            let mut messages = behind(state.context_until(covers));
            messages.push(Message::User { text: SUM_UP.to_owned() });
            Question { instructions: mind.instructions.clone(), messages, tools: Vec::new(), output_schema: None }
        }
    }
}

/// The tools that the policy in force lets the agent use.
fn specs(toolbox: &Toolbox) -> Vec<ToolSpec> {
    let permitted = toolbox.permitted();
    let spec = |name: &skreaver_protocol::ToolName| {
        let (description, input_schema) = toolbox.describe(name)?;
        Some(ToolSpec { name: name.to_string(), description: description.to_owned(), input_schema: input_schema.clone() })
    };
    permitted.iter().filter_map(spec).collect()
}

/// How long a caller is asked to wait before trying a model again that asked for nothing itself, in seconds.
const PAUSE: u64 = 5;

fn model_failure(error: &ModelError) -> Failure {
    let code = if error.kind.is_passing() { Code::ModelUnavailable } else { Code::ModelFailed };
    let asked = error.retry_after.map_or(PAUSE, |pause| pause.as_secs().max(1));
    Failure { retry_after: error.kind.is_passing().then_some(asked), ..Failure::new(code, error.to_string()) }
}

/// A call that came to nothing, as it can be kept and told.
pub(crate) fn call_failure(error: &CallError) -> Failure {
    let told = |code| Failure::new(code, error.to_string());
    match error {
        CallError::UnknownTool { .. } => told(Code::UnknownTool),
        CallError::Denied(denial) => Failure {
            policy: denial.policy().map(str::to_owned),
            rule: denial.rule().map(str::to_owned),
            retry_after: denial.retry_after().map(|pause| pause.as_secs().max(1)),
            ..told(Code::ToolDenied)
        },
        CallError::Unrecorded { .. } => Failure { retry_after: Some(1), ..told(Code::AuditUnavailable) },
        CallError::Tool { error: ToolError::InvalidArguments(_), .. } => told(Code::InvalidArguments),
        CallError::Tool { error: ToolError::Refused { policy, .. }, .. } => {
            Failure { policy: policy.clone(), ..told(Code::ToolDenied) }
        }
        CallError::Tool { error: ToolError::Failed(_) | ToolError::Stopped(_), .. } => told(Code::ToolFailed),
        CallError::ResultWithheld { policy, .. } => Failure { policy: Some(policy.clone()), ..told(Code::ResultWithheld) },
        CallError::ResultTooLarge { limit: ResultLimit { policy, rule, .. }, .. } => {
            Failure { policy: Some(policy.clone()), rule: Some(rule.clone()), ..told(Code::ResultTooLarge) }
        }
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
