//! What the operator still waits for, as `/ready` tells.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;

/// What is waited for, and the part this process plays.
#[derive(Default)]
pub struct Readiness(Mutex<State>);

#[derive(Default, Clone)]
struct State {
    waiting: BTreeSet<String>,
    leads: bool,
}

/// The body of `/ready`.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Whether there is nothing left to wait for.
    pub ready: bool,
    /// `leader` or `standby`.
    pub leader: &'static str,
    /// What is waited for.
    pub waiting: BTreeSet<String>,
}

impl Readiness {
    /// Adds something to wait for.
    pub fn wait_for(&self, what: &str) {
        self.state().waiting.insert(what.to_owned());
    }

    /// Strikes it off.
    pub fn done(&self, what: &str) {
        self.state().waiting.remove(what);
    }

    /// From now on this process acts.
    pub fn leads(&self) {
        self.state().leads = true;
    }

    /// How it stands.
    pub fn report(&self) -> Report {
        let State { waiting, leads } = self.state().clone();
        Report { ready: waiting.is_empty(), leader: if leads { "leader" } else { "standby" }, waiting }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_ready_when_nothing_is_waited_for() {
        let readiness = Readiness::default();
        readiness.wait_for("chalk");
        assert_eq!(readiness.report(), Report { ready: false, leader: "standby", waiting: ["chalk".into()].into() });
        readiness.done("chalk");
        readiness.leads();
        assert_eq!(readiness.report(), Report { ready: true, leader: "leader", waiting: BTreeSet::new() });
    }
}
