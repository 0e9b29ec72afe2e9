//! The journal over an agent's memory. Each call is one transaction, bound to the lease of whoever writes it.

mod documents;
mod leases;
mod sessions;
mod take;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use skreaver_memory::{Check, Keep, Key, Memory, MemoryError, Op, Scan, Transaction, Verdict};
use skreaver_protocol::config::Durability;
use uuid::Uuid;

use super::journal::{Acceptance, Accepted, Claim, IdempotencyKey, Journal, JournalError};
use super::record::Damage;
use super::{GroupCommit, RunDocument, keys, record};
use crate::coordinator::{Event, Remembered};

use self::leases::{LEASE, fresh_claim, lease};
pub(crate) use self::take::Claimed;

/// The longest that what is known of an ended run is kept.
const LONGEST_KEPT: Duration = Duration::from_secs(24 * 60 * 60);
/// Entries read at a time.
const PAGE: usize = 512;
/// The journal of one agent, and what else of its memory runs need.
pub(crate) struct Kept {
    memory: Arc<dyn Memory>,
    group: GroupCommit,
    /// What a promise has to survive.
    promise: Keep,
    /// How long messages of sessions are kept.
    retention: Option<Duration>,
    run_timeout: Duration,
    /// The leases held by this process.
    held: Mutex<HashMap<Key, Bytes>>,
}

/// What an idempotency key stands for.
#[derive(Serialize, Deserialize)]
struct Keyed {
    run: Uuid,
    request: String,
}

impl Kept {
    pub(crate) fn new(
        memory: Arc<dyn Memory>,
        group: GroupCommit,
        durability: Durability,
        retention: Option<Duration>,
        run_timeout: Duration,
    ) -> Self {
        let promise = match durability {
            Durability::Ephemeral => Keep::Written,
            Durability::Buffered => Keep::Buffered,
            Durability::Durable => Keep::Durable,
        };
        Self { memory, group, promise, retention, run_timeout, held: Mutex::default() }
    }

    pub(crate) fn memory(&self) -> &Arc<dyn Memory> {
        &self.memory
    }

    /// Whether memory answers, and takes a write where the last one failed.
    pub(crate) async fn health(&self) -> Result<(), Arc<MemoryError>> {
        self.memory.health().await?;
        if self.group.is_failing() {
            let probe = Op::Put { key: keys::probe(), value: Bytes::new(), ttl: Some(LEASE) };
            self.group.commit(Transaction { checks: Vec::new(), ops: vec![probe] }, Keep::Written).await?;
        }
        Ok(())
    }

    fn keep(&self, promised: bool) -> Keep {
        if promised { self.promise } else { Keep::Written }
    }

    /// How long an ended run is kept.
    fn kept(&self) -> Duration {
        self.retention.map_or(LONGEST_KEPT, |retention| retention.min(LONGEST_KEPT))
    }

    fn record(&self, run: Uuid, number: usize, event: &Event) -> Op {
        // From its own writing on: a run may take its time before it ends.
        let ttl = Some(self.kept() + self.run_timeout);
        Op::Put { key: keys::record(run, number), value: record::encode(event), ttl }
    }

    fn records(&self, run: Uuid, first: usize, events: &[Event]) -> impl Iterator<Item = Op> {
        let numbered = (first..).zip(events);
        numbered.map(|(number, event)| self.record(run, number, event)).collect::<Vec<_>>().into_iter()
    }

    /// Writes one thing, kept as a promise is.
    pub(crate) async fn put(&self, op: Op) -> Result<(), JournalError> {
        let transaction = Transaction { checks: Vec::new(), ops: vec![op] };
        self.group.commit(transaction, self.promise).await.map(drop).map_err(JournalError::Memory)
    }

    /// Writes records of the audit.
    pub(crate) async fn write_audit(&self, ops: Vec<Op>, promised: bool) -> Result<(), JournalError> {
        let transaction = Transaction { checks: Vec::new(), ops };
        self.group.commit(transaction, self.keep(promised)).await.map(drop).map_err(JournalError::Memory)
    }

    /// The records of the audit behind a key, the oldest chain first: a page of them, and the key behind which the next one begins.
    pub(crate) async fn audit(&self, behind: Option<Key>) -> Result<(Vec<Bytes>, Option<Key>), JournalError> {
        let scan = Scan::prefix(keys::AUDIT, PAGE);
        let page = self.memory.scan(&behind.into_iter().fold(scan, Scan::after)).await?;
        let next = if page.len() < PAGE { None } else { page.last().map(|(key, _)| key.clone()) };
        Ok((page.into_iter().map(|(_, line)| line).collect(), next))
    }

    /// Writes under a claim.
    async fn write(&self, claim: &Claim, ops: Vec<Op>, keep: Keep) -> Result<(), JournalError> {
        let checks = claim.lease.iter().map(|(key, value)| Check::Equals { key: key.clone(), value: value.clone() }).collect();
        match self.group.commit(Transaction { checks, ops }, keep).await.map_err(JournalError::Memory)? {
            Verdict::Written => Ok(()),
            Verdict::Refused { .. } => {
                self.let_go(claim);
                Err(JournalError::Fenced)
            }
        }
    }
}

/// Bytes that are as they were written are of another version, and no damage.
fn damaged(number: usize, damage: Damage) -> JournalError {
    match damage {
        Damage::Checksum => JournalError::Damaged { number, damage: damage.to_string() },
        Damage::Shape(problem) => JournalError::Foreign(problem),
    }
}

fn read<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, JournalError> {
    record::decode(bytes).map_err(|damage| damaged(0, damage))
}

#[async_trait]
impl Journal for Kept {
    fn keeps(&self) -> bool {
        true
    }

    async fn accept(&self, accepted: &Accepted, promised: bool) -> Result<Acceptance, JournalError> {
        let Accepted { document, observed, key } = accepted;
        let run = document.run;
        let mut ops = vec![
            Op::put(keys::run(run), record::encode(document)),
            Op::put(keys::open(run), Bytes::from(keys::lease(run, document.place().as_ref()).to_string())),
            self.record(run, 0, observed),
        ];
        let mut checks = Vec::new();
        if let Some(IdempotencyKey { hash, request }) = key {
            let value = record::encode(&Keyed { run, request: request.clone() });
            ops.push(Op::Put { key: keys::idempotency(hash), value, ttl: Some(self.kept() + self.run_timeout) });
            checks.push(Check::Absent { key: keys::idempotency(hash) });
        }
        // In a session others may work: its lease is taken when it is free.
        let claim = document.session.is_none().then(|| Claim { lease: Some(fresh_claim(run, None)) });
        ops.extend(claim.iter().filter_map(|claim| claim.lease.as_ref()).map(|(key, token)| lease(key, token)));
        let verdict = self.group.commit(Transaction { checks, ops }, self.keep(promised)).await.map_err(JournalError::Memory)?;
        match verdict {
            Verdict::Written => {
                claim.iter().for_each(|claim| self.hold(claim));
                Ok(Acceptance::Begun(claim))
            }
            // Somebody came first with this key; if that was forgotten in this very moment, the caller may try again.
            Verdict::Refused { .. } => self.find(key.as_ref()).await?.map(Acceptance::Joined).ok_or(JournalError::Fenced),
        }
    }

    async fn claim(&self, run: &RunDocument) -> Result<Option<Claim>, JournalError> {
        let (key, token) = fresh_claim(run.run, run.place().as_ref());
        let transaction = Transaction { checks: vec![Check::Absent { key: key.clone() }], ops: vec![lease(&key, &token)] };
        let verdict = self.group.commit(transaction, Keep::Written).await.map_err(JournalError::Memory)?;
        let claim = (verdict == Verdict::Written).then_some(Claim { lease: Some((key, token)) });
        claim.iter().for_each(|claim| self.hold(claim));
        Ok(claim)
    }

    async fn replay(&self, run: Uuid) -> Result<Vec<Event>, JournalError> {
        let mut events = Vec::new();
        let mut scan = Scan::prefix(keys::records(run), PAGE);
        loop {
            let page = self.memory.scan(&scan).await?;
            let last = page.last().map(|(key, _)| key.clone());
            let is_last = page.len() < PAGE;
            for (key, bytes) in page {
                let number = events.len();
                if keys::last_part(&key) != Some(number) {
                    return Err(JournalError::Damaged { number, damage: "it is missing".into() });
                }
                events.push(record::decode(&bytes).map_err(|damage| damaged(number, damage))?);
            }
            match last {
                Some(key) if !is_last => scan = scan.after(key),
                _ => return Ok(events),
            }
        }
    }

    async fn append(&self, claim: &Claim, run: Uuid, first: usize, events: &[Event], promised: bool) -> Result<(), JournalError> {
        self.write(claim, self.records(run, first, events).collect(), self.keep(promised)).await
    }

    async fn end(
        &self,
        claim: &Claim,
        first: usize,
        events: &[Event],
        ended: &RunDocument,
        remembered: Option<&Remembered>,
    ) -> Result<(), JournalError> {
        let RunDocument { run, .. } = ended;
        let mut ops: Vec<_> = self.records(*run, first, events).collect();
        ops.push(Op::Put { key: keys::run(*run), value: record::encode(ended), ttl: Some(self.kept()) });
        ops.push(Op::Delete { key: keys::open(*run) });
        ops.push(Op::Delete { key: keys::cancel(*run) });
        ops.extend(claim.lease.iter().map(|(key, _)| Op::Delete { key: key.clone() }));
        if let Some((session, remembered)) = ended.place().zip(remembered) {
            ops.extend(self.session_ops(&session, remembered).await?);
        }
        match self.write(claim, ops, self.promise).await {
            Ok(()) => {
                self.let_go(claim);
                Ok(())
            }
            // Maybe this very write was tried before and its answer lost: then the end is there.
            Err(JournalError::Fenced) if self.is_ended(*run).await? => Ok(()),
            Err(error) => Err(error),
        }
    }
}

impl Kept {
    /// The run that came with this key before, if it was the same request.
    pub(crate) async fn find(&self, key: Option<&IdempotencyKey>) -> Result<Option<Uuid>, JournalError> {
        let Some(IdempotencyKey { hash, request }) = key else { return Ok(None) };
        let Some(bytes) = self.memory.get(&keys::idempotency(hash)).await? else { return Ok(None) };
        match read::<Keyed>(&bytes)? {
            keyed if keyed.request == *request => Ok(Some(keyed.run)),
            _ => Err(JournalError::KeyReused),
        }
    }
}
