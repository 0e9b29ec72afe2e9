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
    /// The checksum of what was told of it (CRC-32C): the model may have been asked again meanwhile.
    pub sum: u32,
}

impl Cursor {
    /// At the beginning of an event.
    const fn at(number: usize) -> Self {
        Self { number, offset: 0, sum: 0 }
    }

    /// How much of an answer is known here; nothing where what was told is not its beginning.
    fn known_of(self, number: usize, text: &str) -> Option<usize> {
        let known = if number == self.number { self.offset } else { 0 };
        let sum = if known == 0 { 0 } else { self.sum };
        (crc32c::crc32c(text.get(..known)?.as_bytes()) == sum).then_some(known)
    }
}

/// What a follower gets next.
#[expect(clippy::large_enum_variant, reason = "it is taken apart as soon as it is there, and nobody keeps many")]
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
        self.next_of_partial(cursor).or_else(|| self.over.is_some().then_some(Follow::Over))
    }

    fn next_of_partial(&self, cursor: Cursor) -> Option<Follow> {
        let (number, text) = &self.partial;
        if *number < cursor.number || self.told.iter().any(|(told, _)| told == number) {
            return None;
        }
        // A model that is asked again may say the same: whether it does shows when it has said as much.
        if *number == cursor.number && text.len() < cursor.offset {
            return None;
        }
        let Some(known) = cursor.known_of(*number, text) else { return Some(reset(*number)) };
        let more = text.get(known..).filter(|more| !more.is_empty())?;
        let cursor = Cursor { number: *number, offset: text.len(), sum: crc32c::crc32c(text.as_bytes()) };
        Some(Follow::Event(cursor, RunEvent::ModelDelta { text: more.to_owned() }))
    }
}

/// What was told of an answer is void, and a follower stands at its beginning again.
fn reset(number: usize) -> Follow {
    Follow::Event(Cursor::at(number), RunEvent::ModelReset)
}

/// The first of these events that a follower has not been told, and of an answer only what is new to him.
pub(crate) fn next_of<'a>(cursor: Cursor, told: impl Iterator<Item = (usize, &'a RunEvent)>) -> Option<Follow> {
    // Pieces of an answer were told of which there may be nothing now.
    let mut is_void = cursor.offset > 0;
    told.filter(|(number, _)| *number >= cursor.number).find_map(|(number, event)| {
        let behind = Cursor::at(number + 1);
        match event {
            RunEvent::ModelDelta { text } if number == cursor.number => {
                let Some(known) = cursor.known_of(number, text) else { return Some(reset(number)) };
                is_void = false;
                let more = text.get(known..).filter(|more| !more.is_empty())?;
                Some(Follow::Event(behind, RunEvent::ModelDelta { text: more.to_owned() }))
            }
            RunEvent::ModelDelta { .. }
            | RunEvent::ToolCall { .. }
            | RunEvent::ApprovalRequested { .. }
            | RunEvent::ApprovalGranted { .. }
            | RunEvent::ToolResult { .. }
                if is_void =>
            {
                Some(reset(number))
            }
            RunEvent::ModelDelta { .. }
            | RunEvent::ModelReset
            | RunEvent::Started { .. }
            | RunEvent::ToolCall { .. }
            | RunEvent::ApprovalRequested { .. }
            | RunEvent::ApprovalGranted { .. }
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

    /// Where somebody stands who was told this much of event `number`.
    fn told(number: usize, text: &str) -> Cursor {
        Cursor { number, offset: text.len(), sum: crc32c::crc32c(text.as_bytes()) }
    }

    #[tokio::test]
    async fn pieces_of_an_answer_are_told_once_and_together_to_the_slow() {
        let live = Live::new();
        live.begin_answer(1);
        live.add_to_answer("ab");
        assert_eq!(live.follow(Cursor::at(1)).await, Follow::Event(told(1, "ab"), delta("ab")));
        live.add_to_answer("cd");
        live.add_to_answer("ef");
        assert_eq!(live.follow(told(1, "ab")).await, Follow::Event(told(1, "abcdef"), delta("cdef")));
        live.tell(1, delta("abcdefgh"));
        assert_eq!(live.follow(told(1, "abcdef")).await, Follow::Event(Cursor::at(2), delta("gh")));
        // Who comes late gets it whole.
        assert_eq!(live.follow(Cursor::default()).await, Follow::Event(Cursor::at(2), delta("abcdefgh")));
        live.end(Over::Elsewhere);
        // Who knows all of it is told only what comes behind it.
        assert_eq!(live.follow(told(1, "abcdefgh")).await, Follow::Over);
    }

    #[tokio::test]
    async fn an_answer_that_is_made_again_goes_on_where_it_is_the_same_and_else_begins_anew() {
        let live = Live::new();
        live.begin_answer(1);
        live.add_to_answer("ab");
        let behind = told(1, "abc");
        assert!(tokio::time::timeout(std::time::Duration::from_millis(20), live.follow(behind)).await.is_err(), "not known yet");
        live.add_to_answer("cd");
        assert_eq!(live.follow(behind).await, Follow::Event(told(1, "abcd"), delta("d")));
        let other = told(1, "abX");
        assert_eq!(live.follow(other).await, reset(1));
        assert_eq!(live.follow(Cursor::at(1)).await, Follow::Event(told(1, "abcd"), delta("abcd")));
        // The same from what is kept.
        live.tell(1, delta("abcd"));
        assert_eq!(live.follow(other).await, reset(1));
        assert_eq!(live.follow(told(1, "abcd, and more")).await, reset(1));
    }

    #[test]
    fn what_was_told_of_an_answer_of_which_there_is_nothing_is_void() {
        let call = RunEvent::ToolCall { call: 0, tool: "add".into(), arguments: serde_json::json!({}) };
        // The answer itself, event 1, has no text now.
        let events = [(2, call.clone())];
        let next = |cursor| next_of(cursor, events.iter().map(|(number, event)| (*number, event)));
        assert_eq!(next(told(1, "Let me see")), Some(reset(2)));
        assert_eq!(next(Cursor::at(2)), Some(Follow::Event(Cursor::at(3), call.clone())));
        // Nothing was told of it: nothing is void.
        assert_eq!(next(Cursor::at(1)), Some(Follow::Event(Cursor::at(3), call.clone())));
    }
}
