//! Whether traffic should come here, and if not why: the state of each component that readiness depends on.

mod of_agent;

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use skreaver_protocol::rest::{Component, ComponentReason, ComponentState, Readiness};
use tokio::sync::watch;

#[cfg(feature = "control")]
pub(crate) use of_agent::POLICY;
pub(crate) use of_agent::{AgentComponents, MODEL};

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
    pub(crate) fn new(names: impl IntoIterator<Item = (String, ComponentState)>) -> Self {
        let this = Self { states: watch::Sender::default(), told_only: Mutex::default() };
        names.into_iter().for_each(|(name, state)| this.add(name, state));
        this
    }

    /// One more component, which is in this state.
    fn add(&self, name: String, state: ComponentState) {
        self.states.send_modify(|components| components.push(Component { name, state, reason: None, message: None }));
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
    fn tell_only(&self, name: &str) {
        self.told_only.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned());
    }

    /// Forgets a component of an agent that is gone.
    fn remove(&self, name: &str) {
        self.states.send_modify(|components| components.retain(|component| component.name != name));
        self.told_only.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
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
