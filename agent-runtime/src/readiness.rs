//! Whether traffic should come here, and if not why: the state of each component that readiness depends on.

use std::time::Duration;

use skreaver_protocol::rest::{Component, ComponentState, Readiness};
use tokio::sync::watch;

/// The component that says whether the server takes new work.
pub(crate) const SERVER: &str = "server";

/// The states of all components, to be read and waited for.
#[derive(Debug)]
pub(crate) struct Components(watch::Sender<Vec<Component>>);

impl Components {
    pub(crate) fn new(names: impl IntoIterator<Item = (String, ComponentState)>) -> Self {
        let components = names.into_iter().map(|(name, state)| Component { name, state, reason: None, message: None }).collect();
        Self(watch::Sender::new(components))
    }

    /// Sets the state of one component. Nobody is woken when nothing changed.
    pub(crate) fn set(&self, name: &str, state: ComponentState, message: Option<String>) {
        self.0.send_if_modified(|components| {
            let Some(component) = components.iter_mut().find(|component| component.name == name) else { return false };
            let changed = component.state != state || component.message != message;
            (component.state, component.message) = (state, message.clone());
            changed
        });
    }

    /// Forgets the components of an agent that is gone.
    pub(crate) fn remove(&self, name: &str) {
        self.0.send_modify(|components| components.retain(|component| component.name != name));
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<Vec<Component>> {
        self.0.subscribe()
    }

    pub(crate) fn readiness(&self) -> Readiness {
        let components = self.0.borrow().clone();
        Readiness { ready: ready(&components), components }
    }

    /// The readiness, as soon as it is good, or as it is when the patience is over.
    pub(crate) async fn wait(&self, patience: Duration) -> Readiness {
        let mut receiver = self.0.subscribe();
        let _ = tokio::time::timeout(patience, receiver.wait_for(|components| ready(components))).await;
        self.readiness()
    }
}

fn ready(components: &[Component]) -> bool {
    components.iter().all(|component| match component.state {
        ComponentState::Ready | ComponentState::Stale => true,
        ComponentState::NotReady => false,
    })
}
