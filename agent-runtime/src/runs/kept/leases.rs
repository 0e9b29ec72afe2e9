//! Leases: the right of one process at a time to work on a run, or in a session.

use std::sync::PoisonError;
use std::time::Duration;

use bytes::Bytes;
use skreaver_memory::{Check, Keep, Key, MemoryError, Op, Transaction, Verdict};
use skreaver_protocol::SessionId;
use uuid::Uuid;

use super::Kept;
use crate::runs::journal::{Claim, JournalError};
use crate::runs::{RunDocument, keys};

/// How long a lease holds without being renewed: so long a run waits when its process died and others share its memory.
pub(crate) const LEASE: Duration = Duration::from_secs(10);

impl Kept {
    pub(super) fn hold(&self, claim: &Claim) {
        if let Some((key, token)) = &claim.lease {
            self.held.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone(), token.clone());
        }
    }

    pub(super) fn let_go(&self, claim: &Claim) {
        if let Some((key, token)) = &claim.lease {
            let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
            if held.get(key) == Some(token) {
                held.remove(key);
            }
        }
    }

    /// Whether this process has the lease of the run, or that of its session.
    pub(crate) fn works_on(&self, run: &RunDocument) -> bool {
        let lease = keys::lease(run.run, run.session.as_ref());
        self.held.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&lease)
    }

    /// Keeps the leases of this process; returns the runs and sessions whose lease somebody else has, by lease.
    pub(crate) async fn renew(&self) -> Result<Vec<Key>, JournalError> {
        let held: Vec<_> = self.held.lock().unwrap_or_else(PoisonError::into_inner).clone().into_iter().collect();
        let renewals = held.iter().map(|(key, token)| Transaction {
            checks: vec![Check::Equals { key: key.clone(), value: token.clone() }],
            ops: vec![lease(key, token)],
        });
        let verdicts = futures::future::try_join_all(renewals.map(|renewal| self.group.commit(renewal, Keep::Written))).await;
        let verdicts = verdicts.map_err(JournalError::Memory)?;
        let lost = held.into_iter().zip(verdicts).filter(|(_, verdict)| *verdict != Verdict::Written);
        Ok(lost
            .map(|((key, token), _)| {
                self.let_go(&Claim { lease: Some((key.clone(), token)) });
                key
            })
            .collect())
    }

    /// Gives a claim back without an end: somebody else may go on at once.
    pub(crate) async fn release(&self, claim: &Claim) {
        self.let_go(claim);
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

pub(super) fn fresh_claim(run: Uuid, session: Option<&SessionId>) -> (Key, Bytes) {
    (keys::lease(run, session), Bytes::from(Uuid::now_v7().to_string()))
}
