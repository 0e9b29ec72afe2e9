//! What callers are told of runs: events as they happen, and how it ended.

use jiff::Timestamp;
use serde_json::Value;
use skreaver_protocol::problem::{Code, Problem};
use skreaver_protocol::rest::{ObserveResponse, RunEvent, RunState, RunStatus, ToolCallSummary, Usage};
use skreaver_protocol::{AgentName, Caller};
use uuid::Uuid;

use super::document::{RunDocument, Stage, Used};
use crate::coordinator::{Call, CallInput, CallState, Event, Failure, Outcome, Setup, State, step};

/// An event as callers are told of it, by the state behind it. Not every one concerns them.
pub(crate) fn event(agent: &AgentName, run: Uuid, event: &Event, state: &State) -> Option<RunEvent> {
    match event {
        Event::Observed { .. } => Some(RunEvent::Started { run: run.to_string(), agent: agent.clone() }),
        Event::Answered { answer, asked: _ } => {
            (!answer.text.is_empty()).then(|| RunEvent::ModelDelta { text: answer.text.clone() })
        }
        // A piece of it may have been told. Where no other model is asked the run ends, and that is told.
        Event::Unanswered { .. } => (!state.is_ended()).then_some(RunEvent::ModelReset),
        Event::Permitted { call, shown } => {
            let Call { tool, input, .. } = state.call(*call)?;
            let arguments = shown.clone().unwrap_or_else(|| arguments(input));
            Some(RunEvent::ToolCall { call: *call, tool: tool.clone(), arguments })
        }
        Event::Waiting { call, request } => Some(RunEvent::ApprovalRequested { call: *call, request: request.clone() }),
        Event::Voted { call, outcome: Ok(said), at_ms: _ } => {
            Some(RunEvent::ApprovalGranted { call: *call, votes: said.votes.clone() })
        }
        Event::Voted { call, outcome: Err(failure), at_ms: _ } => result(state, *call, &Err(failure.clone())),
        Event::Refused { call, failure } => result(state, *call, &Err(failure.clone())),
        Event::ToolEnded { call, outcome, .. } => result(state, *call, outcome),
        // The run ends, and that is told.
        Event::Interrupted(_) => None,
    }
}

fn result(state: &State, call: u32, outcome: &Result<Value, Failure>) -> Option<RunEvent> {
    let tool = state.call(call)?.tool.clone();
    let (output, failed) = match outcome {
        Ok(output) => (output.clone(), false),
        Err(failure) => (Value::String(failure.detail.clone()), true),
    };
    Some(RunEvent::ToolResult { call, tool, output, failed })
}

fn arguments(input: &CallInput) -> Value {
    match input {
        CallInput::Text(text) => Value::String(text.clone()),
        CallInput::Arguments(arguments) => arguments.clone(),
    }
}

/// Everything that callers are told of a run, from what is kept of it.
pub(crate) fn told_again(agent: &AgentName, setup: &Setup, document: &RunDocument, past: Vec<Event>) -> Vec<(usize, RunEvent)> {
    let mut state = State::default();
    let mut told = Vec::new();
    let last = past.len();
    for (number, happened) in past.into_iter().enumerate() {
        state = step(setup, state, happened.clone()).0;
        told.extend(event(agent, document.run, &happened, &state).map(|event| (number, event)));
    }
    told.extend(end(agent, document).map(|event| (last, event)));
    told
}

/// The end of a run as callers are told of it.
pub(crate) fn end(agent: &AgentName, document: &RunDocument) -> Option<RunEvent> {
    Some(match response(agent, document)? {
        Ok(response) => RunEvent::Completed { response },
        Err(problem) => RunEvent::Failed { problem },
    })
}

/// What `observe` answers of a run that ended; nothing where it did not.
pub(crate) fn response(agent: &AgentName, document: &RunDocument) -> Option<Result<ObserveResponse, Problem>> {
    let Stage::Ended { at_ms, end, used, tool_calls } = &document.stage else { return None };
    Some(match end {
        Outcome::Completed { output } => Ok(ObserveResponse {
            output: output.clone(),
            agent: agent.clone(),
            run: document.run.to_string(),
            session: document.session.clone(),
            usage: usage(*used, tool_calls, at_ms.saturating_sub(document.accepted_ms) * 1000),
            tool_calls: tool_calls.clone(),
        }),
        Outcome::Failed(failure) => Err(problem(document.run, failure)),
    })
}

/// What a run used.
pub(crate) fn usage(used: Used, tool_calls: &[ToolCallSummary], duration_us: u64) -> Usage {
    let Used { turns, tokens, money } = used;
    Usage {
        tool_calls: u32::try_from(tool_calls.len()).unwrap_or(u32::MAX),
        turns: turns.into(),
        input_tokens: tokens.input,
        output_tokens: tokens.output,
        cost_micro_usd: money,
        duration_us,
    }
}

/// A failure as a problem of this run.
pub(crate) fn problem(run: Uuid, failure: &Failure) -> Problem {
    Problem { run: Some(run.to_string()), ..failure.clone().into() }
}

/// The tool calls of a run.
pub(crate) fn tool_calls(state: &State) -> Vec<ToolCallSummary> {
    let summary = |call: &Call| ToolCallSummary {
        tool: call.tool.clone(),
        failed: !matches!(call.state, CallState::Ended(Ok(_))),
        duration_us: call.duration_us,
    };
    state.calls().iter().map(summary).collect()
}

/// A run as it is known.
pub(crate) fn status(agent: &AgentName, document: &RunDocument) -> RunStatus {
    let RunDocument { run, session, accepted_ms, stage, caller, hops: _, trace: _, deadline_ms: _ } = document;
    let mut status = RunStatus {
        run: run.to_string(),
        agent: agent.clone(),
        session: session.clone(),
        caller: (*caller != Caller::Anonymous).then(|| caller.identity()),
        state: RunState::Running,
        accepted_at: rfc3339(*accepted_ms),
        ended_at: None,
        output: None,
        problem: None,
        usage: None,
        tool_calls: None,
    };
    if let Stage::Ended { at_ms, end, used, tool_calls } = stage {
        status.ended_at = Some(rfc3339(*at_ms));
        status.usage = Some(usage(*used, tool_calls, at_ms.saturating_sub(*accepted_ms) * 1000));
        status.tool_calls = Some(tool_calls.clone());
        match end {
            Outcome::Completed { output } => {
                (status.state, status.output) = (RunState::Completed, Some(output.clone()));
            }
            Outcome::Failed(failure) => {
                let cancelled = failure.code == Code::Cancelled;
                status.state = if cancelled { RunState::Cancelled } else { RunState::Failed };
                status.problem = Some(problem(*run, failure));
            }
        }
    }
    status
}

fn rfc3339(ms: u64) -> String {
    let at = i64::try_from(ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    at.unwrap_or(Timestamp::UNIX_EPOCH).to_string()
}
