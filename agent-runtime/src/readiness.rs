//! Whether traffic should come here, and if not why: the state of each component that readiness depends on.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use skreaver_protocol::rest::{Component, ComponentReason, ComponentState, Readiness};
use tokio::sync::watch;

/// The component that says whether the server takes new work.
pub(crate) const SERVER: &str = "server";

/// The component that says whether there have been keys of all issuers.
pub(crate) const AUTH: &str = "auth";

/// The states of all components, to be read and waited for.
#[derive(Debug)]
pub(crate) struct Components {
    states: watch::Sender<Vec<Component>>,
    /// Components that are told and do not turn readiness off: others of the agent's replicas would do no better.
    told_only: Mutex<BTreeSet<String>>,
}

impl Components {
    pub(crate) fn new(names: impl IntoIterator<Item = (String, ComponentState)>, told_only: BTreeSet<String>) -> Self {
        let component = |(name, state)| Component { name, state, reason: None, message: None };
        Self { states: watch::Sender::new(names.into_iter().map(component).collect()), told_only: Mutex::new(told_only) }
    }

    /// Sets the state of one component. Nobody is woken when nothing changed.
    pub(crate) fn set(&self, name: &str, state: ComponentState, reason: Option<ComponentReason>, message: Option<String>) {
        self.states.send_if_modified(|components| {
            let Some(component) = components.iter_mut().find(|component| component.name == name) else { return false };
            let new = Component { name: component.name.clone(), state, reason, message };
            let changed = *component != new;
            *component = new;
            changed
        });
    }

    /// From now on a component is told, and does not turn readiness off.
    #[cfg(feature = "network")]
    pub(crate) fn tell_only(&self, name: &str) {
        self.told_only.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned());
    }

    /// Forgets the components of an agent that is gone.
    pub(crate) fn remove(&self, name: &str) {
        self.states.send_modify(|components| components.retain(|component| component.name != name));
    }

    #[cfg(feature = "control")]
    pub(crate) fn subscribe(&self) -> watch::Receiver<Vec<Component>> {
        self.states.subscribe()
    }

    pub(crate) fn readiness(&self) -> Readiness {
        let components = self.states.borrow().clone();
        Readiness { ready: self.ready(&components), components }
    }

    /// The readiness, as soon as it is good, or as it is when the patience is over.
    pub(crate) async fn wait(&self, patience: Duration) -> Readiness {
        let mut receiver = self.states.subscribe();
        let _ = tokio::time::timeout(patience, receiver.wait_for(|components| self.ready(components))).await;
        self.readiness()
    }

    fn ready(&self, components: &[Component]) -> bool {
        let told_only = self.told_only.lock().unwrap_or_else(PoisonError::into_inner);
        components.iter().filter(|component| !told_only.contains(&component.name)).all(|component| match component.state {
            ComponentState::Ready | ComponentState::Stale => true,
            ComponentState::NotReady => false,
        })
    }
}
