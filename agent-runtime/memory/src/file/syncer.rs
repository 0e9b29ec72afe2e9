//! The one that syncs: a thread of its own, so that commits that need no fsync wait for none, and those that do share one.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use tokio::sync::oneshot;

use super::Shared;
use super::index::Segment;
use crate::{MemoryError, Verdict};

/// Records that wait; the writer waits for a place.
const QUEUE: usize = 64;

/// What is told to who asked, when it is so.
pub(super) struct Answer {
    pub(super) reply: oneshot::Sender<Result<Vec<Verdict>, MemoryError>>,
    pub(super) verdicts: Vec<Verdict>,
}

/// What was written to a file, and has to be on the disk before the answers are given.
struct Written {
    segment: Arc<Segment>,
    answers: Vec<Answer>,
}

pub(super) struct Syncer {
    queue: Option<SyncSender<Written>>,
    thread: Option<JoinHandle<()>>,
}

impl Answer {
    pub(super) fn give(self, outcome: Result<(), MemoryError>) {
        // Who asked may have gone.
        let _ = self.reply.send(outcome.map(|()| self.verdicts));
    }
}

impl Syncer {
    pub(super) fn start(shared: Arc<Shared>) -> io::Result<Self> {
        let (queue, written) = sync_channel(QUEUE);
        let thread = std::thread::Builder::new().name("memory-syncer".into()).spawn(move || run(&shared, &written))?;
        Ok(Self { queue: Some(queue), thread: Some(thread) })
    }

    /// Syncs a file, and gives the answers then.
    pub(super) fn sync(&self, segment: Arc<Segment>, answers: Vec<Answer>) {
        let queue = self.queue.as_ref().expect("it is taken only when the syncer is dropped");
        // It cannot be gone; if it were, those who wait would be told so by their channels.
        let _ = queue.send(Written { segment, answers });
    }
}

impl Drop for Syncer {
    fn drop(&mut self) {
        drop(self.queue.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            crate::trace::error!("the syncer of memory has panicked");
        }
    }
}

fn run(shared: &Shared, queue: &Receiver<Written>) {
    while let Ok(first) = queue.recv() {
        let mut waiting: Vec<_> = std::iter::once(first).chain(queue.try_iter()).collect();
        while let Some(last) = waiting.last() {
            // One sync for all that was written to the same file; there are two where another was begun in between.
            let segment = Arc::clone(&last.segment);
            let (of_it, others): (Vec<_>, _) = waiting.into_iter().partition(|it| Arc::ptr_eq(&it.segment, &segment));
            waiting = others;
            let is_safe = shared.sync(&*segment.file).is_ok();
            for answer in of_it.into_iter().flat_map(|written| written.answers) {
                answer.give(if is_safe { Ok(()) } else { shared.health() });
            }
        }
    }
}
