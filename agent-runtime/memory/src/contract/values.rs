//! Cases about single values, batches and snapshots.

use bytes::Bytes;

use super::{Handle, entry, key, keys, put_all};
use crate::{Keep, MemoryError, Op, Scan, Transaction, VALUE_LIMIT};

pub(super) async fn what_is_put_is_got_until_it_is_deleted(memory: Handle) {
    let name = key("session/42");
    assert_eq!(memory.get(&name).await.unwrap(), None);
    for value in ["one", "two", "a longer one"] {
        memory.put(name.clone(), value.into()).await.unwrap();
        assert_eq!(memory.get(&name).await.unwrap(), Some(value.into()));
    }
    assert!(memory.delete(&name).await.unwrap(), "it was there");
    assert_eq!(memory.get(&name).await.unwrap(), None);
    assert!(!memory.delete(&name).await.unwrap(), "it was not there any more");
}

pub(super) async fn values_are_any_bytes(memory: Handle) {
    let binary: Vec<u8> = (0..=255).collect();
    for value in [Vec::new(), vec![0], vec![0xff, 0xfe], b"\"quoted\\".to_vec(), binary] {
        memory.put(key("any"), value.clone().into()).await.unwrap();
        assert_eq!(memory.get(&key("any")).await.unwrap(), Some(value.into()));
    }
}

pub(super) async fn large_values_are_kept(memory: Handle) {
    for (name, size) in [("mebibyte", 1 << 20), ("at the limit", VALUE_LIMIT)] {
        let value: Bytes = (0..size).map(|at| (at % 251) as u8).collect();
        memory.put(key(name), value.clone()).await.unwrap();
        assert!(memory.get(&key(name)).await.unwrap() == Some(value), "a value of {size} bytes comes back as another one");
    }
}

pub(super) async fn a_value_over_the_limit_is_refused_and_nothing_written(memory: Handle) {
    let small = Transaction { checks: Vec::new(), ops: vec![Op::put(key("small"), "1")] };
    let large = Transaction { checks: Vec::new(), ops: vec![Op::put(key("large"), vec![0; VALUE_LIMIT + 1])] };
    let refused = memory.commit(&[small, large.clone()], Keep::Buffered).await;
    assert!(matches!(refused, Err(MemoryError::TooLarge { size }) if size == VALUE_LIMIT + 1), "{refused:?}");
    let refused = memory.put(key("large"), vec![0; VALUE_LIMIT + 1].into()).await;
    assert!(matches!(refused, Err(MemoryError::TooLarge { .. })), "{refused:?}");
    assert_eq!(keys(&memory, Scan::prefix("", 10)).await, [""; 0]);
}

pub(super) async fn it_is_healthy(memory: Handle) {
    memory.health().await.unwrap();
}

pub(super) async fn a_batch_is_written_whole(memory: Handle) {
    put_all(&memory, &["a", "b"]).await;
    memory.batch(vec![Op::put(key("c"), "3"), Op::Delete { key: key("a") }, Op::Delete { key: key("none") }]).await.unwrap();
    assert_eq!(memory.scan(&Scan::prefix("", 10)).await.unwrap(), [entry("b", "b"), entry("c", "3")]);
    memory.batch(Vec::new()).await.unwrap();
}

pub(super) async fn a_snapshot_is_restored_exactly(memory: Handle) {
    put_all(&memory, &["kept", "session/1", "session/2", "session0"]).await;
    let snapshot = memory.snapshot("session/").await.unwrap();
    assert_eq!(snapshot, [entry("session/1", "session/1"), entry("session/2", "session/2")]);
    put_all(&memory, &["session/3"]).await;
    memory.put(key("session/1"), "changed".into()).await.unwrap();
    memory.delete(&key("session/2")).await.unwrap();
    memory.restore("session/", snapshot.clone()).await.unwrap();
    assert_eq!(memory.snapshot("session/").await.unwrap(), snapshot);
    assert_eq!(keys(&memory, Scan::prefix("", 10)).await, ["kept", "session/1", "session/2", "session0"]);
    memory.restore("", Vec::new()).await.unwrap();
    assert_eq!(memory.snapshot("").await.unwrap(), []);
}

pub(super) async fn namespaces_do_not_see_each_other(one: Handle, other: Handle) {
    put_all(&one, &["a", "-2", "-2/a", "2/a"]).await;
    assert_eq!(memory_keys(&other).await, [""; 0]);
    other.put(key("a"), "of the other".into()).await.unwrap();
    assert_eq!(one.get(&key("a")).await.unwrap(), Some("a".into()));
    other.batch(vec![Op::DeleteAll { prefix: String::new() }]).await.unwrap();
    assert_eq!(memory_keys(&one).await, ["-2", "-2/a", "2/a", "a"]);
    put_all(&other, &["b"]).await;
    one.batch(vec![Op::DeleteAll { prefix: String::new() }]).await.unwrap();
    assert_eq!(memory_keys(&other).await, ["b"]);
}

async fn memory_keys(memory: &Handle) -> Vec<String> {
    keys(memory, Scan::prefix("", 100)).await
}
