//! Group commit: what many runs have to write at the same moment costs one commit, and so one fsync.

use std::sync::Arc;

use skreaver_memory::{Keep, Memory, MemoryError, Transaction, Verdict};
use tokio::sync::{mpsc, oneshot};

/// The most transactions of one commit.
const LARGEST_GROUP: usize = 256;
/// Transactions that wait for a commit; who comes then waits too. Each run has one at a time.
const WAITING: usize = 1024;

/// Writes for many.
#[derive(Clone)]
pub(crate) struct GroupCommit(mpsc::Sender<Job>);

struct Job {
    transaction: Transaction,
    keep: Keep,
    done: oneshot::Sender<Result<Verdict, Arc<MemoryError>>>,
}

impl GroupCommit {
    /// The way to the writer, and the writer: a future that ends when every way to it is gone.
    pub(crate) fn new(memory: Arc<dyn Memory>) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let (sender, receiver) = mpsc::channel(WAITING);
        (Self(sender), write(memory, receiver))
    }

    /// Writes a transaction, together with whatever else is to be written now.
    pub(crate) async fn commit(&self, transaction: Transaction, keep: Keep) -> Result<Verdict, Arc<MemoryError>> {
        // By itself: a group fails as a whole, and the others are not to blame.
        transaction.fits()?;
        let (done, outcome) = oneshot::channel();
        let gone = || Arc::new(MemoryError::Unavailable { what: "memory".into(), source: "the runtime shuts down".into() });
        self.0.send(Job { transaction, keep, done }).await.map_err(|_| gone())?;
        outcome.await.map_err(|_| gone())?
    }
}

/// While a commit is under way the next group gathers, so that groups are as large as the disk is slow.
async fn write(memory: Arc<dyn Memory>, mut jobs: mpsc::Receiver<Job>) {
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
        match memory.commit(&transactions, keep).await {
            Ok(verdicts) => waiting.into_iter().zip(verdicts).for_each(|(done, verdict)| drop(done.send(Ok(verdict)))),
            Err(error) => {
                let error = Arc::new(error);
                waiting.into_iter().for_each(|done| drop(done.send(Err(Arc::clone(&error)))));
            }
        }
    }
}
