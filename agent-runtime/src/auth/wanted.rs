//! Requests that wait for keys of an issuer. Names of keys are a stranger's to choose: bounds keep them from making us ask the
//! issuer without end, and from keeping us busy with waiting.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, watch};
use tokio::time::Instant;

/// How often an issuer is asked for at most.
const PAUSE: Duration = Duration::from_secs(10);
/// How long a request waits.
const PATIENCE: Duration = Duration::from_secs(2);
/// How many requests wait at a time; others are refused at once.
const PLACES: usize = 64;

/// Which keys are wanted, and who waits for them.
pub(super) struct Wanted {
    asked: Mutex<BTreeMap<String, Asked>>,
    /// What is to be asked for next.
    pending: watch::Sender<BTreeSet<String>>,
    places: Semaphore,
    /// Woken when keys arrive.
    arrived: watch::Sender<()>,
}

struct Asked {
    at: Instant,
    is_answered: bool,
}

impl Default for Wanted {
    fn default() -> Self {
        Self {
            asked: Mutex::default(),
            pending: watch::Sender::default(),
            places: Semaphore::new(PLACES),
            arrived: watch::Sender::new(()),
        }
    }
}

impl Wanted {
    /// Waits until keys arrive, or for as long as that is worth while: not at all where they did after they were asked for last.
    pub(super) async fn wait(&self, issuer: &str) {
        let Ok(_place) = self.places.try_acquire() else { return };
        let mut arrived = self.arrived.subscribe();
        if self.ask(issuer, Instant::now()) {
            let _ = tokio::time::timeout(PATIENCE, arrived.changed()).await;
        }
    }

    /// Asks for the keys of an issuer if that was not done just now. Whether there is an answer to wait for.
    fn ask(&self, issuer: &str, now: Instant) -> bool {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = asked.get(issuer)
            && now.duration_since(last.at) < PAUSE
        {
            return !last.is_answered;
        }
        asked.insert(issuer.to_owned(), Asked { at: now, is_answered: false });
        self.pending.send_modify(|pending| {
            pending.insert(issuer.to_owned());
        });
        true
    }

    /// Keys arrived, of all issuers for which there are any.
    pub(super) fn answered(&self) {
        for asked in self.asked.lock().unwrap_or_else(PoisonError::into_inner).values_mut() {
            asked.is_answered = true;
        }
        self.arrived.send_replace(());
    }

    #[cfg(feature = "control")]
    pub(super) fn subscribe(&self) -> watch::Receiver<BTreeSet<String>> {
        self.pending.subscribe()
    }

    /// What is to be asked for, where that is anything. It is not told again.
    #[cfg(feature = "control")]
    pub(super) fn take(&self) -> Option<BTreeSet<String>> {
        let mut taken = BTreeSet::new();
        self.pending.send_if_modified(|pending| {
            taken = std::mem::take(pending);
            false
        });
        (!taken.is_empty()).then_some(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_issuer_is_asked_for_at_most_once_in_a_while_and_nobody_waits_in_vain() {
        let wanted = Wanted::default();
        let begin = Instant::now();
        wanted.wait("a").await;
        assert_eq!(begin.elapsed(), PATIENCE, "nobody answered");
        assert!(wanted.pending.borrow().contains("a"));
        wanted.answered();
        wanted.pending.send_replace(BTreeSet::new());
        let begin = Instant::now();
        wanted.wait("a").await;
        assert_eq!(begin.elapsed(), Duration::ZERO, "the answer is there, and had no such key");
        assert!(wanted.pending.borrow().is_empty());
        tokio::time::advance(PAUSE).await;
        wanted.wait("a").await;
        assert!(wanted.pending.borrow().contains("a"));
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_is_woken_and_more_than_there_are_places_for_do_not_wait() {
        let wanted = std::sync::Arc::new(Wanted::default());
        let begin = Instant::now();
        let waits: Vec<_> = (0..PLACES)
            .map(|_| {
                let wanted = std::sync::Arc::clone(&wanted);
                tokio::spawn(async move { wanted.wait("a").await })
            })
            .collect();
        while wanted.places.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        wanted.wait("b").await;
        assert!(!wanted.pending.borrow().contains("b"), "there is no place, and so nobody asks");
        wanted.answered();
        for waits in waits {
            waits.await.unwrap();
        }
        assert_eq!(begin.elapsed(), Duration::ZERO);
    }
}
