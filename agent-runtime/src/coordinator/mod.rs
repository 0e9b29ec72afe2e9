//! A run as a pure state machine: [`step`] takes a state and an event to the next state and what is to be done.
//!
//! Nothing here waits, asks the time or talks to anybody. What happens to a run is a list of [`Event`]s; folding [`step`] over
//! them gives its state, and [`State::pending`] what is still to be done. That is all there is to taking up a run again.

mod budget;
mod compaction;
mod event;
mod failure;
mod finish;
mod rule;
mod setup;
mod state;
mod thinking;

#[cfg(test)]
mod properties;

pub use event::{Asked, Effect, Event, Outcome, Purpose, Reserved};
pub use failure::Failure;
use skreaver_protocol::approval::{ApprovalRequest, ApprovalVotes};

pub use setup::{ModelFacts, Setup, Thinking};
pub(crate) use state::Remembered;
pub use state::{Call, CallInput, CallState, Spent, State};

pub(crate) use budget::LONGEST_ANSWER;
pub(crate) use rule::as_text;

/// The next state, and what is to be done. An event that does not fit the state changes nothing.
pub fn step(setup: &Setup, state: State, event: Event) -> (State, Vec<Effect>) {
    use state::Phase;
    match (state.phase.clone(), event) {
        (Phase::Ended, _) => (state, Vec::new()),
        (_, Event::Interrupted(failure)) => finish::fail(state, failure),
        (Phase::New, Event::Observed { input, history, summary, read }) => {
            let state = state.observed(input, history, summary, read);
            match &setup.thinking {
                Some(thinking) => thinking::begin(thinking, state),
                None => rule::begin(state),
            }
        }
        (Phase::Asking(_), Event::Answered { answer, asked }) => match &setup.thinking {
            Some(thinking) => thinking::answered(thinking, state, asked, answer),
            None => (state, Vec::new()),
        },
        (Phase::Asking(_), Event::Unanswered { failure, asked, charged }) => match &setup.thinking {
            Some(thinking) => thinking::unanswered(thinking, state, asked, charged, failure),
            None => (state, Vec::new()),
        },
        (Phase::Calling, Event::Permitted { call, .. }) => permitted(state, call),
        (Phase::Calling, Event::Waiting { call, request }) => waiting(state, call, request),
        (Phase::Calling, Event::Voted { call, outcome, at_ms }) => voted(setup, state, call, outcome, at_ms),
        (Phase::Calling, Event::Refused { call, failure }) => ended(setup, state, call, is_undecided, Err(failure), 0),
        (Phase::Calling, Event::ToolEnded { call, outcome, duration_us }) => {
            ended(setup, state, call, is_permitted, outcome, duration_us)
        }
        (
            Phase::New | Phase::Asking(_) | Phase::Calling,
            Event::Observed { .. }
            | Event::Answered { .. }
            | Event::Unanswered { .. }
            | Event::Permitted { .. }
            | Event::Waiting { .. }
            | Event::Voted { .. }
            | Event::Refused { .. }
            | Event::ToolEnded { .. },
        ) => (state, Vec::new()),
    }
}

fn permitted(mut state: State, call: u32) -> (State, Vec<Effect>) {
    match state.call_that(call, is_undecided) {
        Some(found) => {
            found.state = CallState::Permitted;
            (state, vec![Effect::Call { call }])
        }
        None => (state, Vec::new()),
    }
}

fn waiting(mut state: State, call: u32, request: Box<ApprovalRequest>) -> (State, Vec<Effect>) {
    let Some(found) = state.call_that(call, is_undecided) else { return (state, Vec::new()) };
    let asked_at_ms = request.asked_at_ms;
    found.state = CallState::Waiting(request);
    state.rest(asked_at_ms);
    (state, vec![Effect::Await { call }])
}

/// Who approved is heard by the policy once more: it may have changed since.
fn voted(
    setup: &Setup,
    mut state: State,
    call: u32,
    outcome: Result<ApprovalVotes, Failure>,
    at_ms: u64,
) -> (State, Vec<Effect>) {
    let waits = |state: &CallState| matches!(state, CallState::Waiting(_));
    let Some(found) = state.call_that(call, waits) else { return (state, Vec::new()) };
    let (next, effects) = match outcome {
        Ok(votes) => {
            (found.state, found.approved) = (CallState::Undecided, Some(votes));
            (state, vec![Effect::Decide { call }])
        }
        Err(failure) => ended(setup, state, call, waits, Err(failure), 0),
    };
    let mut state = next;
    state.rest(at_ms);
    (state, effects)
}

fn is_undecided(state: &CallState) -> bool {
    *state == CallState::Undecided
}

fn is_permitted(state: &CallState) -> bool {
    *state == CallState::Permitted
}

/// A call has come to its end, if it is as it has to be for that.
fn ended(
    setup: &Setup,
    mut state: State,
    call: u32,
    is: impl Fn(&CallState) -> bool,
    outcome: Result<serde_json::Value, Failure>,
    duration_us: u64,
) -> (State, Vec<Effect>) {
    let Some(found) = state.call_that(call, is) else { return (state, Vec::new()) };
    let has_run = found.state == CallState::Permitted;
    (found.state, found.duration_us) = (CallState::Ended(outcome), duration_us);
    // Why a tool gave no result is a text of its own too.
    let read = has_run.then(|| found.tool.clone());
    state.read.extend(read);
    match &setup.thinking {
        Some(thinking) => thinking::called(thinking, state),
        None => rule::called(state),
    }
}
