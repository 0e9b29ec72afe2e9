//! Works on runs that are kept: waits for their turn, drives them, and leaves nothing held where they cannot go on.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::ServedAgent;
use super::observe::failed;
use crate::admission::Place;
use crate::coordinator::Failure;
use crate::runs::{Claimed, Driven, History, Journal, JournalError, Kept, Live, Over, RunDocument, drive, now_ms};
use crate::trace::warn;

/// How often a session in which somebody else works is tried again, at first and at last.
const TURN: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(250));

impl ServedAgent {
    /// Works on a run until it is over here. Without a claim its turn is waited for; what happened so far is read then.
    pub(super) fn spawn(self: &Arc<Self>, kept: Arc<Kept>, document: RunDocument, claimed: Option<Claimed>, place: Place) {
        let live = Arc::new(Live::new());
        self.live.lock().unwrap_or_else(PoisonError::into_inner).insert(document.run, Arc::clone(&live));
        let mut here = Here { agent: Arc::clone(self), document: document.clone(), live, over: Over::Elsewhere };
        self.tasks.spawn(async move {
            let _active = here.agent.active();
            let over = here.agent.work_on(&kept, document, claimed, place, &here.live).await;
            here.leave(over);
        });
    }

    async fn work_on(&self, kept: &Kept, document: RunDocument, claimed: Option<Claimed>, place: Place, live: &Live) -> Over {
        let deadline = Instant::now() + Duration::from_millis(document.deadline_ms.saturating_sub(now_ms()));
        let claimed = match claimed {
            Some(claimed) => Ok(Some(claimed)),
            None => self.turn(kept, &document, live, deadline).await,
        };
        let (claim, past) = match claimed {
            Ok(Some(claimed)) => claimed,
            Ok(None) => return Over::Elsewhere,
            Err(error) => return self.left(&document, &error),
        };
        live.claimed(&claim);
        let _session = document.session.as_ref().map(|_| self.metrics.session());
        // Who waits in vain is driven all the same, to the end that the run took too long.
        let running = tokio::time::timeout_at(deadline, place.turn()).await.ok();
        let driven = match self.history(kept, &document).await {
            Ok(history) => {
                let tokens = (live.cancel.clone(), live.lost.clone());
                let work = self.drive_parts(&document, kept, &claim, Some(live), (deadline, running), tokens);
                drive(work, past, history).await
            }
            Err(error) => Driven::Stopped(error),
        };
        match driven {
            Driven::Ended(ended) => Over::Ended(ended),
            Driven::Stopped(error) => {
                kept.stop(&claim, &document, &error).await;
                self.left(&document, &error)
            }
        }
    }

    fn left(&self, document: &RunDocument, error: &JournalError) -> Over {
        warn!(agent = %self.config.name, run = %document.run, %error, "a run cannot go on here");
        Over::Elsewhere
    }

    async fn history(&self, kept: &Kept, document: &RunDocument) -> Result<History, JournalError> {
        match &document.place() {
            Some(session) => kept.history(session).await,
            None => Ok(History::default()),
        }
    }

    /// Waits until nobody else works on the run or in its session; in this process sessions are first come, first served.
    /// Nothing where the run is over then: it may end while it waits.
    async fn turn(
        &self,
        kept: &Kept,
        document: &RunDocument,
        live: &Live,
        deadline: Instant,
    ) -> Result<Option<Claimed>, JournalError> {
        let waited = async {
            let _queue = match &document.place() {
                Some(session) => Some(self.queues.enter(session).await),
                None => None,
            };
            let (mut pause, last) = TURN;
            loop {
                if let Some(claim) = kept.claim(document).await? {
                    return kept.claimed(claim, document).await;
                }
                if !kept.is_open(document.run).await? {
                    return Ok(None);
                }
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(last);
            }
        };
        let failure = tokio::select! {
            turn = waited => return turn,
            () = live.lost.cancelled() => return Ok(None),
            () = live.cancel.cancelled() => Failure::cancelled(),
            () = tokio::time::sleep_until(deadline) => self.timed_out(),
        };
        kept.end_waiting(document, failure).await?;
        Ok(None)
    }

    /// What happened so far to a run on which nobody works, if it is taken up here.
    pub(super) async fn take_up(&self, kept: &Kept, document: &RunDocument) -> Result<Option<Claimed>, JournalError> {
        match kept.claim(document).await? {
            Some(claim) => kept.claimed(claim, document).await,
            None => Ok(None),
        }
    }
}

/// A run in this process. However the work on it ends, those who wait for it are told.
struct Here {
    agent: Arc<ServedAgent>,
    document: RunDocument,
    live: Arc<Live>,
    over: Over,
}

impl Here {
    fn leave(&mut self, over: Over) {
        self.over = over;
    }
}

impl Drop for Here {
    fn drop(&mut self) {
        if let Over::Ended(ended) = &self.over {
            self.agent.count(failed(&ended.document));
        }
        self.agent.live.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.document.run);
        self.live.end(self.over.clone());
    }
}
