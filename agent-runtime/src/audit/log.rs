//! A log of records, written by a thread of its own in the order of the chain.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::chain::Chain;
use super::record::Entry;
use super::sink::{Journal, Line, Sink, Stream};
use crate::agent::Slot;

/// Records that wait to be written; while as many do, calls are refused.
const WAITING: usize = 4096;
/// Records that are written, and synced, in one go.
const LARGEST_GROUP: usize = 256;

/// Why a record was not written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuditError {
    /// More records wait than may.
    #[error("the audit log is {WAITING} records behind")]
    Behind,
    /// A policy wants it in the journal, and the agent has none.
    #[error(
        "a policy wants it in the agent's journal, and the agent has no memory: set spec.memory, or have the policy name another sink"
    )]
    NoMemory,
    /// It cannot be written.
    #[error("the audit log cannot be written: {0}")]
    Failed(String),
}

/// What becomes of a record.
pub(crate) type Receipt = oneshot::Receiver<Result<(), AuditError>>;

/// A log of decisions. Clones are the same log.
#[derive(Clone)]
pub struct AuditLog(Arc<Inner>);

struct Inner {
    process: String,
    chain: Mutex<Chain>,
    jobs: SyncSender<Job>,
    /// A line is missing, or torn: the chain cannot go on.
    is_torn: Arc<AtomicBool>,
}

struct Job {
    line: Line,
    /// Whether it has to be on the disk.
    promised: bool,
    written: Option<oneshot::Sender<Result<(), AuditError>>>,
}

impl AuditLog {
    /// A log at the end of this file, which is made where there is none.
    ///
    /// # Errors
    /// What opening fails of.
    pub fn to_file(path: &Path) -> io::Result<Self> {
        let mut file = OpenOptions::new().create(true).append(true).read(true).open(path)?;
        end_line(&mut file)?;
        Ok(Self::to(Stream { target: file, sync: File::sync_data }, &super::process()))
    }

    /// A log on standard output.
    pub fn to_stdout() -> Self {
        Self::to(Stream { target: io::stdout(), sync: |_| Ok(()) }, &super::process())
    }

    /// A log in an agent's memory. Nothing outside of an asynchronous runtime, on which memory works.
    pub(super) fn to_memory(memory: Arc<Slot>) -> Option<Self> {
        let runtime = Handle::try_current().ok()?;
        Some(Self::to(Journal { memory, runtime }, &super::process()))
    }

    fn to(sink: impl Sink, process: &str) -> Self {
        let (jobs, waiting) = sync_channel(WAITING);
        let is_torn = Arc::new(AtomicBool::new(false));
        let torn = Arc::clone(&is_torn);
        std::thread::spawn(move || write(sink, &waiting, &torn));
        let log = Inner { process: process.to_owned(), chain: Mutex::new(Chain::new(Uuid::now_v7())), jobs, is_torn };
        let _ = log.begin(&mut log.chain.lock().unwrap_or_else(PoisonError::into_inner));
        Self(Arc::new(log))
    }

    /// Puts a record behind the others. Where it is `promised`, the receipt comes when it is on the disk.
    pub(crate) fn record(&self, entry: Entry, promised: bool) -> Result<Receipt, AuditError> {
        let log = &self.0;
        let mut chain = log.chain.lock().unwrap_or_else(PoisonError::into_inner);
        if log.is_torn.swap(false, Ordering::AcqRel) {
            *chain = Chain::new(Uuid::now_v7());
            log.begin(&mut chain)?;
        }
        let (written, receipt) = oneshot::channel();
        let line = chain.link(Timestamp::now(), entry);
        log.send(Job { line, promised, written: Some(written) })?;
        Ok(receipt)
    }
}

impl Inner {
    fn begin(&self, chain: &mut Chain) -> Result<(), AuditError> {
        let entry = Entry::Opened { process: self.process.clone(), version: env!("CARGO_PKG_VERSION").to_owned() };
        let line = chain.link(Timestamp::now(), entry);
        self.send(Job { line, promised: false, written: None })
    }

    fn send(&self, job: Job) -> Result<(), AuditError> {
        self.jobs.try_send(job).map_err(|error| {
            // What was linked is not there: what comes next begins anew.
            self.is_torn.store(true, Ordering::Release);
            match error {
                TrySendError::Full(_) => AuditError::Behind,
                TrySendError::Disconnected(_) => AuditError::Failed("its writer has ended".to_owned()),
            }
        })
    }
}

/// Writes what waits, together, until nobody is left who could write.
fn write(mut sink: impl Sink, waiting: &Receiver<Job>, torn: &AtomicBool) {
    // The chain in which a record is missing: no later one of it would follow.
    let mut broken = None;
    while let Ok(first) = waiting.recv() {
        let group = std::iter::once(first).chain(waiting.try_iter().take(LARGEST_GROUP - 1));
        let (lost, group): (Vec<_>, Vec<_>) = group.partition(|job| broken == Some(job.line.chain));
        tell(
            lost.into_iter().filter_map(|job| job.written),
            &Err(AuditError::Failed("an earlier record was not written".to_owned())),
        );
        let promised = group.iter().any(|job| job.promised);
        let (lines, written): (Vec<_>, Vec<_>) = group.into_iter().map(|job| (job.line, job.written)).unzip();
        let outcome = if lines.is_empty() { Ok(()) } else { sink.write(&lines, promised) };
        if outcome.is_err() {
            torn.store(true, Ordering::Release);
            broken = lines.last().map(|line| line.chain);
        }
        tell(written.into_iter().flatten(), &outcome.map_err(AuditError::Failed));
    }
}

fn tell(waiting: impl Iterator<Item = oneshot::Sender<Result<(), AuditError>>>, outcome: &Result<(), AuditError>) {
    for written in waiting {
        // Who no longer waits makes no call.
        let _ = written.send(outcome.clone());
    }
}

/// Ends the last line, which the death of its writer may have torn.
fn end_line(file: &mut File) -> io::Result<()> {
    if file.seek(SeekFrom::End(0))? == 0 {
        return Ok(());
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    if last == *b"\n" { Ok(()) } else { file.write_all(b"\n") }
}

#[cfg(test)]
mod tests {
    use super::super::verify;
    use super::*;

    fn entry(number: usize) -> Entry {
        Entry::Opened { process: number.to_string(), version: String::new() }
    }

    #[tokio::test]
    async fn what_many_write_at_once_is_one_chain_and_the_next_process_begins_another() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.jsonl");
        for _ in 0..2 {
            let log = AuditLog::to_file(&path).unwrap();
            let written = (0..200).map(|number| {
                let log = log.clone();
                tokio::spawn(async move { log.record(entry(number), number % 7 == 0).unwrap().await.unwrap() })
            });
            for written in futures::future::join_all(written).await {
                written.unwrap().unwrap();
            }
            // As a process leaves it that dies while it writes.
            std::fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(b"{\"skreaver_au").unwrap();
        }
        let report = verify(std::fs::read(&path).unwrap().as_slice()).unwrap();
        assert!(report.is_whole(), "{:?}", report.breaks);
        assert_eq!(report.chains.values().map(|chain| chain.records).collect::<Vec<_>>(), [201, 201]);
        assert_eq!(report.others, 2);
    }

    /// Takes so many bytes, then none for one write, then all.
    struct Full(usize, Arc<Mutex<Vec<u8>>>);

    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let room = self.0.min(bytes.len());
            if room == 0 {
                self.0 = usize::MAX;
                return Err(io::Error::from(io::ErrorKind::StorageFull));
            }
            self.0 -= room;
            self.1.lock().unwrap().extend(&bytes[..room]);
            Ok(room)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn a_full_disk_is_told_and_what_comes_behind_it_can_be_verified() {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let target = Full(900, Arc::clone(&bytes));
        let log = AuditLog::to(Stream { target, sync: |_| Ok(()) }, "here");
        let mut outcomes = Vec::new();
        for number in 0..10 {
            outcomes.push(log.record(entry(number), false).unwrap().await.unwrap());
        }
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_err()).count(), 1, "{outcomes:?}");
        let report = verify(bytes.lock().unwrap().as_slice()).unwrap();
        assert!(report.is_whole(), "{:?}", report.breaks);
        let records: u64 = report.chains.values().map(|chain| chain.records).sum();
        assert_eq!((report.chains.len(), records, report.others), (2, 11, 1), "nine and two beginnings; one is torn");
    }
}
