//! A run as it is seen while it goes on in this process: who follows it is told each event once, in order, and the text of an
//! answer while it is being made. Slow followers miss nothing and hold nobody up: pieces of text are told together.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use skreaver_protocol::rest::RunEvent;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{Claim, Ended};

/// A run of this process.
pub(crate) struct Live {
    inner: Mutex<Inner>,
    changed: watch::Sender<()>,
    /// The right by which it is worked on.
    claim: OnceLock<Claim>,
    /// Ends the run.
    pub(crate) cancel: CancellationToken,
    /// Lets go of the run: somebody else works on it.
    pub(crate) lost: CancellationToken,
}

#[derive(Default)]
struct Inner {
    /// What happened, by its number in the journal. Not every event is told.
    told: Vec<(usize, RunEvent)>,
    /// The number of the answer that is being made, and its text so far.
    partial: (usize, String),
    over: Option<Over>,
}

/// How a run left this process.
#[derive(Debug, Clone)]
pub(crate) enum Over {
    /// It ended here.
    Ended(Box<Ended>),
    /// It goes on elsewhere, or later.
    Elsewhere,
}

/// How far a follower is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cursor {
    /// The number of the next event.
    pub number: usize,
    /// How much of the answer that it will be has been told, in bytes.
    pub offset: usize,
}

/// What a follower gets next.
#[derive(Debug, PartialEq)]
pub(crate) enum Follow {
    /// An event, and where the follower is behind it.
    Event(Cursor, RunEvent),
    /// There will be none any more in this process.
    Over,
}

impl Live {
    pub(crate) fn new() -> Self {
        let (changed, _) = watch::channel(());
        let (cancel, lost) = (CancellationToken::new(), CancellationToken::new());
        Self { inner: Mutex::default(), changed, claim: OnceLock::new(), cancel, lost }
    }

    /// The right by which it is worked on, once it is.
    pub(crate) fn claim(&self) -> Option<&Claim> {
        self.claim.get()
    }

    pub(crate) fn claimed(&self, claim: &Claim) {
        self.claim.get_or_init(|| claim.clone());
    }

    fn change<T>(&self, change: impl FnOnce(&mut Inner) -> T) -> T {
        let outcome = change(&mut self.lock());
        self.changed.send_replace(());
        outcome
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn tell(&self, number: usize, event: RunEvent) {
        self.change(|inner| inner.told.push((number, event)));
    }

    /// The model is asked; its answer will be event `number`.
    pub(crate) fn begin_answer(&self, number: usize) {
        self.lock().partial = (number, String::new());
    }

    pub(crate) fn add_to_answer(&self, text: &str) {
        self.change(|inner| inner.partial.1.push_str(text));
    }

    pub(crate) fn end(&self, over: Over) {
        self.change(|inner| {
            inner.over.get_or_insert(over);
        });
    }

    /// Waits for the end.
    pub(crate) async fn over(&self) -> Over {
        let mut changed = self.changed.subscribe();
        loop {
            if let Some(over) = self.lock().over.clone() {
                return over;
            }
            // The sender is ours.
            let _ = changed.changed().await;
        }
    }

    /// Waits for what comes next.
    pub(crate) async fn follow(&self, cursor: Cursor) -> Follow {
        let mut changed = self.changed.subscribe();
        loop {
            if let Some(next) = self.lock().next(cursor) {
                return next;
            }
            let _ = changed.changed().await;
        }
    }
}

impl Inner {
    fn next(&self, cursor: Cursor) -> Option<Follow> {
        if let Some(next) = next_of(cursor, self.told.iter().map(|(number, event)| (*number, event))) {
            return Some(next);
        }
        let (number, text) = &self.partial;
        let told = if *number == cursor.number { cursor.offset } else { 0 };
        let is_due = *number >= cursor.number && !self.told.iter().any(|(told, _)| told == number);
        if let Some(more) = text.get(told..).filter(|more| is_due && !more.is_empty()) {
            let cursor = Cursor { number: *number, offset: text.len() };
            return Some(Follow::Event(cursor, RunEvent::ModelDelta { text: more.to_owned() }));
        }
        self.over.is_some().then_some(Follow::Over)
    }
}

/// The first of these events that a follower has not been told, and of an answer only what is new to him.
pub(crate) fn next_of<'a>(cursor: Cursor, told: impl Iterator<Item = (usize, &'a RunEvent)>) -> Option<Follow> {
    told.filter(|(number, _)| *number >= cursor.number).find_map(|(number, event)| {
        let behind = Cursor { number: number + 1, offset: 0 };
        match event {
            RunEvent::ModelDelta { text } => {
                let known = if number == cursor.number { cursor.offset } else { 0 };
                let more = text.get(known..).filter(|more| !more.is_empty())?;
                Some(Follow::Event(behind, RunEvent::ModelDelta { text: more.to_owned() }))
            }
            RunEvent::Started { .. }
            | RunEvent::ToolCall { .. }
            | RunEvent::ToolResult { .. }
            | RunEvent::Completed { .. }
            | RunEvent::Failed { .. } => Some(Follow::Event(behind, event.clone())),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delta(text: &str) -> RunEvent {
        RunEvent::ModelDelta { text: text.into() }
    }

    #[tokio::test]
    async fn pieces_of_an_answer_are_told_once_and_together_to_the_slow() {
        let live = Live::new();
        live.begin_answer(1);
        live.add_to_answer("ab");
        let first = Follow::Event(Cursor { number: 1, offset: 2 }, delta("ab"));
        assert_eq!(live.follow(Cursor { number: 1, offset: 0 }).await, first);
        live.add_to_answer("cd");
        live.add_to_answer("ef");
        assert_eq!(
            live.follow(Cursor { number: 1, offset: 2 }).await,
            Follow::Event(Cursor { number: 1, offset: 6 }, delta("cdef"))
        );
        live.tell(1, delta("abcdefgh"));
        let rest = Follow::Event(Cursor { number: 2, offset: 0 }, delta("gh"));
        assert_eq!(live.follow(Cursor { number: 1, offset: 6 }).await, rest);
        // Who comes late gets it whole.
        assert_eq!(live.follow(Cursor::default()).await, Follow::Event(Cursor { number: 2, offset: 0 }, delta("abcdefgh")));
        live.end(Over::Elsewhere);
        // Who knows all of it is told only what comes behind it.
        assert_eq!(live.follow(Cursor { number: 1, offset: 8 }).await, Follow::Over);
    }
}
