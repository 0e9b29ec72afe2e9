//! Group commit: what many runs have to write at the same moment costs one commit, and so one fsync.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use skreaver_memory::{Keep, Memory, MemoryError, Transaction, Verdict};
use tokio::sync::{mpsc, oneshot};

/// The most transactions of one commit.
const LARGEST_GROUP: usize = 256;
/// Transactions that wait for a commit; who comes then waits too. Each run has one at a time.
const WAITING: usize = 1024;

/// Writes for many.
#[derive(Clone)]
pub(crate) struct GroupCommit {
    jobs: mpsc::Sender<Job>,
    /// Whether the last commit failed.
    failing: Arc<AtomicBool>,
}

struct Job {
    transaction: Transaction,
    keep: Keep,
    done: oneshot::Sender<Result<Verdict, Arc<MemoryError>>>,
}

impl GroupCommit {
    /// The way to the writer, and the writer: a future that ends when every way to it is gone.
    pub(crate) fn new(memory: Arc<dyn Memory>) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let (jobs, receiver) = mpsc::channel(WAITING);
        let failing = Arc::new(AtomicBool::new(false));
        (Self { jobs, failing: Arc::clone(&failing) }, write(memory, receiver, failing))
    }

    /// Whether the last commit failed: memory that can be read may still be full, or read-only.
    pub(crate) fn is_failing(&self) -> bool {
        self.failing.load(Ordering::Relaxed)
    }

    /// Writes a transaction, together with whatever else is to be written now.
    pub(crate) async fn commit(&self, transaction: Transaction, keep: Keep) -> Result<Verdict, Arc<MemoryError>> {
        // By itself: a group fails as a whole, and the others are not to blame.
        transaction.fits()?;
        let (done, outcome) = oneshot::channel();
        let gone = || Arc::new(MemoryError::Unavailable { what: "memory".into(), source: "the runtime shuts down".into() });
        self.jobs.send(Job { transaction, keep, done }).await.map_err(|_| gone())?;
        outcome.await.map_err(|_| gone())?
    }
}

/// While a commit is under way the next group gathers, so that groups are as large as the disk is slow.
async fn write(memory: Arc<dyn Memory>, mut jobs: mpsc::Receiver<Job>, failing: Arc<AtomicBool>) {
    let mut group = Vec::new();
    while jobs.recv_many(&mut group, LARGEST_GROUP).await > 0 {
        let mut keep = Keep::Written;
        let (mut transactions, mut waiting) = (Vec::with_capacity(group.len()), Vec::with_capacity(group.len()));
        for Job { transaction, keep: wanted, done } in group.drain(..) {
            keep = keep.max(wanted);
            transactions.push(transaction);
            waiting.push(done);
        }
        // Who no longer waits for the outcome has what it wanted written all the same.
        let outcome = memory.commit(&transactions, keep).await;
        failing.store(outcome.is_err(), Ordering::Relaxed);
        match outcome {
            Ok(verdicts) => waiting.into_iter().zip(verdicts).for_each(|(done, verdict)| drop(done.send(Ok(verdict)))),
            Err(error) => {
                let error = Arc::new(error);
                waiting.into_iter().for_each(|done| drop(done.send(Err(Arc::clone(&error)))));
            }
        }
    }
}
