//! The one that writes: a thread that takes commits from a queue, and writes all that wait as one record.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use bytes::Bytes;
use tokio::sync::mpsc::{Receiver, error::TryRecvError};
use tokio::sync::oneshot;

use super::Shared;
use super::compaction::Compaction;
use super::disk::{Disk, failed};
use super::index::{Segment, Wait};
use super::record::{FRAME, Record};
use super::recovery::{self, HEADER, Log};
use super::syncer::{Answer, Syncer};
use crate::ordered::Deadline;
use crate::{Check, Keep, Key, MemoryError, Op, Transaction, Verdict};

/// The most bytes of values that are gathered into one record, if they come in several commits.
const BATCH: usize = 4 << 20;

/// A commit that waits.
pub(super) struct Request {
    pub(super) transactions: Vec<Transaction>,
    pub(super) keep: Keep,
    pub(super) reply: oneshot::Sender<Result<Vec<Verdict>, MemoryError>>,
}

pub(super) struct Writer {
    pub(super) shared: Arc<Shared>,
    pub(super) disk: Arc<dyn Disk>,
    pub(super) syncer: Syncer,
    pub(super) sealed: Vec<Arc<Segment>>,
    pub(super) sealed_bytes: u64,
    pub(super) active: Arc<Segment>,
    pub(super) end: u64,
    pub(super) compaction: Option<Compaction>,
    /// The garbage that is never worth a compaction, in bytes.
    pub(super) slack: u64,
    /// The size of the log at which a compaction that failed is tried again.
    pub(super) not_before: u64,
}

/// What the commits before in this record change; nothing: deleted.
type Pending = BTreeMap<Key, Option<(Bytes, Option<Deadline>)>>;

impl Writer {
    /// The writer of a log whose index is shared already.
    pub(super) fn new(shared: Arc<Shared>, disk: Arc<dyn Disk>, syncer: Syncer, log: Log, slack: u64) -> Self {
        let Log { index: _, sealed, sealed_bytes, active, end, damage: _ } = log;
        Self { shared, disk, syncer, sealed, sealed_bytes, active, end, compaction: None, slack, not_before: 0 }
    }

    /// Serves until nobody can ask any more.
    pub(super) fn run(mut self, mut queue: Receiver<Request>) {
        loop {
            let first = if self.is_compacting() {
                match queue.try_recv() {
                    Ok(request) => Some(request),
                    Err(TryRecvError::Empty) => None,
                    Err(TryRecvError::Disconnected) => return,
                }
            } else {
                match queue.blocking_recv() {
                    Some(request) => Some(request),
                    None => return,
                }
            };
            if let Some(first) = first {
                self.serve(gather(first, &mut queue));
            }
            self.compact();
        }
    }

    fn serve(&mut self, requests: Vec<Request>) {
        match self.write(&requests) {
            Ok(verdicts) => {
                let mut durable = Vec::new();
                for (Request { transactions: _, keep, reply }, verdicts) in requests.into_iter().zip(verdicts) {
                    let answer = Answer { reply, verdicts };
                    match keep {
                        Keep::Written | Keep::Buffered => answer.give(Ok(())),
                        Keep::Durable => durable.push(answer),
                    }
                }
                if !durable.is_empty() {
                    self.syncer.sync(Arc::clone(&self.active), durable);
                }
            }
            // One that finds no room keeps no other from being written.
            Err(_) if requests.len() > 1 => requests.into_iter().for_each(|request| self.serve(vec![request])),
            Err(error) => {
                if let Some(request) = requests.into_iter().next() {
                    let _ = request.reply.send(Err(error));
                }
            }
        }
    }

    /// Writes what holds of all of them as one record.
    fn write(&mut self, requests: &[Request]) -> Result<Vec<Vec<Verdict>>, MemoryError> {
        self.shared.health()?;
        let (mut record, mut pending) = (Record::new(), Pending::new());
        let mut verdicts = Vec::with_capacity(requests.len());
        for Request { transactions, keep: _, reply: _ } in requests {
            let judged = transactions.iter().map(|transaction| self.judge(transaction, &mut pending, &mut record));
            verdicts.push(judged.collect::<Result<_, _>>()?);
        }
        if record.is_empty() {
            return Ok(verdicts);
        }
        let record = record.finish();
        self.append(&record)?;
        let mut index = self.shared.index.write().unwrap_or_else(PoisonError::into_inner);
        index.purge();
        let payload = self.end + FRAME as u64;
        index.replay(&self.active, payload, &record[FRAME..]).expect("what was just put together can be read");
        self.end += record.len() as u64;
        Ok(verdicts)
    }

    /// Adds a transaction to the record, if its checks hold.
    fn judge(&self, transaction: &Transaction, pending: &mut Pending, record: &mut Record) -> Result<Verdict, MemoryError> {
        let Transaction { checks, ops } = transaction;
        for (check, wanted) in checks.iter().enumerate() {
            if !self.holds(wanted, pending)? {
                return Ok(Verdict::Refused { check });
            }
        }
        for op in ops {
            record.add(op);
            match op {
                Op::Put { key, value, ttl } => {
                    pending.insert(key.clone(), Some((value.clone(), ttl.and_then(Deadline::after))));
                }
                Op::Delete { key } => drop(pending.insert(key.clone(), None)),
                Op::DeleteAll { prefix } => {
                    let there = self.shared.index().entries.below(prefix);
                    let written = pending.keys().filter(|key| key.as_str().starts_with(prefix.as_str())).cloned();
                    let gone: Vec<_> = written.chain(there).collect();
                    pending.extend(gone.into_iter().map(|key| (key, None)));
                }
            }
        }
        Ok(Verdict::Written)
    }

    fn holds(&self, check: &Check, pending: &Pending) -> Result<bool, MemoryError> {
        let (Check::Absent { key } | Check::Equals { key, .. }) = check;
        let value = match pending.get(key) {
            Some(None) => None,
            Some(Some((value, deadline))) => (!deadline.is_some_and(Deadline::is_over)).then(|| value.clone()),
            None => {
                let slot = self.shared.index().entries.get(key).cloned();
                match (slot, check) {
                    (None, _) => None,
                    (Some(_), Check::Absent { .. }) => return Ok(false),
                    (Some(slot), Check::Equals { .. }) => slot.read(Wait::Yes, &self.shared.what, key)?,
                }
            }
        };
        Ok(match check {
            Check::Absent { key: _ } => value.is_none(),
            Check::Equals { key: _, value: wanted } => value.as_ref() == Some(wanted),
        })
    }

    fn append(&mut self, record: &[u8]) -> Result<(), MemoryError> {
        self.active.file.write(self.end, record).map_err(|error| {
            // Best effort: what is left of it has no valid checksum, or is written over.
            let _ = self.active.file.truncate(self.end);
            failed(&self.shared.what, error)
        })
    }

    /// Begins another file; the one before is written no more.
    pub(super) fn seal(&mut self) -> Result<(), MemoryError> {
        self.shared.sync(&*self.active.file)?;
        let number = self.active.number + 1;
        let next = recovery::begin(&*self.disk, number, &recovery::log_name(number));
        let next = next.map_err(|error| failed(&self.shared.what, error))?;
        self.shared.sync(&*next.file)?;
        self.disk.sync().map_err(|error| self.shared.give_up(error))?;
        self.sealed_bytes += self.end;
        self.sealed.push(std::mem::replace(&mut self.active, next));
        self.end = HEADER;
        Ok(())
    }
}

/// The commits that wait, as many as fit into a record of reasonable size.
fn gather(first: Request, queue: &mut Receiver<Request>) -> Vec<Request> {
    let mut size = size_of(&first);
    let mut requests = vec![first];
    while size < BATCH
        && let Ok(request) = queue.try_recv()
    {
        size += size_of(&request);
        requests.push(request);
    }
    requests
}

fn size_of(request: &Request) -> usize {
    let size = |op: &Op| match op {
        Op::Put { key: _, value, ttl: _ } => value.len(),
        Op::Delete { .. } | Op::DeleteAll { .. } => 0,
    };
    request.transactions.iter().flat_map(|transaction| &transaction.ops).map(size).sum()
}
