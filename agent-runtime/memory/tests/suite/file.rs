//! Memory in files keeps the contract on a real disk, and survives its process.

use std::path::Path;
use std::sync::Arc;

use skreaver_memory::file::SimulatedDisk;
use skreaver_memory::{FileMemory, Memory, MemoryError, contract};

async fn open(directory: &Path, namespace: &str) -> Arc<dyn Memory> {
    Arc::new(FileMemory::open(directory, namespace).await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn files_keep_the_contract() {
    let directory = tempfile::tempdir().unwrap();
    contract::check(async |namespace| open(directory.path(), namespace).await).await;
    contract::check_reopening(async |namespace| open(directory.path(), namespace).await).await;
}

/// On one thread, and with a compaction every few commits.
#[tokio::test]
async fn files_keep_the_contract_while_they_are_compacted() {
    contract::check(async |_| Arc::new(FileMemory::open_on(Arc::new(SimulatedDisk::new()), 0).unwrap()) as _).await;
    let disk = SimulatedDisk::new();
    contract::check_reopening(async |_| Arc::new(FileMemory::open_on(Arc::new(disk.clone()), 0).unwrap()) as _).await;
}

#[tokio::test]
async fn one_process_at_a_time_has_a_folder() {
    let directory = tempfile::tempdir().unwrap();
    let first = open(directory.path(), "quarry").await;
    let second = FileMemory::open(directory.path(), "quarry").await;
    assert!(matches!(second, Err(MemoryError::Locked { .. })));
    open(directory.path(), "other").await;
    drop(first);
    open(directory.path(), "quarry").await;
}

#[tokio::test]
async fn a_namespace_leads_nowhere_else() {
    let directory = tempfile::tempdir().unwrap();
    for bad in ["", "..", ".hidden", "a/b", "/etc", "a\0b"] {
        let refused = FileMemory::open(directory.path(), bad).await;
        assert!(matches!(refused, Err(MemoryError::Config { .. })), "{bad}");
    }
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_folder_that_cannot_be_is_a_sentence() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let Err(refused) = FileMemory::open(file.path(), "quarry").await else { panic!("a file is no folder") };
    assert!(matches!(refused, MemoryError::Config { .. }), "{refused:?}");
}
