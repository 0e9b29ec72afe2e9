//! Memory in SQLite keeps the contract.

use std::path::Path;
use std::sync::Arc;

use skreaver_memory::{Memory, SqliteMemory, contract};

async fn open(file: &Path, namespace: &str) -> Arc<dyn Memory> {
    Arc::new(SqliteMemory::open(file, namespace).await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_keeps_the_contract_with_all_namespaces_in_one_file() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("memory.db");
    contract::check(async |namespace| open(&file, namespace).await).await;
    contract::check_reopening(async |namespace| open(&file, namespace).await).await;
}

#[tokio::test]
async fn sqlite_keeps_the_contract_on_one_thread() {
    let directory = tempfile::tempdir().unwrap();
    contract::check(async |namespace| open(&directory.path().join(namespace), namespace).await).await;
}
