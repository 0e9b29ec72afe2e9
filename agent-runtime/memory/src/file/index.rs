//! Which keys there are, and where their values lie.

use std::io;
use std::sync::Arc;

use bytes::Bytes;

use super::disk::DiskFile;
use super::record::{Change, changes, cost};
use crate::ordered::{Deadline, Ordered};
use crate::{Key, MemoryError};

/// A file of the log.
pub(super) struct Segment {
    pub(super) name: String,
    pub(super) number: u64,
    pub(super) file: Arc<dyn DiskFile>,
}

/// Where a value lies.
#[derive(Clone)]
pub(super) struct Slot {
    pub(super) segment: Arc<Segment>,
    pub(super) at: u64,
    pub(super) size: u32,
    pub(super) checksum: u32,
    pub(super) deadline: Option<Deadline>,
}

pub(super) struct Index {
    pub(super) entries: Ordered<Slot>,
    /// The room that its entries take in files; what else lies there is garbage.
    pub(super) live: u64,
}

/// Whether a read may wait for the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wait {
    No,
    Yes,
}

impl Index {
    pub(super) fn new() -> Self {
        Self { entries: Ordered::new(), live: 0 }
    }

    /// Takes in the payload of a record that lies there; nothing where it cannot be read.
    pub(super) fn replay(&mut self, segment: &Arc<Segment>, begin: u64, payload: &[u8]) -> Option<()> {
        for change in changes(payload)? {
            match change {
                Change::Put { key, value, at, deadline } => {
                    let (segment, at, size) = (Arc::clone(segment), begin + at as u64, value.len() as u32);
                    self.live += cost(&key, size);
                    let slot = Slot { segment, at, size, checksum: crc32c::crc32c(value), deadline };
                    let old = self.entries.put(key.clone(), slot, deadline);
                    self.live -= old.map_or(0, |(old, _)| cost(&key, old.size));
                }
                Change::Delete { key } => self.remove(&key),
                Change::DeleteAll { prefix } => self.entries.below(prefix).iter().for_each(|key| self.remove(key)),
            }
        }
        Some(())
    }

    fn remove(&mut self, key: &Key) {
        self.live -= self.entries.remove(key).map_or(0, |(old, _)| cost(key, old.size));
    }

    /// Forgets what has expired.
    pub(super) fn purge(&mut self) {
        for (key, old) in self.entries.purge() {
            self.live -= cost(&key, old.size);
        }
    }
}

impl Slot {
    /// The value; nothing where that would have to wait and may not.
    pub(super) fn read(&self, wait: Wait, what: &str, key: &Key) -> Result<Option<Bytes>, MemoryError> {
        let mut value = vec![0; self.size as usize];
        let read = match wait {
            Wait::No => self.segment.file.read_at_once(self.at, &mut value),
            Wait::Yes => self.segment.file.read(self.at, &mut value).map(|()| true),
        };
        match read {
            Ok(true) if crc32c::crc32c(&value) == self.checksum => Ok(Some(value.into())),
            Ok(true) => Err(self.damaged(what, key, &io::Error::other("its checksum differs"))),
            Ok(false) => Ok(None),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(self.damaged(what, key, &error)),
            Err(error) => Err(super::disk::failed(what, error)),
        }
    }

    fn damaged(&self, what: &str, key: &Key, error: &io::Error) -> MemoryError {
        let damage = format!("the value of `{key}` in {} is not what was written: {error}", self.segment.name);
        MemoryError::Corrupt { what: what.to_owned(), damage }
    }
}
