//! What is known of runs besides what happened to them.

use bytes::Bytes;
use skreaver_memory::{Op, Scan};
use uuid::Uuid;

use super::{Kept, read};
use crate::coordinator::{Outcome, State};
use crate::runs::document::{Stage, Used, now_ms};
use crate::runs::journal::{Claim, Journal, JournalError};
use crate::runs::{RunDocument, keys};

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
        self.memory.scan(&scan).await?.iter().map(|(_, bytes)| read(bytes)).collect()
    }

    /// The runs that are not over.
    pub(crate) async fn open_runs(&self) -> Result<Vec<Uuid>, JournalError> {
        self.runs_below(keys::OPEN).await
    }

    /// The runs that keys below a prefix end with.
    pub(super) async fn runs_below(&self, prefix: &str) -> Result<Vec<Uuid>, JournalError> {
        let entries = self.memory.snapshot(prefix).await?;
        Ok(entries.iter().filter_map(|(key, _)| keys::last_part(key)).collect())
    }

    /// Tells whoever works on a run that it is to end.
    pub(crate) async fn ask_to_cancel(&self, run: Uuid) -> Result<(), JournalError> {
        self.put(Op::Put { key: keys::cancel(run), value: Bytes::new(), ttl: Some(self.kept()) }).await
    }

    /// The runs that somebody wants to end.
    pub(crate) async fn cancels(&self) -> Result<Vec<Uuid>, JournalError> {
        self.runs_below(keys::CANCELS).await
    }

    /// Ends a run that cannot go on.
    pub(crate) async fn give_up(&self, claim: &Claim, document: &RunDocument, error: &JournalError) -> Result<(), JournalError> {
        let state = State::default();
        let stage = Stage::Ended {
            at_ms: now_ms(),
            end: Outcome::Failed(error.failure()),
            used: Used::default(),
            tool_calls: Vec::new(),
        };
        self.end(claim, 0, &[], &RunDocument { stage, ..document.clone() }, &state).await
    }

    pub(super) async fn is_ended(&self, run: Uuid) -> Result<bool, JournalError> {
        let document = self.document(run).await?;
        Ok(document.is_some_and(|document| matches!(document.stage, Stage::Ended { .. })))
    }
}
