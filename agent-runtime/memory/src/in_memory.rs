//! Memory in the process, gone with it.

use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use async_trait::async_trait;
use bytes::Bytes;

use crate::ordered::{Deadline, Ordered};
use crate::{Check, Durability, Entry, Keep, Key, Memory, MemoryError, Op, Scan, Transaction, Verdict};

/// Memory in the process, gone with it. Every handle is a namespace of its own.
#[derive(Debug)]
pub struct InMemory {
    state: RwLock<State>,
    limit: usize,
}

#[derive(Debug)]
struct State {
    entries: Ordered<Bytes>,
    /// Of all keys and values.
    bytes: usize,
}

/// What stood in the place of a write, so that it can be taken back.
type Undo = Vec<(Key, Option<(Bytes, Option<Deadline>)>)>;

impl Default for InMemory {
    fn default() -> Self {
        Self::bounded(usize::MAX)
    }
}

impl InMemory {
    /// Without a bound.
    pub fn new() -> Self {
        Self::default()
    }

    /// Refuses to grow beyond this many bytes of keys and values.
    pub fn bounded(bytes: usize) -> Self {
        Self { state: RwLock::new(State { entries: Ordered::new(), bytes: 0 }), limit: bytes }
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn full(&self) -> MemoryError {
        MemoryError::Full { what: "memory in the process".into(), source: format!("its bound is {} bytes", self.limit).into() }
    }
}

#[async_trait]
impl Memory for InMemory {
    async fn get(&self, key: &Key) -> Result<Option<Bytes>, MemoryError> {
        Ok(self.read().entries.get(key).cloned())
    }

    async fn scan(&self, scan: &Scan) -> Result<Vec<Entry>, MemoryError> {
        Ok(self.read().entries.scan(scan).into_iter().map(|(key, value)| (key.clone(), value.clone())).collect())
    }

    async fn commit(&self, transactions: &[Transaction], _: Keep) -> Result<Vec<Verdict>, MemoryError> {
        transactions.iter().try_for_each(Transaction::fits)?;
        let mut state = self.write();
        state.purge();
        let before = state.bytes;
        let mut undo = Undo::new();
        let verdicts = transactions.iter().map(|transaction| state.apply(transaction, &mut undo)).collect();
        // Deleting is always allowed, even where the bound was lowered.
        if state.bytes > self.limit && state.bytes > before {
            state.take_back(undo);
            return Err(self.full());
        }
        Ok(verdicts)
    }

    async fn health(&self) -> Result<(), MemoryError> {
        Ok(())
    }

    fn strongest(&self) -> Durability {
        Durability::Ephemeral
    }

    fn is_shared(&self) -> bool {
        false
    }

    // As `commit`, without what only transactions need: this is the path that is measured.
    async fn put(&self, key: Key, value: Bytes) -> Result<(), MemoryError> {
        crate::transaction::fits(&value)?;
        let mut state = self.write();
        if self.limit == usize::MAX {
            state.put(key, value, None);
            return Ok(());
        }
        drop(state);
        self.batch(vec![Op::put(key, value)]).await
    }

    async fn delete(&self, key: &Key) -> Result<bool, MemoryError> {
        let mut state = self.write();
        state.purge();
        Ok(state.remove(key).is_some())
    }
}

impl State {
    fn apply(&mut self, Transaction { checks, ops }: &Transaction, undo: &mut Undo) -> Verdict {
        let holds = |check: &Check| match check {
            Check::Absent { key } => self.entries.get(key).is_none(),
            Check::Equals { key, value } => self.entries.get(key) == Some(value),
        };
        if let Some(check) = checks.iter().position(|check| !holds(check)) {
            return Verdict::Refused { check };
        }
        for op in ops {
            match op {
                Op::Put { key, value, ttl } => {
                    let old = self.put(key.clone(), value.clone(), ttl.and_then(Deadline::after));
                    undo.push((key.clone(), old));
                }
                Op::Delete { key } => undo.push((key.clone(), self.remove(key))),
                Op::DeleteAll { prefix } => {
                    for key in self.entries.below(prefix) {
                        let old = self.remove(&key);
                        undo.push((key, old));
                    }
                }
            }
        }
        Verdict::Written
    }

    fn take_back(&mut self, undo: Undo) {
        for (key, old) in undo.into_iter().rev() {
            match old {
                Some((value, deadline)) => drop(self.put(key, value, deadline)),
                None => drop(self.remove(&key)),
            }
        }
    }

    fn put(&mut self, key: Key, value: Bytes, deadline: Option<Deadline>) -> Option<(Bytes, Option<Deadline>)> {
        let (key_size, size) = (key.as_str().len(), value.len());
        let old = self.entries.put(key, value, deadline);
        self.bytes += size;
        match &old {
            Some((old, _)) => self.bytes -= old.len(),
            None => self.bytes += key_size,
        }
        old
    }

    fn remove(&mut self, key: &Key) -> Option<(Bytes, Option<Deadline>)> {
        let old = self.entries.remove(key)?;
        self.bytes -= key.as_str().len() + old.0.len();
        Some(old)
    }

    fn purge(&mut self) {
        for (key, value) in self.entries.purge() {
            self.bytes -= key.as_str().len() + value.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> Key {
        Key::parse(text).unwrap()
    }

    #[tokio::test]
    async fn a_full_memory_refuses_and_loses_nothing() {
        let memory = InMemory::bounded(10);
        memory.put(key("a"), "1234".into()).await.unwrap();
        memory.put(key("b"), "1234".into()).await.unwrap();
        let ops = vec![Op::DeleteAll { prefix: "a".into() }, Op::put(key("b"), "12"), Op::put(key("c"), "12345678")];
        let refused = memory.batch(ops).await.unwrap_err();
        assert!(matches!(refused, MemoryError::Full { .. }), "{refused}");
        assert_eq!(memory.snapshot("").await.unwrap(), [(key("a"), "1234".into()), (key("b"), "1234".into())]);
        memory.batch(vec![Op::Delete { key: key("a") }, Op::put(key("c"), "1234")]).await.unwrap();
        assert!(memory.put(key("d"), "".into()).await.is_err());
        memory.put(key("c"), "".into()).await.unwrap();
        memory.put(key("d"), "123".into()).await.unwrap();
    }
}
