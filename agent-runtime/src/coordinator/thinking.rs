//! An agent with a model: asks it, does what it asks for, and asks again until it has an answer.

use std::collections::HashSet;

use skreaver_model::{Answer, StopReason};
use skreaver_policy::GoalFacts;
use skreaver_protocol::message::{Message, ToolRequest};
use skreaver_protocol::problem::Code;

use super::state::{CallInput, Phase, Summary};
use super::{Asked, Call, CallState, Effect, Failure, Purpose, State, Thinking, budget, compaction, finish};

pub(super) fn begin(thinking: &Thinking, state: State) -> (State, Vec<Effect>) {
    ask(thinking, state)
}

/// Asks the model to go on, if the bounds let it.
fn ask(thinking: &Thinking, state: State) -> (State, Vec<Effect>) {
    if state.spent.turns >= thinking.max_turns {
        let detail =
            format!("the run asked its model {} times, as limits.maxTurns lets it, and has no answer", state.spent.turns);
        return finish::fail(state, Failure::new(Code::TurnsExceeded, detail));
    }
    let purpose = compaction::due(thinking, &state).map_or(Purpose::Answer, |covers| Purpose::Compaction { covers });
    ask_for(thinking, state, purpose)
}

fn ask_for(thinking: &Thinking, mut state: State, purpose: Purpose) -> (State, Vec<Effect>) {
    let Some((model, reserved)) = budget::reserve(thinking, &state) else {
        let (tokens, money) = (state.spent.tokens.total(), state.spent.money);
        let detail = format!(
            "the rest of limits.budget does not cover another question: {tokens} tokens and {money} micro-dollars are spent"
        );
        return finish::fail(state, Failure::new(Code::BudgetExceeded, detail));
    };
    state.model = model;
    state.phase = Phase::Asking(Asked { model, purpose, reserved });
    let effects = state.pending();
    (state, effects)
}

pub(super) fn answered(thinking: &Thinking, mut state: State, asked: Asked, answer: Answer) -> (State, Vec<Effect>) {
    let Answer { text, tool_requests, tokens, stop } = answer;
    budget::settle(thinking, &mut state.spent, asked, tokens);
    state.model = asked.model;
    if let Purpose::Compaction { covers } = asked.purpose {
        // What is no summary stands for nothing: the conversation stays as it is.
        if stop == StopReason::Complete && !text.trim().is_empty() {
            let covers = covers.min(state.messages().len());
            state.summary = Some(Summary { text, covers });
        }
        // Once in a turn: a summary that is too long itself is no reason to go on summing up.
        return ask_for(thinking, state, Purpose::Answer);
    }
    state.spent.turns += 1;
    let tool_requests = distinct(tool_requests);
    let wanted = state.calls().len() + tool_requests.len();
    state.say(Message::Assistant { text: text.clone(), tool_requests: tool_requests.clone() });
    if tool_requests.is_empty() {
        return conclude(thinking, state, text, stop);
    }
    if wanted > usize::try_from(thinking.max_tool_calls).unwrap_or(usize::MAX) {
        let most = thinking.max_tool_calls;
        let detail = format!("the model asks for tool call number {wanted}, and limits.maxToolCalls is {most}");
        return finish::fail(state, Failure::new(Code::ToolCallsExceeded, detail));
    }
    let calls = tool_requests.into_iter();
    let effects = state.call_tools(calls.map(|call| Call::new(call.id, call.tool, CallInput::Arguments(call.arguments))));
    (state, effects)
}

/// Requests whose ids tell them apart, whatever the model wrote: by them answers are told to it.
fn distinct(mut requests: Vec<ToolRequest>) -> Vec<ToolRequest> {
    let mut seen = HashSet::new();
    for (index, request) in requests.iter_mut().enumerate() {
        if request.id.is_empty() || !seen.insert(request.id.clone()) {
            request.id = format!("{}-{index}", request.id);
            seen.insert(request.id.clone());
        }
    }
    requests
}

/// An answer that asks for nothing: the last one, if it is good.
fn conclude(thinking: &Thinking, state: State, text: String, stop: StopReason) -> (State, Vec<Effect>) {
    match stop {
        StopReason::Complete | StopReason::Tools => {}
        StopReason::Length => {
            let detail = "the answer is cut off at model.parameters.maxOutputTokens; raise it, or ask for less";
            return finish::fail(state, Failure::new(Code::AnswerCutOff, detail));
        }
        StopReason::Filtered => {
            let detail = "the provider's filter refused to answer";
            return finish::fail(state, Failure::new(Code::AnswerRefused, detail));
        }
    }
    if let Some(problem) = thinking.output.as_deref().and_then(|schema| shape_problem(schema, &text)) {
        let told = format!("The answer does not have the demanded form: {problem}. Answer again, with JSON only.");
        return again(thinking, state, told, Code::AnswerMalformed);
    }
    if let Some(goal) = thinking.goal.as_deref().filter(|goal| !goal.is_met(facts(&text, &state))) {
        let reminder = format!("The goal is not reached yet: {} Go on.", goal.text());
        return again(thinking, state, reminder, Code::TurnsExceeded);
    }
    finish::complete(state, text)
}

/// What the check of a goal sees.
fn facts(output: &str, state: &State) -> GoalFacts {
    let answered = state.calls().iter().filter(|call| matches!(call.state, CallState::Ended(Ok(_))));
    GoalFacts {
        output: output.to_owned(),
        turns: state.spent.turns,
        tool_calls: u32::try_from(state.calls().len()).unwrap_or(u32::MAX),
        tools: answered.map(|call| call.tool.clone()).collect(),
    }
}

/// Tells the model what is wrong with its answer, as long as it may still be asked.
fn again(thinking: &Thinking, mut state: State, told: String, code: Code) -> (State, Vec<Effect>) {
    if state.spent.turns >= thinking.max_turns {
        return finish::fail(state, Failure::new(code, format!("limits.maxTurns is reached. {told}")));
    }
    state.say(Message::User { text: told });
    ask(thinking, state)
}

fn shape_problem(schema: &jsonschema::Validator, text: &str) -> Option<String> {
    let value = match serde_json::from_str(text.trim()) {
        Ok(value) => value,
        Err(error) => return Some(format!("it is not JSON ({error})")),
    };
    schema.iter_errors(&value).next().map(|error| format!("{error} at `{}`", error.instance_path()))
}

/// The model gave no answer: the next one is asked, as long as there is one.
pub(super) fn unanswered(
    thinking: &Thinking,
    mut state: State,
    asked: Asked,
    charged: u32,
    failure: Failure,
) -> (State, Vec<Effect>) {
    budget::charge(&mut state.spent, asked.reserved, charged);
    if let Purpose::Compaction { .. } = asked.purpose {
        // A conversation that could not be summed up may still be answered.
        return ask_for(thinking, state, Purpose::Answer);
    }
    state.model = asked.model + 1;
    if state.model >= thinking.models.len().get() {
        state.spent.turns += 1;
        return finish::fail(state, failure);
    }
    // It is the same turn, asked of another model.
    ask_for(thinking, state, asked.purpose)
}

/// A tool came to its end. Once all of a turn have, the model is told, whatever came of them: what it asked for in vain is
/// something that it can do better.
pub(super) fn called(thinking: &Thinking, mut state: State) -> (State, Vec<Effect>) {
    let Some(turn) = state.turn_over() else { return (state, Vec::new()) };
    let answers: Vec<_> = turn.iter().filter_map(Call::told).collect();
    answers.into_iter().for_each(|answer| state.say(answer));
    ask(thinking, state)
}
