//! Databases that are full, newer, damaged, or no databases.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use super::SqliteMemory;
use crate::{Keep, Key, Memory, MemoryError, Op, Search, Transaction};

fn key(text: &str) -> Key {
    Key::parse(text).unwrap()
}

async fn refused(file: &Path) -> MemoryError {
    SqliteMemory::open(file, "quarry").await.err().unwrap()
}

async fn execute(memory: &SqliteMemory, sql: &'static str) {
    let mut writer = memory.database.writer.lock().await;
    // A connection whose write failed is replaced before the next one, and the new one knows nothing of what was set.
    memory.database.mend(&mut writer).await.unwrap();
    sqlx::query(sql).execute(&mut writer.connection).await.unwrap();
}

#[tokio::test]
async fn a_full_database_refuses_and_loses_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let memory = SqliteMemory::open(&directory.path().join("memory.db"), "quarry").await.unwrap();
    memory.put(key("note/1"), "kept".into()).await.unwrap();
    let large =
        vec![Op::put(key("note/2"), "small"), Op::put(key("note/3"), vec![b'x'; 1 << 20]), Op::Delete { key: key("note/1") }];
    for keep in [Keep::Written, Keep::Durable] {
        execute(&memory, "PRAGMA max_page_count = 40").await;
        let whole = Transaction { checks: Vec::new(), ops: large.clone() };
        let full = memory.commit(&[whole], keep).await.unwrap_err();
        assert!(matches!(full, MemoryError::Full { .. }), "{full:?}");
        execute(&memory, "PRAGMA max_page_count = 40").await;
        let full = memory.put(key("large"), vec![0; 1 << 20].into()).await.unwrap_err();
        assert!(matches!(full, MemoryError::Full { .. }), "{full:?}");
    }
    assert_eq!(memory.snapshot("").await.unwrap(), [(key("note/1"), "kept".into())]);
    memory.put(key("small"), "fits".into()).await.unwrap();
    execute(&memory, "PRAGMA max_page_count = 10000").await;
    memory.batch(large).await.unwrap();
    assert_eq!(memory.snapshot("").await.unwrap().len(), 3);
}

#[tokio::test]
async fn a_newer_schema_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("memory.db");
    let memory = SqliteMemory::open(&file, "quarry").await.unwrap();
    memory.put(key("a"), "1".into()).await.unwrap();
    execute(&memory, "PRAGMA user_version = 7").await;
    drop(memory);
    let newer = refused(&file).await;
    assert!(matches!(newer, MemoryError::NewerSchema { found: 7, known: 1, .. }), "{newer:?}");
}

#[tokio::test]
async fn what_is_no_database_is_said_to_be_none() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("memory.db");
    std::fs::write(&file, "notes of a human, by no means a database".repeat(100)).unwrap();
    let corrupt = refused(&file).await;
    assert!(matches!(corrupt, MemoryError::Corrupt { .. }), "{corrupt:?}");
    assert!(std::fs::read_to_string(&file).unwrap().starts_with("notes of a human"));
    let folder = refused(directory.path()).await;
    assert!(matches!(folder, MemoryError::Config { .. }), "{folder:?}");
    let below = refused(&file.join("memory.db")).await;
    assert!(matches!(below, MemoryError::Config { .. }), "{below:?}");
}

#[tokio::test]
async fn another_process_keeps_us_out() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("memory.db");
    let lock = std::fs::File::create(directory.path().join("memory.db.lock")).unwrap();
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive).unwrap();
    let locked = refused(&file).await;
    assert!(matches!(locked, MemoryError::Locked { .. }), "{locked:?}");
    drop(lock);
    SqliteMemory::open(&file, "quarry").await.unwrap();
}

#[tokio::test]
async fn expired_rows_are_removed_with_their_words() {
    let directory = tempfile::tempdir().unwrap();
    let memory = SqliteMemory::open(&directory.path().join("memory.db"), "quarry").await.unwrap();
    let expired = Op::Put { key: key("note/1"), value: "windmill".into(), ttl: Some(std::time::Duration::ZERO) };
    memory.batch(vec![expired]).await.unwrap();
    memory.database.writer.lock().await.purged -= super::PURGE * 2;
    memory.put(key("a"), "1".into()).await.unwrap();
    let mut writer = memory.database.writer.lock().await;
    for (count, expected) in [("SELECT count(*) FROM memory", 1), ("SELECT count(*) FROM note", 0)] {
        assert_eq!(sqlx::query_scalar::<_, i64>(count).fetch_one(&mut writer.connection).await.unwrap(), expected, "{count}");
    }
}

#[tokio::test]
async fn search_ranks_by_the_rarity_of_words() {
    let directory = tempfile::tempdir().unwrap();
    let memory = SqliteMemory::open(&directory.path().join("memory.db"), "quarry").await.unwrap();
    for number in 0..20 {
        memory.put(key(&format!("note/common/{number}")), "the harbour is open".into()).await.unwrap();
    }
    memory.put(key("note/rare"), "the lighthouse is open".into()).await.unwrap();
    let search = Search { prefix: "note/".into(), words: "open lighthouse".into(), limit: 3 };
    assert_eq!(memory.search(&search).await.unwrap()[0].0, key("note/rare"));
    let search = Search { prefix: "note/common/1".into(), words: "harbour".into(), limit: 99 };
    assert_eq!(memory.search(&search).await.unwrap().len(), 11);
}
