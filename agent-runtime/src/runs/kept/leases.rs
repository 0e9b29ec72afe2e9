//! Leases: the right of one process at a time to work on a run, or in a session.

use std::sync::PoisonError;
use std::time::Duration;

use bytes::Bytes;
use skreaver_memory::{Check, Keep, Key, MemoryError, Op, Transaction, Verdict};
use uuid::Uuid;

use super::Kept;
use crate::runs::journal::{Claim, JournalError};
use crate::runs::{RunDocument, SessionPlace, keys};

/// How long a lease holds without being renewed: so long a run waits when its process died and others share its memory.
pub(crate) const LEASE: Duration = Duration::from_secs(10);

impl Kept {
    pub(super) fn hold(&self, claim: &Claim) {
        if let Some((key, token)) = &claim.lease {
            self.held.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone(), token.clone());
        }
    }

    /// Renews a claim no longer. `false` where that was so already.
    pub(super) fn let_go(&self, claim: &Claim) -> bool {
        let Some((key, token)) = &claim.lease else { return false };
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.get(key) == Some(token) && held.remove(key).is_some()
    }

    /// Whether this process has the lease of the run, or that of its session.
    pub(crate) fn works_on(&self, run: &RunDocument) -> bool {
        let lease = keys::lease(run.run, run.place().as_ref());
        self.held.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&lease)
    }

    /// Keeps the leases of this process; returns the claims that somebody else has now, or that lapsed. A run that ended
    /// meanwhile gave its own back, and lost nothing.
    pub(crate) async fn renew(&self) -> Result<Vec<Claim>, JournalError> {
        let held: Vec<_> = self.held.lock().unwrap_or_else(PoisonError::into_inner).clone().into_iter().collect();
        let renewals = held.iter().map(|(key, token)| Transaction {
            checks: vec![Check::Equals { key: key.clone(), value: token.clone() }],
            ops: vec![lease(key, token)],
        });
        let verdicts = futures::future::try_join_all(renewals.map(|renewal| self.group.commit(renewal, Keep::Written))).await;
        let verdicts = verdicts.map_err(JournalError::Memory)?;
        let refused = held.into_iter().zip(verdicts).filter(|(_, verdict)| *verdict != Verdict::Written);
        Ok(refused.map(|(lease, _)| Claim { lease: Some(lease) }).filter(|claim| self.let_go(claim)).collect())
    }

    /// Gives a claim back without an end: somebody else may go on at once.
    pub(crate) async fn release(&self, claim: &Claim) {
        if !self.let_go(claim) {
            return;
        }
        let Some((key, _)) = &claim.lease else { return };
        // In vain, the lease lapses by itself.
        let _ = self.write(claim, vec![Op::Delete { key: key.clone() }], Keep::Written).await;
    }

    /// Forgets the leases of a process that is known to be dead: this memory is one process's at a time.
    pub(crate) async fn break_leases(&self) -> Result<(), MemoryError> {
        self.memory.batch(vec![Op::DeleteAll { prefix: keys::LEASES.into() }]).await
    }
}

pub(super) fn lease(key: &Key, token: &Bytes) -> Op {
    Op::Put { key: key.clone(), value: token.clone(), ttl: Some(LEASE) }
}

pub(super) fn fresh_claim(run: Uuid, session: Option<&SessionPlace>) -> (Key, Bytes) {
    (keys::lease(run, session), Bytes::from(Uuid::now_v7().to_string()))
}
