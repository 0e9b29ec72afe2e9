//! What an agent remembers. A [`Memory`] is an ordered map from [`Key`] to bytes with one way to write,
//! [`Memory::commit`]: everything else (sessions, the journal of runs, leases) is built on it, so that a backend is one file
//! and every promise is kept in one place.
//!
//! Keys of a handle are those of one namespace: an agent never sees what another one keeps.

#[cfg(feature = "testing")]
pub mod contract;
mod error;
pub mod file;
mod in_memory;
mod key;
mod log;
mod namespaced;
mod open;
mod ordered;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "redis")]
mod redis;
mod search;
#[cfg(feature = "sqlite")]
mod sqlite;
#[cfg(any(feature = "postgres", feature = "redis"))]
mod strength;
mod trace;
mod transaction;

use async_trait::async_trait;
use bytes::Bytes;

pub use error::MemoryError;
pub use file::FileMemory;
pub use in_memory::InMemory;
pub use key::{KEY_LIMIT, Key, KeyError};
pub use namespaced::Namespaced;
pub use open::open;
#[cfg(feature = "postgres")]
pub use postgres::PostgresMemory;
#[cfg(feature = "redis")]
pub use redis::RedisMemory;
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteMemory;
pub use transaction::{Check, Keep, Op, Order, Scan, Search, Transaction, Verdict};

pub use skreaver_protocol::config::Durability;

/// How the keys of an agent's long-term notes begin. Backends with full-text search keep an index of these alone.
pub const NOTES: &str = "note/";

/// The largest value, in bytes.
pub const VALUE_LIMIT: usize = 8 << 20;

/// A key and its value.
pub type Entry = (Key, Bytes);

/// Keeps entries for one namespace.
///
/// A backend implements the first six methods and passes the contract suite (feature `testing`); it may override the others
/// where it knows a shorter way.
#[async_trait]
pub trait Memory: Send + Sync {
    /// The value of a key; nothing where there is none, or where its time to live is over.
    async fn get(&self, key: &Key) -> Result<Option<Bytes>, MemoryError>;

    /// Entries in the byte order of their keys, all as they are at one moment.
    async fn scan(&self, scan: &Scan) -> Result<Vec<Entry>, MemoryError>;

    /// Writes. Each transaction is whole or not at all, and is refused where one of its checks does not hold at the moment of
    /// writing; checks see the transactions before theirs. All of them together cost one round trip, and one fsync where
    /// `keep` asks for it.
    ///
    /// # Errors
    /// [`MemoryError`]: it is not known then which of them were written. That is no verdict about any.
    async fn commit(&self, transactions: &[Transaction], keep: Keep) -> Result<Vec<Verdict>, MemoryError>;

    /// Whether it answers: asked every few seconds, for readiness.
    async fn health(&self) -> Result<(), MemoryError>;

    /// The strongest class that it can keep, as found out when it was opened.
    fn strongest(&self) -> Durability;

    /// Whether other processes may write to the same namespace at the same time. Where none can, what a dead process held may
    /// be taken over at once.
    fn is_shared(&self) -> bool;

    /// Entries below a prefix whose values, as texts, hold words of a query; the best ones first. Backends with full-text
    /// search use it; this one reads all and counts words.
    async fn search(&self, search: &Search) -> Result<Vec<Entry>, MemoryError> {
        search::by_reading(self, search).await
    }

    /// Puts one value, for ever.
    async fn put(&self, key: Key, value: Bytes) -> Result<(), MemoryError> {
        self.batch(vec![Op::put(key, value)]).await
    }

    /// Deletes a key; `false` where there was none.
    async fn delete(&self, key: &Key) -> Result<bool, MemoryError> {
        let was_there = self.get(key).await?.is_some();
        self.batch(vec![Op::Delete { key: key.clone() }]).await?;
        Ok(was_there)
    }

    /// Writes several things, all or none.
    async fn batch(&self, ops: Vec<Op>) -> Result<(), MemoryError> {
        self.commit(&[Transaction { checks: Vec::new(), ops }], Keep::Buffered).await.map(drop)
    }

    /// Appends to a log: each value gets the next number below `log`, whoever else appends. Returns the key of the first.
    async fn append(&self, log: &Key, values: Vec<Bytes>) -> Result<Key, MemoryError> {
        log::append(self, log, values).await
    }

    /// Everything below a prefix, as it is at one moment; how long it had to live is not part of it. Empty prefix: the whole
    /// namespace.
    async fn snapshot(&self, prefix: &str) -> Result<Vec<Entry>, MemoryError> {
        self.scan(&Scan::prefix(prefix, usize::MAX)).await
    }

    /// Puts a snapshot in the place of everything below the prefix, all or nothing, for ever.
    async fn restore(&self, prefix: &str, snapshot: Vec<Entry>) -> Result<(), MemoryError> {
        let gone = Op::DeleteAll { prefix: prefix.to_owned() };
        self.batch(std::iter::once(gone).chain(snapshot.into_iter().map(|(key, value)| Op::put(key, value))).collect()).await
    }
}
