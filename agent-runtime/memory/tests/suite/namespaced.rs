//! A part of a memory keeps the contract like a whole one.

use std::sync::Arc;

use skreaver_memory::{InMemory, Memory, Namespaced, contract};

#[tokio::test]
async fn parts_of_one_memory_keep_the_contract() {
    let whole: Arc<dyn Memory> = Arc::new(InMemory::new());
    contract::check(async |namespace| Arc::new(Namespaced::new(Arc::clone(&whole), format!("{namespace}/"))) as _).await;
    contract::check_reopening(async |name| Arc::new(Namespaced::new(Arc::clone(&whole), format!("{name}/"))) as _).await;
}
