//! The ways in which a run ends.

use super::state::Phase;
use super::{Effect, Failure, Outcome, State};

pub(super) fn complete(mut state: State, output: String) -> (State, Vec<Effect>) {
    state.phase = Phase::Ended;
    (state, vec![Effect::End(Outcome::Completed { output })])
}

pub(super) fn fail(mut state: State, failure: Failure) -> (State, Vec<Effect>) {
    state.phase = Phase::Ended;
    state.close_requests();
    (state, vec![Effect::End(Outcome::Failed(failure))])
}
