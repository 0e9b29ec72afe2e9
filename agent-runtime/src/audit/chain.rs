//! A chain of records: each names the hash of the one before. Pure.

use jiff::Timestamp;
use serde_json::Value;
use skreaver_policy::digest;
use uuid::Uuid;

use super::record::{Entry, Record};
use super::sink::Line;

/// The shape of the records that are written.
pub(super) const VERSION: u32 = 1;
/// What stands for the record before the first.
pub(super) const NOTHING: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// The end of a chain, to which records are added.
pub(super) struct Chain {
    pub(super) id: Uuid,
    next: u64,
    head: String,
}

impl Chain {
    pub(super) fn new(id: Uuid) -> Self {
        Self { id, next: 0, head: NOTHING.to_owned() }
    }

    /// The next record, as it is written.
    pub(super) fn link(&mut self, at: Timestamp, entry: Entry) -> Line {
        let (seq, previous) = (self.next, self.head.clone());
        let record = Record { skreaver_audit: VERSION, chain: self.id, seq, at, entry, previous, hash: String::new() };
        let mut value = serde_json::to_value(record).expect("a record is JSON");
        self.head = hash(&mut value).expect("a record is an object");
        self.next += 1;
        Line { chain: self.id, seq, text: format!("{value}\n") }
    }
}

/// Gives a record its hash.
fn hash(record: &mut Value) -> Option<String> {
    let fields = record.as_object_mut()?;
    fields.remove("hash");
    let hash = digest(record);
    record.as_object_mut()?.insert("hash".to_owned(), Value::String(hash.clone()));
    Some(hash)
}

/// What the hash of a record has to be.
pub(super) fn expected(record: &Value) -> Option<String> {
    hash(&mut record.clone())
}
