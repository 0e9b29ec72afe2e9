//! Makes the log small again when more than half of it is garbage.
//!
//! The living entries of all sealed files are copied, a slice after each commit, into a base that then takes their place. It
//! is crash-safe in this order: copy; sync the copy; sync the active file, whose records are why some entries were not copied;
//! give the copy its name; sync the names; remove what it replaces.

use std::sync::{Arc, PoisonError};

use super::disk::failed;
use super::index::{Segment, Wait};
use super::record::{FRAME, Record};
use super::recovery::{HEADER, base_name, begin};
use super::writer::Writer;
use crate::{Key, MemoryError, Scan};

/// The most that is copied between two commits: entries, and bytes of values.
const SLICE: (usize, usize) = (512, 1 << 20);

/// A base that is being written.
pub(super) struct Compaction {
    base: Arc<Segment>,
    end: u64,
    /// The last key that was looked at.
    cursor: Option<Key>,
    /// There was no room for more: wait for the next commit.
    paused: bool,
}

impl Writer {
    pub(super) fn is_compacting(&self) -> bool {
        self.compaction.as_ref().is_some_and(|compaction| !compaction.paused) && self.shared.health().is_ok()
    }

    /// One step: begins a compaction where it is worth it, or goes on with it.
    pub(super) fn compact(&mut self) {
        if self.shared.health().is_err() {
            return;
        }
        let step = match self.compaction.take() {
            None if self.is_worth_it() => self.begin_compaction().map(Some),
            None => Ok(None),
            Some(compaction) => self.copy(compaction),
        };
        match step {
            Ok(compaction) => self.compaction = compaction,
            Err(error) => {
                crate::trace::warn!(what = self.shared.what, %error, "memory could not be compacted; it is tried again when it has doubled");
                self.not_before = 2 * self.size();
            }
        }
    }

    fn is_worth_it(&self) -> bool {
        let size = self.size();
        size >= self.not_before && size > 2 * self.shared.index().live + self.slack
    }

    /// Of all files of the log, in bytes.
    fn size(&self) -> u64 {
        self.sealed_bytes + self.end
    }

    fn begin_compaction(&mut self) -> Result<Compaction, MemoryError> {
        self.seal()?;
        let upto = self.active.number - 1;
        let base = begin(&*self.disk, upto, &format!("{}.new", base_name(upto)));
        let base = base.map_err(|error| failed(&self.shared.what, error))?;
        Ok(Compaction { base, end: HEADER, cursor: None, paused: false })
    }

    /// Copies the next slice; at the end, nothing is left to be done.
    fn copy(&mut self, mut compaction: Compaction) -> Result<Option<Compaction>, MemoryError> {
        let (record, looked_at) = self.slice(&compaction)?;
        if !record.is_empty() {
            let record = record.finish();
            if let Err(error) = compaction.base.file.write(compaction.end, &record) {
                crate::trace::warn!(what = self.shared.what, %error, "compaction of memory waits for room");
                return Ok(Some(Compaction { paused: true, ..compaction }));
            }
            let mut index = self.shared.index.write().unwrap_or_else(PoisonError::into_inner);
            let payload = compaction.end + FRAME as u64;
            index.replay(&compaction.base, payload, &record[FRAME..]).expect("what was just put together can be read");
            compaction.end += record.len() as u64;
        }
        match looked_at {
            Some(key) => Ok(Some(Compaction { cursor: Some(key), paused: false, ..compaction })),
            None => self.finish(compaction).map(|()| None),
        }
    }

    /// Living entries beyond the cursor that lie in sealed files, and the last key looked at, if there was any.
    fn slice(&self, Compaction { base, cursor, .. }: &Compaction) -> Result<(Record, Option<Key>), MemoryError> {
        let (entries, bytes) = SLICE;
        let scan = Scan { after: cursor.clone(), ..Scan::prefix("", entries) };
        let mut record = Record::new();
        let mut looked_at = None;
        for (key, slot) in self.shared.index().entries.scan(&scan) {
            if record.len() > bytes {
                break;
            }
            if slot.segment.number <= base.number {
                let value = slot.read(Wait::Yes, &self.shared.what, key)?.unwrap_or_default();
                record.put(key, &value, slot.deadline);
            }
            looked_at = Some(key.clone());
        }
        Ok((record, looked_at))
    }

    fn finish(&mut self, Compaction { base, end, .. }: Compaction) -> Result<(), MemoryError> {
        self.shared.sync(&*base.file)?;
        self.shared.sync(&*self.active.file)?;
        let name = base_name(base.number);
        self.disk.rename(&base.name, &name).and_then(|()| self.disk.sync()).map_err(|error| self.shared.give_up(error))?;
        let replaced = std::mem::take(&mut self.sealed);
        for old in &replaced {
            if let Err(error) = self.disk.remove(&old.name) {
                // It is removed at the next opening.
                crate::trace::warn!(what = self.shared.what, file = old.name, %error, "a replaced file could not be removed");
            }
        }
        crate::trace::info!(what = self.shared.what, before = self.sealed_bytes, after = end, "memory was compacted");
        self.sealed = vec![Arc::new(Segment { name, number: base.number, file: Arc::clone(&base.file) })];
        self.sealed_bytes = end;
        self.not_before = 0;
        Ok(())
    }
}
