//! Memory in files of our own: a log of what was written, and an index of it in RAM.
//!
//! One commit is one record of the log, whole or not at all; several that wait are written together, and share an fsync.
//! Reads find their place in the index and read the file.

mod compaction;
mod disk;
mod index;
mod record;
mod recovery;
#[cfg(feature = "testing")]
mod simulated;
mod syncer;
#[cfg(all(test, feature = "testing"))]
mod tests;
mod writer;

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock, RwLockReadGuard};
use std::thread::JoinHandle;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

pub use disk::{Disk, DiskFile};
pub use recovery::Damage;
#[cfg(feature = "testing")]
pub use simulated::SimulatedDisk;

use crate::{Durability, Entry, Keep, Key, Memory, MemoryError, Scan, Transaction, Verdict};
use disk::Folder;
pub(crate) use disk::failed;
use index::{Index, Slot, Wait};
use syncer::Syncer;
use writer::{Request, Writer};

/// Commits that wait for the writer; more of them wait for a place.
const QUEUE: usize = 1024;
/// The garbage that is never worth a compaction, in bytes.
const SLACK: u64 = 4 << 20;
/// The most bytes that a read takes from the cache of the system on the caller's own thread.
const AT_ONCE: u64 = 1 << 18;

/// Memory in files below a folder, had by one process.
pub struct FileMemory {
    shared: Arc<Shared>,
    queue: Option<mpsc::Sender<Request>>,
    writer: Option<JoinHandle<()>>,
    damage: Option<Damage>,
}

/// What readers and the writer share.
struct Shared {
    what: String,
    index: RwLock<Index>,
    /// Held for each fsync: the system tells an error only to one of several.
    syncing: Mutex<()>,
    /// Why nothing can be written any more.
    broken: OnceLock<String>,
}

impl FileMemory {
    /// Opens the memory of a namespace in its own folder below `directory`.
    ///
    /// # Errors
    /// [`MemoryError`]: another process has it, it is of a newer version, or the folder cannot be used. Damage is no error: see
    /// [`damage`](Self::damage).
    pub async fn open(directory: &Path, namespace: &str) -> Result<Self, MemoryError> {
        let path = directory.join(crate::open::folder_name(namespace)?);
        let open = move || {
            let what = format!("memory in {}", path.display());
            match Folder::open(&path) {
                Ok(Some(folder)) => Self::open_now(Arc::new(folder), what, SLACK),
                Ok(None) => Err(MemoryError::Locked { what }),
                Err(error) => Err(failed(&what, error)),
            }
        };
        tokio::task::spawn_blocking(open).await.expect("opening does not panic")
    }

    /// Opens memory on another disk than that of the machine, and compacts it sooner: above `slack` bytes of garbage.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    #[cfg(feature = "testing")]
    pub fn open_on(disk: Arc<dyn Disk>, slack: u64) -> Result<Self, MemoryError> {
        Self::open_now(disk, "memory on a simulated disk".into(), slack)
    }

    fn open_now(disk: Arc<dyn Disk>, what: String, slack: u64) -> Result<Self, MemoryError> {
        let mut log = recovery::open(&*disk, &what)?;
        let damage = log.damage.take();
        if let Some(Damage { problem, bytes, files }) = &damage {
            crate::trace::warn!(
                what,
                problem,
                bytes,
                ?files,
                "memory was damaged; what was written before is kept, the rest moved aside"
            );
        }
        let index = RwLock::new(std::mem::replace(&mut log.index, Index::new()));
        let shared = Arc::new(Shared { what, index, syncing: Mutex::new(()), broken: OnceLock::new() });
        let syncer = Syncer::start(Arc::clone(&shared)).map_err(|error| failed(&shared.what, error))?;
        let writer = Writer::new(Arc::clone(&shared), disk, syncer, log, slack);
        let (queue, requests) = mpsc::channel(QUEUE);
        let thread = std::thread::Builder::new().name("memory-writer".into());
        let writer = thread.spawn(move || writer.run(requests)).map_err(|error| failed(&shared.what, error))?;
        Ok(Self { shared, queue: Some(queue), writer: Some(writer), damage })
    }

    /// What was found damaged at opening and moved aside, if anything was.
    pub fn damage(&self) -> Option<&Damage> {
        self.damage.as_ref()
    }

    /// The values of slots; those that are not in the cache of the system are read on a thread that may wait.
    async fn read(&self, slots: Vec<(Key, Slot)>) -> Result<Vec<Entry>, MemoryError> {
        let size: u64 = slots.iter().map(|(_, slot)| u64::from(slot.size)).sum();
        if size <= AT_ONCE
            && let Some(entries) = read_all(&slots, Wait::No, &self.shared.what)?
        {
            return Ok(entries);
        }
        let shared = Arc::clone(&self.shared);
        let read = move || read_all(&slots, Wait::Yes, &shared.what);
        Ok(tokio::task::spawn_blocking(read).await.expect("reading does not panic")?.unwrap_or_default())
    }
}

/// All of the values; nothing where one would have to wait and may not.
fn read_all(slots: &[(Key, Slot)], wait: Wait, what: &str) -> Result<Option<Vec<Entry>>, MemoryError> {
    slots.iter().map(|(key, slot)| Ok(slot.read(wait, what, key)?.map(|value| (key.clone(), value)))).collect()
}

impl Shared {
    fn index(&self) -> RwLockReadGuard<'_, Index> {
        self.index.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn health(&self) -> Result<(), MemoryError> {
        match self.broken.get() {
            None => Ok(()),
            Some(why) => {
                let source = format!("an fsync failed ({why}), so that nothing is written until it is opened again").into();
                Err(MemoryError::Server { what: self.what.clone(), source })
            }
        }
    }

    /// Syncs a file. One that failed is not tried again: what it should have written may be gone and count as written.
    fn sync(&self, file: &dyn DiskFile) -> Result<(), MemoryError> {
        let _one = self.syncing.lock().unwrap_or_else(PoisonError::into_inner);
        self.health()?;
        file.sync().map_err(|error| self.give_up(error))
    }

    /// No more writes through this handle.
    fn give_up(&self, error: io::Error) -> MemoryError {
        crate::trace::error!(what = self.what, %error, "memory could not be synced; it is read-only until it is opened again");
        self.broken.get_or_init(|| error.to_string());
        failed(&self.what, error)
    }

    fn writer_ended(&self) -> MemoryError {
        MemoryError::Server { what: self.what.clone(), source: "its writer has ended".into() }
    }
}

#[async_trait]
impl Memory for FileMemory {
    async fn get(&self, key: &Key) -> Result<Option<Bytes>, MemoryError> {
        let Some(slot) = self.shared.index().entries.get(key).cloned() else { return Ok(None) };
        Ok(self.read(vec![(key.clone(), slot)]).await?.pop().map(|(_, value)| value))
    }

    async fn scan(&self, scan: &Scan) -> Result<Vec<Entry>, MemoryError> {
        let found = self.shared.index().entries.scan(scan).into_iter().map(|(key, slot)| (key.clone(), slot.clone())).collect();
        self.read(found).await
    }

    async fn commit(&self, transactions: &[Transaction], keep: Keep) -> Result<Vec<Verdict>, MemoryError> {
        transactions.iter().try_for_each(Transaction::fits)?;
        let (reply, answer) = oneshot::channel();
        let request = Request { transactions: transactions.to_vec(), keep, reply };
        let queue = self.queue.as_ref().expect("it is taken only when the memory is dropped");
        queue.send(request).await.map_err(|_| self.shared.writer_ended())?;
        answer.await.map_err(|_| self.shared.writer_ended())?
    }

    async fn health(&self) -> Result<(), MemoryError> {
        self.shared.health()
    }

    fn strongest(&self) -> Durability {
        Durability::Durable
    }

    fn is_shared(&self) -> bool {
        false
    }
}

/// Waits for the writer, so that the folder is free when the handle is gone.
impl Drop for FileMemory {
    fn drop(&mut self) {
        drop(self.queue.take());
        if let Some(writer) = self.writer.take()
            && writer.join().is_err()
        {
            crate::trace::error!(what = self.shared.what, "the writer of memory has panicked");
        }
    }
}
