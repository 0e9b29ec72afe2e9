//! Memory that counts what it is asked for.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use skreaver_memory::{Durability, Entry, Keep, Key, Memory, MemoryError, Scan, Search, Transaction, Verdict};

use crate::metrics::{MemoryOp, Metrics};

/// Counts, and passes on.
pub(super) struct Metered {
    pub(super) memory: Arc<dyn Memory>,
    pub(super) metrics: Arc<Metrics>,
}

#[async_trait]
impl Memory for Metered {
    async fn get(&self, key: &Key) -> Result<Option<Bytes>, MemoryError> {
        self.metrics.memory(MemoryOp::Get);
        self.memory.get(key).await
    }

    async fn scan(&self, scan: &Scan) -> Result<Vec<Entry>, MemoryError> {
        self.metrics.memory(MemoryOp::Scan);
        self.memory.scan(scan).await
    }

    async fn commit(&self, transactions: &[Transaction], keep: Keep) -> Result<Vec<Verdict>, MemoryError> {
        self.metrics.memory(MemoryOp::Commit);
        self.memory.commit(transactions, keep).await
    }

    async fn search(&self, search: &Search) -> Result<Vec<Entry>, MemoryError> {
        self.metrics.memory(MemoryOp::Search);
        self.memory.search(search).await
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
}
