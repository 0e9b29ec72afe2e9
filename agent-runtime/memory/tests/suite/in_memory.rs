//! Memory in the process keeps the contract.

use std::sync::Arc;

use skreaver_memory::{InMemory, contract};

#[tokio::test]
async fn in_memory_keeps_the_contract() {
    contract::check(async |_| Arc::new(InMemory::new()) as _).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_memory_keeps_the_contract_on_several_threads_and_with_a_bound() {
    contract::check(async |_| Arc::new(InMemory::bounded(64 << 20)) as _).await;
}
