//! A part of a memory that looks like a whole one.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use crate::{Check, Durability, Entry, Keep, Key, Memory, MemoryError, Op, Order, Scan, Search, Transaction, Verdict};

/// What a memory keeps below a prefix, as a memory of its own: for a session, say. What is written through it stays below.
#[derive(Clone)]
pub struct Namespaced {
    memory: Arc<dyn Memory>,
    prefix: String,
}

impl Namespaced {
    /// The part of a memory below a prefix, which should end with a slash. Keys are shorter by its length here.
    pub fn new(memory: Arc<dyn Memory>, prefix: impl Into<String>) -> Self {
        Self { memory, prefix: prefix.into() }
    }

    fn outer_text(&self, text: &str) -> String {
        format!("{}{text}", self.prefix)
    }

    fn outer(&self, key: &Key) -> Result<Key, MemoryError> {
        Ok(Key::parse(self.outer_text(key.as_str()))?)
    }

    fn inner(&self, key: &Key) -> Result<Key, MemoryError> {
        Ok(Key::parse(key.as_str().strip_prefix(&self.prefix).unwrap_or_default())?)
    }

    /// Entries as they are called here. The prefix itself may be a key of the memory, but has no name here.
    fn entries(&self, entries: Vec<Entry>) -> Result<Vec<Entry>, MemoryError> {
        let below = entries.into_iter().filter(|(key, _)| key.as_str() != self.prefix);
        below.map(|(key, value)| Ok((self.inner(&key)?, value))).collect()
    }

    fn check(&self, check: &Check) -> Result<Check, MemoryError> {
        Ok(match check {
            Check::Absent { key } => Check::Absent { key: self.outer(key)? },
            Check::Equals { key, value } => Check::Equals { key: self.outer(key)?, value: value.clone() },
        })
    }

    fn op(&self, op: &Op) -> Result<Op, MemoryError> {
        Ok(match op {
            Op::Put { key, value, ttl } => Op::Put { key: self.outer(key)?, value: value.clone(), ttl: *ttl },
            Op::Delete { key } => Op::Delete { key: self.outer(key)? },
            Op::DeleteAll { prefix } => Op::DeleteAll { prefix: self.outer_text(prefix) },
        })
    }

    fn transaction(&self, Transaction { checks, ops }: &Transaction) -> Result<Transaction, MemoryError> {
        let checks = checks.iter().map(|check| self.check(check)).collect::<Result<_, _>>()?;
        Ok(Transaction { checks, ops: ops.iter().map(|op| self.op(op)).collect::<Result<_, _>>()? })
    }
}

#[async_trait]
impl Memory for Namespaced {
    async fn get(&self, key: &Key) -> Result<Option<Bytes>, MemoryError> {
        self.memory.get(&self.outer(key)?).await
    }

    async fn scan(&self, Scan { prefix, after, order, limit }: &Scan) -> Result<Vec<Entry>, MemoryError> {
        let after = match (after, order) {
            (Some(key), _) => Some(self.outer(key)?),
            // A page that begins beyond the prefix itself is not one short.
            (None, Order::Ascending) => Key::parse(self.prefix.clone()).ok(),
            (None, Order::Descending) => None,
        };
        let scan = Scan { prefix: self.outer_text(prefix), after, order: *order, limit: *limit };
        self.entries(self.memory.scan(&scan).await?)
    }

    async fn commit(&self, transactions: &[Transaction], keep: Keep) -> Result<Vec<Verdict>, MemoryError> {
        let transactions = transactions.iter().map(|transaction| self.transaction(transaction)).collect::<Result<Vec<_>, _>>()?;
        self.memory.commit(&transactions, keep).await
    }

    async fn health(&self) -> Result<(), MemoryError> {
        self.memory.health().await
    }

    fn strongest(&self) -> Durability {
        self.memory.strongest()
    }

    fn is_shared(&self) -> bool {
        self.memory.is_shared()
    }

    async fn search(&self, Search { prefix, words, limit }: &Search) -> Result<Vec<Entry>, MemoryError> {
        let search = Search { prefix: self.outer_text(prefix), words: words.clone(), limit: *limit };
        self.entries(self.memory.search(&search).await?)
    }

    async fn put(&self, key: Key, value: Bytes) -> Result<(), MemoryError> {
        self.memory.put(self.outer(&key)?, value).await
    }

    async fn delete(&self, key: &Key) -> Result<bool, MemoryError> {
        self.memory.delete(&self.outer(key)?).await
    }

    async fn append(&self, log: &Key, values: Vec<Bytes>) -> Result<Key, MemoryError> {
        self.inner(&self.memory.append(&self.outer(log)?, values).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::InMemory;

    fn key(text: &str) -> Key {
        Key::parse(text).unwrap()
    }

    #[tokio::test]
    async fn what_is_written_to_a_part_stays_in_it() {
        let memory = Arc::new(InMemory::new());
        for name in ["session/1", "session/1/", "session/1/a", "session/10/a", "session/2/a"] {
            memory.put(key(name), name.into()).await.unwrap();
        }
        let part = Namespaced::new(memory.clone(), "session/1/");
        let keys = async |scan| part.scan(&scan).await.unwrap().into_iter().map(|(key, _)| key.to_string()).collect::<Vec<_>>();
        assert_eq!(keys(Scan::prefix("", 1)).await, ["a"], "a full page, though the prefix itself is a key");
        assert_eq!(keys(Scan::last("", 9)).await, ["a"]);
        part.append(&key("log"), vec!["1".into()]).await.unwrap();
        assert!(memory.get(&key("session/1/log/00000000000000000000")).await.unwrap().is_some());
        part.restore("", Vec::new()).await.unwrap();
        let left: Vec<_> = memory.snapshot("").await.unwrap().into_iter().map(|(key, _)| key.to_string()).collect();
        assert_eq!(left, ["session/1", "session/10/a", "session/2/a"]);
        assert!(matches!(part.get(&key(&"k".repeat(510))).await, Err(MemoryError::Key(_))), "too long with the prefix");
    }
}
