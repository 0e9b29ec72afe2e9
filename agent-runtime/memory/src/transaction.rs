//! What is written and read: transactions, and ranges of keys.

use std::time::Duration;

use bytes::Bytes;

use crate::{Key, MemoryError, VALUE_LIMIT};

/// What is written whole or not at all, if its checks hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Transaction {
    /// What must be so at the moment of writing.
    pub checks: Vec<Check>,
    /// What is written, in this order.
    pub ops: Vec<Op>,
}

/// What must be so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Check {
    /// There is no such key.
    Absent {
        /// The key.
        key: Key,
    },
    /// The key has this value: still mine, or not changed since I looked.
    Equals {
        /// The key.
        key: Key,
        /// The value.
        value: Bytes,
    },
}

/// One write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    /// Puts a value in the place of the one before, if there was one.
    Put {
        /// The key.
        key: Key,
        /// The value, of at most [`VALUE_LIMIT`](crate::VALUE_LIMIT) bytes.
        value: Bytes,
        /// How long it is kept, by the clock of the store, rounded up to a millisecond; for ever where there is none or it
        /// is longer than clocks go. Zero: it is gone at once.
        ttl: Option<Duration>,
    },
    /// Deletes a key, if it is there.
    Delete {
        /// The key.
        key: Key,
    },
    /// Deletes every key that begins so.
    DeleteAll {
        /// How they begin; empty means all of the namespace.
        prefix: String,
    },
}

impl Op {
    /// Puts a value for ever.
    pub fn put(key: Key, value: impl Into<Bytes>) -> Self {
        Self::Put { key, value: value.into(), ttl: None }
    }
}

/// What became of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is written.
    Written,
    /// Nothing of it is written: this check, by its place in the transaction, did not hold.
    Refused {
        /// The place of the check.
        check: usize,
    },
}

impl Transaction {
    /// Whether its values are within the limit.
    pub fn fits(&self) -> Result<(), MemoryError> {
        self.ops.iter().try_for_each(|op| match op {
            Op::Put { value, .. } => fits(value),
            Op::Delete { .. } | Op::DeleteAll { .. } => Ok(()),
        })
    }
}

/// Whether a value is within the limit.
pub(crate) fn fits(value: &Bytes) -> Result<(), MemoryError> {
    let size = value.len();
    if size > VALUE_LIMIT { Err(MemoryError::TooLarge { size }) } else { Ok(()) }
}

/// What a commit has to survive before it returns. Rises: what survives the machine survives the rest. A backend that cannot
/// keep as much keeps what it can: who needs the promise asks [`Memory::strongest`](crate::Memory::strongest) once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Keep {
    /// The death of this process.
    Written,
    /// The death of every process, that of the server included.
    Buffered,
    /// The death of the machine: it is on the disk (fsync).
    Durable,
}

/// A range of keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scan {
    /// How the keys begin; empty means all of the namespace.
    pub prefix: String,
    /// Where the last scan ended: only keys beyond this one, in the direction of `order`.
    pub after: Option<Key>,
    /// From the first key or from the last.
    pub order: Order,
    /// The most entries.
    pub limit: usize,
}

/// The direction of a scan.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Order {
    /// From the first key on.
    #[default]
    Ascending,
    /// From the last key back.
    Descending,
}

impl Scan {
    /// The first entries that begin so.
    pub fn prefix(prefix: impl Into<String>, limit: usize) -> Self {
        Self { prefix: prefix.into(), after: None, order: Order::Ascending, limit }
    }

    /// The last entries that begin so, the last one first.
    pub fn last(prefix: impl Into<String>, limit: usize) -> Self {
        Self { order: Order::Descending, ..Self::prefix(prefix, limit) }
    }

    /// The same beyond this key.
    #[must_use]
    pub fn after(self, key: Key) -> Self {
        Self { after: Some(key), ..self }
    }

    /// The keys that it may meet; nothing where it can meet none.
    pub(crate) fn range(&self) -> Option<KeyRange> {
        let Self { prefix, after, order, limit } = self;
        let (mut from, mut to) = (prefix.clone(), prefix_end(prefix));
        match (after, order) {
            (None, _) => {}
            // No text stands between a text and the same with a zero byte behind it.
            (Some(after), Order::Ascending) => from = from.max(format!("{after}\0")),
            (Some(after), Order::Descending) => {
                let after = after.to_string();
                to = Some(to.map_or_else(|| after.clone(), |to| to.min(after.clone())));
            }
        }
        (*limit > 0 && to.as_ref().is_none_or(|to| from < *to)).then_some(KeyRange { from, to })
    }
}

/// Keys from one text on, and before another if there is one, in the order of bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeyRange {
    pub(crate) from: String,
    pub(crate) to: Option<String>,
}

/// The first text behind all that begin so; nothing where there is none. The order of UTF-8 is that of its characters.
pub(crate) fn prefix_end(prefix: &str) -> Option<String> {
    let mut rest = prefix.chars();
    while let Some(last) = rest.next_back() {
        if let Some(next) = (last..=char::MAX).nth(1) {
            return Some(format!("{}{next}", rest.as_str()));
        }
    }
    None
}

/// What to look for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    /// How the keys begin.
    pub prefix: String,
    /// The words.
    pub words: String,
    /// The most entries.
    pub limit: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_begins_so_ends_before_the_next_character() {
        for (prefix, end) in [
            ("", None),
            ("a/", Some("a0")),
            ("ä", Some("å")),
            ("\u{d7ff}", Some("\u{e000}")),
            ("a\u{10ffff}\u{10ffff}", Some("b")),
            ("\u{10ffff}", None),
        ] {
            assert_eq!(prefix_end(prefix).as_deref(), end, "{prefix}");
        }
    }
}
