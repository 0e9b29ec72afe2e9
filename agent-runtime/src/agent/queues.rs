//! Who comes first in a session: runs of one process take their turns in the order in which they came.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::OwnedMutexGuard;

use crate::runs::SessionPlace;

type Queue = Arc<tokio::sync::Mutex<()>>;

/// The queues of the sessions in which runs wait.
#[derive(Default)]
pub(super) struct Queues(Arc<Mutex<HashMap<SessionPlace, Queue>>>);

/// The first place in a session. Dropped, the next one has it.
pub(super) struct First {
    place: Option<OwnedMutexGuard<()>>,
    session: SessionPlace,
    queues: Arc<Mutex<HashMap<SessionPlace, Queue>>>,
}

fn lock(queues: &Mutex<HashMap<SessionPlace, Queue>>) -> MutexGuard<'_, HashMap<SessionPlace, Queue>> {
    queues.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Queues {
    /// Waits for the first place.
    pub(super) async fn enter(&self, session: &SessionPlace) -> First {
        let queue = Arc::clone(lock(&self.0).entry(session.clone()).or_default());
        let place = Some(queue.lock_owned().await);
        First { place, session: session.clone(), queues: Arc::clone(&self.0) }
    }
}

impl Drop for First {
    fn drop(&mut self) {
        self.place = None;
        let mut queues = lock(&self.queues);
        // Nobody else holds or awaits it: those hold it besides the map.
        if queues.get(&self.session).is_some_and(|queue| Arc::strong_count(queue) == 1) {
            queues.remove(&self.session);
        }
    }
}

#[cfg(test)]
mod tests {
    use skreaver_protocol::{Caller, SessionId};

    use super::*;
    use crate::runs::Owner;

    #[tokio::test]
    async fn who_comes_first_is_first_and_nothing_is_left_behind() {
        let (queues, session) =
            (Arc::new(Queues::default()), SessionPlace::new(&Owner::of(&Caller::Anonymous), &SessionId::parse("a").unwrap()));
        let first = queues.enter(&session).await;
        let order = Arc::new(Mutex::new(Vec::new()));
        let waiting: Vec<_> = (0..5)
            .map(|number| {
                let (queues, session, order) = (Arc::clone(&queues), session.clone(), Arc::clone(&order));
                tokio::spawn(async move {
                    let _place = queues.enter(&session).await;
                    order.lock().unwrap().push(number);
                })
            })
            .collect();
        tokio::task::yield_now().await;
        drop(first);
        for waits in waiting {
            waits.await.unwrap();
        }
        assert_eq!(*order.lock().unwrap(), [0, 1, 2, 3, 4]);
        assert!(lock(&queues.0).is_empty());
    }
}
