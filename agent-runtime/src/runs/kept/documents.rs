//! What is known of runs besides what happened to them.

use std::collections::HashSet;
use std::sync::PoisonError;

use bytes::Bytes;
use skreaver_memory::{Check, Op, Scan, Transaction};
use uuid::Uuid;

use super::{Kept, read};
use crate::coordinator::Failure;
use crate::runs::document::Stage;
use crate::runs::journal::{Claim, Journal, JournalError};
use crate::runs::{RunDocument, keys, record};

impl Kept {
    /// What is known of a run.
    pub(crate) async fn document(&self, run: Uuid) -> Result<Option<RunDocument>, JournalError> {
        let found = self.memory.get(&keys::run(run)).await?;
        found.map(|bytes| read(&bytes)).transpose()
    }

    /// What is known of runs, the newest first, beyond one of them.
    pub(crate) async fn documents(&self, before: Option<Uuid>, limit: usize) -> Result<Vec<RunDocument>, JournalError> {
        let scan = Scan::last(keys::RUNS, limit);
        let scan = before.map_or(scan.clone(), |run| scan.after(keys::run(run)));
        // One that cannot be read is no reason to tell nothing of the others.
        Ok(self.memory.scan(&scan).await?.iter().filter_map(|(_, bytes)| read(bytes).ok()).collect())
    }

    /// The runs that are not over, without those on which, or in whose session, another process works. Only reads: every
    /// replica asks every few seconds.
    pub(crate) async fn forsaken_runs(&self) -> Result<Vec<Uuid>, JournalError> {
        let open = self.memory.snapshot(keys::OPEN).await?;
        if open.is_empty() {
            return Ok(Vec::new());
        }
        let mut leases: HashSet<_> = self.memory.snapshot(keys::LEASES).await?.into_iter().map(|(key, _)| key).collect();
        for ours in self.held.lock().unwrap_or_else(PoisonError::into_inner).keys() {
            leases.remove(ours);
        }
        let is_theirs = |lease: &Bytes| std::str::from_utf8(lease).is_ok_and(|lease| leases.contains(lease));
        Ok(open.iter().filter(|(_, lease)| !is_theirs(lease)).filter_map(|(key, _)| keys::last_part(key)).collect())
    }

    /// Tells whoever works on a run that it is to end.
    pub(crate) async fn ask_to_cancel(&self, run: Uuid) -> Result<(), JournalError> {
        self.put(Op::Put { key: keys::cancel(run), value: Bytes::new(), ttl: Some(self.kept()) }).await
    }

    /// The runs that somebody wants to end.
    pub(crate) async fn cancels(&self) -> Result<Vec<Uuid>, JournalError> {
        let entries = self.memory.snapshot(keys::CANCELS).await?;
        Ok(entries.iter().filter_map(|(key, _)| keys::last_part(key)).collect())
    }

    /// Whether a run is not over.
    pub(crate) async fn is_open(&self, run: Uuid) -> Result<bool, JournalError> {
        Ok(self.document(run).await?.is_some_and(|document| document.stage == Stage::Open))
    }

    /// Ends a run that nobody has begun to work on, unless it has ended otherwise.
    pub(crate) async fn end_waiting(&self, document: &RunDocument, failure: Failure) -> Result<(), JournalError> {
        let ended = document.failed(failure);
        let ops = vec![
            Op::Put { key: keys::run(document.run), value: record::encode(&ended), ttl: Some(self.kept()) },
            Op::Delete { key: keys::open(document.run) },
            Op::Delete { key: keys::cancel(document.run) },
        ];
        let unchanged = Check::Equals { key: keys::run(document.run), value: record::encode(document) };
        let transaction = Transaction { checks: vec![unchanged], ops };
        self.group.commit(transaction, self.promise).await.map(drop).map_err(JournalError::Memory)
    }

    /// Ends a run that cannot go on.
    pub(crate) async fn give_up(&self, claim: &Claim, document: &RunDocument, error: &JournalError) -> Result<(), JournalError> {
        self.end(claim, 0, &[], &document.failed(error.failure()), None).await
    }

    pub(super) async fn is_ended(&self, run: Uuid) -> Result<bool, JournalError> {
        let document = self.document(run).await?;
        Ok(document.is_some_and(|document| matches!(document.stage, Stage::Ended { .. })))
    }
}
