//! The journal over an agent's memory. Each call is one transaction, bound to the lease of whoever writes it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use skreaver_memory::{Check, Keep, Key, Memory, MemoryError, Op, Scan, Transaction, Verdict};
use skreaver_protocol::SessionId;
use skreaver_protocol::config::Durability;
use skreaver_protocol::message::Message;
use uuid::Uuid;

use super::document::{Stage, Used, now_ms};
use super::journal::{Acceptance, Accepted, Claim, History, IdempotencyKey, Journal, JournalError};
use super::{GroupCommit, RunDocument, keys, record};
use crate::coordinator::{Event, Outcome, State};

/// How long a lease holds without being renewed: so long a run waits when its process died and others share its memory.
pub(crate) const LEASE: Duration = Duration::from_secs(10);
/// The longest that what is known of an ended run is kept.
const LONGEST_KEPT: Duration = Duration::from_secs(24 * 60 * 60);
/// How often a session is looked at in which somebody works.
const GLANCE: Duration = Duration::from_millis(50);
/// Entries read at a time.
const PAGE: usize = 512;
/// The most messages of a session that a run looks back on.
const LONGEST_HISTORY: usize = 2000;

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

    fn hold(&self, claim: &Claim) {
        if let Some((key, token)) = &claim.lease {
            self.held.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone(), token.clone());
        }
    }

    fn let_go(&self, claim: &Claim) {
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

    /// Writes one thing, kept as a promise is.
    pub(crate) async fn put(&self, op: Op) -> Result<(), JournalError> {
        let transaction = Transaction { checks: Vec::new(), ops: vec![op] };
        self.group.commit(transaction, self.promise).await.map(drop).map_err(JournalError::Memory)
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
    async fn runs_below(&self, prefix: &str) -> Result<Vec<Uuid>, JournalError> {
        let entries = self.memory.snapshot(prefix).await?;
        Ok(entries.iter().filter_map(|(key, _)| keys::last_part(key)).collect())
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

    /// Tells whoever works on a run that it is to end.
    pub(crate) async fn ask_to_cancel(&self, run: Uuid) -> Result<(), JournalError> {
        self.put(Op::Put { key: keys::cancel(run), value: Bytes::new(), ttl: Some(self.kept()) }).await
    }

    /// The runs that somebody wants to end.
    pub(crate) async fn cancels(&self) -> Result<Vec<Uuid>, JournalError> {
        self.runs_below(keys::CANCELS).await
    }

    /// What was said in a session.
    pub(crate) async fn history(&self, session: &SessionId) -> Result<History, JournalError> {
        let summary: Option<StoredSummary> = match self.memory.get(&keys::summary(session)).await? {
            Some(bytes) => Some(read(&bytes)?),
            None => None,
        };
        let covers = summary.as_ref().map_or(0, |summary| summary.covers);
        let messages = self.messages(session, covers).await?;
        Ok(History { summary: summary.map(|summary| summary.text), messages: whole_turns(messages, covers > 0) })
    }

    /// The last messages of a session, from number `first` on.
    async fn messages(&self, session: &SessionId, first: u64) -> Result<Vec<Message>, JournalError> {
        let mut messages: Vec<Message> = Vec::new();
        let mut scan = Scan::last(keys::messages(session), PAGE);
        'pages: loop {
            let page = self.memory.scan(&scan).await?;
            let last = page.last().map(|(key, _)| key.clone());
            let is_last = page.len() < PAGE;
            for (key, bytes) in page {
                if keys::last_part::<u64>(&key).is_none_or(|number| number < first) || messages.len() >= LONGEST_HISTORY {
                    break 'pages;
                }
                messages.push(read(&bytes)?);
            }
            match last {
                Some(key) if !is_last => scan = scan.after(key),
                _ => break,
            }
        }
        messages.reverse();
        Ok(messages)
    }

    /// All that is kept of a session: what stands for its beginning, and its last messages.
    pub(crate) async fn said(&self, session: &SessionId) -> Result<(Option<String>, Vec<Message>), JournalError> {
        let summary: Option<StoredSummary> = match self.memory.get(&keys::summary(session)).await? {
            Some(bytes) => Some(read(&bytes)?),
            None => None,
        };
        Ok((summary.map(|summary| summary.text), self.messages(session, 0).await?))
    }

    /// Forgets a session, as soon as nobody works in it. `false` where nothing is kept of it.
    pub(crate) async fn forget(&self, session: &SessionId) -> Result<bool, JournalError> {
        let is_kept = !self.memory.scan(&Scan::prefix(keys::session(session), 1)).await?.is_empty();
        let lease = keys::lease(Uuid::nil(), Some(session));
        let gone = Transaction {
            checks: vec![Check::Absent { key: lease }],
            ops: vec![Op::DeleteAll { prefix: keys::session(session) }],
        };
        loop {
            match self.group.commit(gone.clone(), self.promise).await.map_err(JournalError::Memory)? {
                Verdict::Written => return Ok(is_kept),
                Verdict::Refused { .. } => tokio::time::sleep(GLANCE).await,
            }
        }
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

    async fn next_message(&self, session: &SessionId) -> Result<u64, JournalError> {
        let last = self.memory.scan(&Scan::last(keys::messages(session), 1)).await?;
        Ok(last.first().and_then(|(key, _)| keys::last_part::<u64>(key)).map_or(0, |number| number + 1))
    }

    /// What a run adds to its session.
    async fn session_ops(&self, session: &SessionId, state: &State) -> Result<Vec<Op>, JournalError> {
        let first = self.next_message(session).await?;
        let own = state.own_messages();
        let mut ops: Vec<_> = (first..)
            .zip(own)
            .map(|(number, message)| Op::Put {
                key: keys::message(session, number),
                value: record::encode(message),
                ttl: self.retention,
            })
            .collect();
        if let Some(summary) = state.summary().filter(|summary| summary.covers > 0) {
            let all = first + own.len() as u64;
            let covers = all.saturating_sub(state.context().len() as u64);
            let value = record::encode(&StoredSummary { text: summary.text.clone(), covers });
            ops.push(Op::Put { key: keys::summary(session), value, ttl: self.retention });
        }
        Ok(ops)
    }
}

/// What stands for the messages of a session up to a number.
#[derive(Serialize, Deserialize)]
struct StoredSummary {
    text: String,
    covers: u64,
}

/// What was forgotten may have taken a request with it whose answer is still there; models refuse such an answer.
fn whole_turns(messages: Vec<Message>, behind_summary: bool) -> Vec<Message> {
    let may_begin = |message: &Message| match message {
        Message::User { .. } => true,
        Message::Assistant { .. } => behind_summary,
        Message::Tool { .. } => false,
    };
    messages.into_iter().skip_while(|message| !may_begin(message)).collect()
}

fn read<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, JournalError> {
    record::decode(bytes).map_err(|damage| JournalError::Damaged { number: 0, damage: damage.to_string() })
}

fn lease(key: &Key, token: &Bytes) -> Op {
    Op::Put { key: key.clone(), value: token.clone(), ttl: Some(LEASE) }
}

fn fresh_claim(run: Uuid, session: Option<&SessionId>) -> (Key, Bytes) {
    (keys::lease(run, session), Bytes::from(Uuid::now_v7().to_string()))
}

#[async_trait]
impl Journal for Kept {
    async fn accept(&self, accepted: &Accepted, promised: bool) -> Result<Acceptance, JournalError> {
        let Accepted { document, input, key } = accepted;
        let run = document.run;
        let observed = Event::Observed { input: input.clone(), history: Vec::new(), summary: None };
        let mut ops = vec![
            Op::put(keys::run(run), record::encode(document)),
            Op::put(keys::open(run), Bytes::new()),
            self.record(run, 0, &observed),
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
            Verdict::Refused { .. } => self.join(key.as_ref()).await,
        }
    }

    async fn claim(&self, run: &RunDocument) -> Result<Option<Claim>, JournalError> {
        let (key, token) = fresh_claim(run.run, run.session.as_ref());
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
                let damaged = |damage: String| JournalError::Damaged { number, damage };
                if keys::last_part(&key) != Some(number) {
                    return Err(damaged("it is missing".into()));
                }
                events.push(record::decode(&bytes).map_err(|damage| damaged(damage.to_string()))?);
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
        state: &State,
    ) -> Result<(), JournalError> {
        let RunDocument { run, session, .. } = ended;
        let mut ops: Vec<_> = self.records(*run, first, events).collect();
        ops.push(Op::Put { key: keys::run(*run), value: record::encode(ended), ttl: Some(self.kept()) });
        ops.push(Op::Delete { key: keys::open(*run) });
        ops.push(Op::Delete { key: keys::cancel(*run) });
        ops.extend(claim.lease.iter().map(|(key, _)| Op::Delete { key: key.clone() }));
        if let Some(session) = session {
            ops.extend(self.session_ops(session, state).await?);
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
    async fn is_ended(&self, run: Uuid) -> Result<bool, JournalError> {
        let document = self.document(run).await?;
        Ok(document.is_some_and(|document| matches!(document.stage, Stage::Ended { .. })))
    }

    /// The run that came with this key before, if it was the same request.
    async fn join(&self, key: Option<&IdempotencyKey>) -> Result<Acceptance, JournalError> {
        let Some(IdempotencyKey { hash, request }) = key else { return Err(JournalError::Fenced) };
        match self.memory.get(&keys::idempotency(hash)).await? {
            Some(bytes) => match read::<Keyed>(&bytes)? {
                keyed if keyed.request == *request => Ok(Acceptance::Joined(keyed.run)),
                _ => Err(JournalError::KeyReused),
            },
            // It was forgotten in this very moment: the caller may try again.
            None => Err(JournalError::Fenced),
        }
    }
}
