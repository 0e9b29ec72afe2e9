//! How a commit looks in a file: length, checksum, and what was written, in order.
//!
//! ```text
//! record:  length u64 | CRC-32C of length and payload u32 | payload
//! payload: 1 deadline u64 (0: none) | key length u16 | value length u32 | key | value      put
//!          2 key length u16 | key                                                          delete
//!          3 prefix length u16 | prefix                                                    delete all
//! ```
//! Numbers are little-endian. A length of zero is never written, so that a file full of zeros holds no record.

use crate::ordered::Deadline;
use crate::{Key, Op};

/// Length and checksum.
pub(super) const FRAME: usize = 12;

const PUT: u8 = 1;
const DELETE: u8 = 2;
const DELETE_ALL: u8 = 3;

/// A record that is being put together.
pub(super) struct Record(Vec<u8>);

/// One change, as read back.
pub(super) enum Change<'a> {
    Put {
        key: Key,
        value: &'a [u8],
        /// Where the value begins in the payload.
        at: usize,
        deadline: Option<Deadline>,
    },
    Delete {
        key: Key,
    },
    DeleteAll {
        prefix: &'a str,
    },
}

impl Record {
    pub(super) fn new() -> Self {
        Self(vec![0; FRAME])
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.len() == FRAME
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Adds a write; its deadline counts from now.
    pub(super) fn add(&mut self, op: &Op) {
        match op {
            Op::Put { key, value, ttl } => self.put(key, value, ttl.and_then(Deadline::after)),
            Op::Delete { key } => self.text(DELETE, key.as_str()),
            // A longer prefix is that of no key.
            Op::DeleteAll { prefix } if prefix.len() <= crate::KEY_LIMIT => self.text(DELETE_ALL, prefix),
            Op::DeleteAll { prefix: _ } => {}
        }
    }

    pub(super) fn put(&mut self, key: &Key, value: &[u8], deadline: Option<Deadline>) {
        let key = key.as_str();
        self.0.push(PUT);
        self.0.extend(deadline.map_or(0, Deadline::millis).to_le_bytes());
        self.0.extend((key.len() as u16).to_le_bytes());
        self.0.extend((value.len() as u32).to_le_bytes());
        self.0.extend(key.as_bytes());
        self.0.extend(value);
    }

    fn text(&mut self, tag: u8, text: &str) {
        self.0.push(tag);
        self.0.extend((text.len() as u16).to_le_bytes());
        self.0.extend(text.as_bytes());
    }

    /// The whole record, framed.
    pub(super) fn finish(mut self) -> Vec<u8> {
        let length = ((self.0.len() - FRAME) as u64).to_le_bytes();
        let checksum = checksum(&length, &self.0[FRAME..]);
        self.0[..8].copy_from_slice(&length);
        self.0[8..FRAME].copy_from_slice(&checksum.to_le_bytes());
        self.0
    }
}

/// The room that an entry takes.
pub(super) fn cost(key: &Key, value: u32) -> u64 {
    15 + key.as_str().len() as u64 + u64::from(value)
}

/// Length and checksum of a frame.
pub(super) fn frame(bytes: [u8; FRAME]) -> (u64, u32) {
    let [a, b, c, d, e, f, g, h, checksum @ ..] = bytes;
    (u64::from_le_bytes([a, b, c, d, e, f, g, h]), u32::from_le_bytes(checksum))
}

pub(super) fn checksum(length: &[u8; 8], payload: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(length), payload)
}

/// The changes of a payload; nothing where they cannot be read.
pub(super) fn changes(payload: &[u8]) -> Option<Vec<Change<'_>>> {
    let mut rest = payload;
    let mut changes = Vec::new();
    while let Some((tag, after)) = rest.split_first() {
        rest = after;
        changes.push(match *tag {
            PUT => {
                let deadline = Deadline::at(u64::from_le_bytes(*take(&mut rest)?));
                let length = u16::from_le_bytes(*take(&mut rest)?);
                let size = u32::from_le_bytes(*take(&mut rest)?) as usize;
                let key = Key::parse(text(&mut rest, length)?).ok()?;
                let at = payload.len() - rest.len();
                let (value, after) = rest.split_at_checked(size)?;
                rest = after;
                Change::Put { key, value, at, deadline }
            }
            DELETE => {
                let length = u16::from_le_bytes(*take(&mut rest)?);
                Change::Delete { key: Key::parse(text(&mut rest, length)?).ok()? }
            }
            DELETE_ALL => {
                let length = u16::from_le_bytes(*take(&mut rest)?);
                Change::DeleteAll { prefix: text(&mut rest, length)? }
            }
            _ => return None,
        });
    }
    Some(changes)
}

fn take<'a, const N: usize>(rest: &mut &'a [u8]) -> Option<&'a [u8; N]> {
    let (taken, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(taken)
}

fn text<'a>(rest: &mut &'a [u8], length: u16) -> Option<&'a str> {
    let (taken, after) = rest.split_at_checked(length.into())?;
    *rest = after;
    std::str::from_utf8(taken).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_added_is_read_back() {
        let key = Key::parse("grüße/1").unwrap();
        let mut record = Record::new();
        assert!(record.is_empty());
        record.put(&key, b"value", Deadline::at(7));
        record.add(&Op::Delete { key: key.clone() });
        record.add(&Op::DeleteAll { prefix: "grüße/".into() });
        record.add(&Op::DeleteAll { prefix: "x".repeat(70_000) });
        let bytes = record.finish();
        let (length, sum) = frame(*bytes.first_chunk().unwrap());
        assert_eq!(length as usize, bytes.len() - FRAME);
        assert_eq!(sum, checksum(&length.to_le_bytes(), &bytes[FRAME..]));
        let read = changes(&bytes[FRAME..]).unwrap();
        let [Change::Put { key: put, value, at, deadline }, Change::Delete { key: gone }, Change::DeleteAll { prefix }] =
            &read[..]
        else {
            panic!("{} changes", read.len())
        };
        assert_eq!((put, gone, *prefix, *deadline), (&key, &key, "grüße/", Deadline::at(7)));
        assert_eq!(&bytes[FRAME..][*at..*at + 5], *value);
    }

    #[test]
    fn zeros_and_other_garbage_are_no_record() {
        let (length, sum) = frame([0; FRAME]);
        assert_ne!(sum, checksum(&length.to_le_bytes(), &[]));
        for garbage in [&[9][..], &[PUT, 1], &[DELETE, 200, 0, b'a'], &[DELETE, 1, 0, 0xff], &[DELETE, 0, 0]] {
            assert!(changes(garbage).is_none(), "{garbage:?}");
        }
    }
}
