//! Does what the coordinator asks for: asks models, asks the policy, calls tools. Each comes back as an event.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use skreaver_detect::Secrets;
use skreaver_model::{Answer, Model, ModelError, Question, ToolSpec};
use skreaver_policy::{Approved, Goal, Needs, ResultLimit};
use skreaver_protocol::approval::{ApprovalRequest, PREVIEW_MAX};
use skreaver_protocol::message::Message;
use skreaver_protocol::problem::Code;
use skreaver_protocol::trace_context::TraceContext;
use skreaver_protocol::{Caller, SessionId, ToolName};
use uuid::Uuid;

use super::{Live, now_ms};
use crate::approvals::Approvals;
use crate::coordinator::{Asked, CallInput, Event, Failure, Purpose, State};
use crate::custom::Course;
use crate::hops;
use crate::tools::{CallError, Decided, Input, ToolCall, ToolError, Toolbox, wire_name};

/// What a model is told when it is to sum up.
const SUM_UP: &str = "Sum up the conversation so far for yourself: what was asked, found out, decided and done, with every name \
    and number that may matter later. Answer with the summary alone.";

/// How many digits of a call's digest are in the name under which people know it.
const NAME_DIGITS: usize = 16;

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
    /// Through how many agents it has come.
    pub(crate) hops: u8,
    /// The trace that it belongs to.
    pub(crate) trace: Option<TraceContext>,
    pub(crate) caller: &'a Caller,
    pub(crate) session: Option<&'a SessionId>,
    pub(crate) live: Option<&'a Live>,
    /// Where calls wait for people, and how long they may at most.
    pub(crate) approvals: &'a Approvals,
    pub(crate) longest_wait: Duration,
}

/// What became of the question whether a call may be made.
pub(crate) enum Answered {
    /// It may.
    Permitted(Box<Decided>),
    /// It may, once people approve it.
    Waits(Box<ApprovalRequest>),
    /// It may not.
    Refused(Failure),
}

impl<'a> Workplace<'a> {
    /// Asks a model; `number` is that of the event which its answer will be.
    pub(crate) fn ask(&self, asked: Asked, state: &State, number: usize) -> impl Future<Output = Event> + Send + use<'a> {
        let Asked { model, purpose, .. } = asked;
        let own = self.own.as_ref().map(|course| course.turn(state));
        let question = self.mind.map(|mind| question(mind, self.toolbox, purpose, state));
        let toolbox = self.toolbox;
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
                Ok(answer) => answered(meant(answer, toolbox)),
                Err(error) => unanswered(model_failure(&error), error.charged),
            }
        }
    }

    /// Asks the policy about a call.
    pub(crate) fn decide(&self, call: u32, state: &State) -> Answered {
        let Some(found) = state.call(call) else {
            return Answered::Refused(Failure::new(Code::Internal, "there is no such call"));
        };
        let input = match &found.input {
            CallInput::Text(text) => Input::Text(text.clone()),
            CallInput::Arguments(arguments) => Input::Arguments(arguments.clone()),
        };
        let approved = found.approved.as_ref().and_then(Approved::by);
        let asked = ToolCall {
            tool: found.tool.clone(),
            input,
            caller: self.caller.clone(),
            session: self.session.cloned(),
            read: Some(state.read().clone()),
            id: format!("{}/{call}", self.run),
            approved,
        };
        match self.toolbox.decide(asked) {
            Ok(decided) => Answered::Permitted(Box::new(decided)),
            Err(error) => match &error {
                CallError::Denied(denial) if let Some(needs) = denial.needs() => {
                    Answered::Waits(Box::new(self.request(call, &denial.tool, needs)))
                }
                _ => Answered::Refused(call_failure(&error)),
            },
        }
    }

    fn request(&self, step: u32, tool: &ToolName, needs: &Needs) -> ApprovalRequest {
        let Needs { asked_by, quorum, timeout, digest, shown } = needs;
        let agent = self.toolbox.agent().clone();
        let asked_at_ms = now_ms();
        let waits = u64::try_from((*timeout).min(self.longest_wait).as_millis()).unwrap_or(u64::MAX);
        ApprovalRequest {
            name: format!("{agent}-{}", digest.get(..NAME_DIGITS).unwrap_or(digest)),
            agent,
            run: self.run.to_string(),
            step,
            session: self.session.cloned(),
            tool: tool.clone(),
            digest: digest.clone(),
            preview: preview(shown.clone()),
            asked_by: asked_by.clone(),
            quorum: *quorum,
            asked_at_ms,
            expires_at_ms: asked_at_ms.saturating_add(waits),
        }
    }

    /// Waits until people have decided about a call.
    pub(crate) fn wait(&self, call: u32, request: ApprovalRequest) -> impl Future<Output = Event> + Send + use<'a> {
        let approvals = self.approvals;
        async move {
            let outcome = approvals.wait(&request).await;
            Event::Voted { call, outcome, at_ms: now_ms() }
        }
    }

    /// Makes a call that was decided about.
    pub(crate) fn call(&self, call: u32, decided: Box<Decided>) -> impl Future<Output = Event> + Send + use<'a> {
        let (toolbox, hops, trace) = (self.toolbox, self.hops, self.trace);
        async move {
            match hops::within(hops, hops::traced(trace, toolbox.run(*decided))).await {
                Ok(result) => Event::ToolEnded { call, outcome: Ok(result.output), duration_us: micros(result.duration) },
                Err(error) => Event::ToolEnded { call, outcome: Err(call_failure(&error)), duration_us: 0 },
            }
        }
    }
}

/// Arguments for people: without secrets, and cut off where they are long.
pub(crate) fn preview(mut shown: Value) -> Value {
    Secrets::all().redact_value(&mut shown);
    let text = shown.to_string();
    if text.len() <= PREVIEW_MAX {
        return shown;
    }
    let end = text.floor_char_boundary(PREVIEW_MAX / 2);
    json!({ "cut off": &text[..end], "bytes": text.len() })
}

fn question(mind: &Mind, toolbox: &Toolbox, purpose: Purpose, state: &State) -> Question {
    let summary =
        state.summary().map(|summary| Message::User { text: format!("What was said before, summed up:\n{}", summary.text) });
    let behind = |messages: &[Message]| summary.into_iter().chain(messages.iter().map(written)).collect::<Vec<_>>();
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

/// A message with the names of tools as models know them.
fn written(message: &Message) -> Message {
    let mut message = message.clone();
    match &mut message {
        Message::Tool { tool, .. } => *tool = wire_name(tool).into_owned(),
        Message::Assistant { tool_requests, .. } => {
            tool_requests.iter_mut().for_each(|request| request.tool = wire_name(&request.tool).into_owned());
        }
        Message::User { .. } => {}
    }
    message
}

/// An answer with the names of tools as policies know them: by those is told what a run has read.
fn meant(mut answer: Answer, toolbox: &Toolbox) -> Answer {
    for request in &mut answer.tool_requests {
        if let Some(name) = toolbox.meant(&request.tool) {
            request.tool = name.into();
        }
    }
    answer
}

/// The tools that the policy in force lets the agent use.
fn specs(toolbox: &Toolbox) -> Vec<ToolSpec> {
    let permitted = toolbox.permitted();
    let spec = |name: &skreaver_protocol::ToolName| {
        let (description, input_schema) = toolbox.describe(name)?;
        Some(ToolSpec { name: wire_name(name.as_str()).into_owned(), description, input_schema })
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
        CallError::NoRun(denial) => Failure {
            policy: denial.policy().map(str::to_owned),
            rule: denial.rule().map(str::to_owned),
            ..told(Code::NotApproved)
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
