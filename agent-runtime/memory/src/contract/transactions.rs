//! Cases about checks, the order of writes, and what is written together.

use super::{Handle, entry, key, keys, put_all};
use crate::{Check, Durability, Keep, Op, Scan, Transaction, Verdict};

const WRITTEN: Verdict = Verdict::Written;

pub(super) async fn nothing_is_a_transaction_too(memory: Handle) {
    assert_eq!(memory.commit(&[], Keep::Buffered).await.unwrap(), []);
    assert_eq!(memory.commit(&[Transaction::default()], Keep::Buffered).await.unwrap(), [WRITTEN]);
    let only_checks = [transaction([absent("a")], []), transaction([equals("a", "1")], [])];
    assert_eq!(memory.commit(&only_checks, Keep::Buffered).await.unwrap(), [WRITTEN, refused(0)]);
}

pub(super) async fn checks_hold_or_name_the_first_that_does_not(memory: Handle) {
    put_all(&memory, &["a", "empty"]).await;
    memory.put(key("empty"), "".into()).await.unwrap();
    let cases = [
        (vec![absent("b")], WRITTEN),
        (vec![absent("a")], refused(0)),
        (vec![equals("a", "a")], WRITTEN),
        (vec![equals("a", "A")], refused(0)),
        (vec![equals("a", "")], refused(0)),
        (vec![equals("a", "ab")], refused(0)),
        (vec![equals("b", "b")], refused(0)),
        (vec![equals("b", "")], refused(0)),
        (vec![equals("empty", "")], WRITTEN),
        (vec![absent("empty")], refused(0)),
        (vec![absent("b"), equals("a", "a"), absent("c")], WRITTEN),
        (vec![absent("b"), equals("a", "a"), absent("a"), equals("a", "x")], refused(2)),
    ];
    for (checks, expected) in cases {
        let verdicts = memory.commit(&[transaction(checks.clone(), [])], Keep::Buffered).await.unwrap();
        assert_eq!(verdicts, [expected], "{checks:?}");
    }
}

pub(super) async fn a_refused_transaction_writes_nothing_and_the_others_all(memory: Handle) {
    put_all(&memory, &["held"]).await;
    let all = Op::DeleteAll { prefix: String::new() };
    let transactions = [
        transaction([absent("one")], [Op::put(key("one"), "1"), Op::put(key("two"), "2")]),
        transaction([absent("three"), absent("held")], [Op::put(key("three"), "3"), all, Op::put(key("one"), "x")]),
        transaction([equals("held", "held")], [Op::put(key("four"), "4")]),
    ];
    assert_eq!(memory.commit(&transactions, Keep::Buffered).await.unwrap(), [WRITTEN, refused(1), WRITTEN]);
    let expected = [entry("four", "4"), entry("held", "held"), entry("one", "1"), entry("two", "2")];
    assert_eq!(memory.scan(&Scan::prefix("", 9)).await.unwrap(), expected);
}

pub(super) async fn later_transactions_see_earlier_ones(memory: Handle) {
    put_all(&memory, &["session/1", "session/2"]).await;
    let transactions = [
        transaction([absent("a")], [Op::put(key("a"), "1")]),
        transaction([absent("a")], [Op::put(key("a"), "x")]),
        transaction([equals("a", "1")], [Op::put(key("a"), "2")]),
        transaction([equals("a", "2"), equals("session/1", "session/1")], [Op::Delete { key: key("a") }]),
        transaction([absent("a")], [Op::DeleteAll { prefix: "session/".into() }]),
        transaction([absent("session/1"), absent("session/2")], [Op::put(key("session/2"), "2")]),
        transaction([equals("session/2", "2"), absent("session/1")], [Op::put(key("end"), "1")]),
    ];
    let verdicts = memory.commit(&transactions, Keep::Buffered).await.unwrap();
    assert_eq!(verdicts, [WRITTEN, refused(0), WRITTEN, WRITTEN, WRITTEN, WRITTEN, WRITTEN]);
    assert_eq!(memory.scan(&Scan::prefix("", 9)).await.unwrap(), [entry("end", "1"), entry("session/2", "2")]);
}

pub(super) async fn writes_of_a_transaction_are_in_order(memory: Handle) {
    put_all(&memory, &["a", "b", "log/1", "log/2"]).await;
    let all = Op::DeleteAll { prefix: "log/".into() };
    let ops = [
        Op::Delete { key: key("a") },
        Op::put(key("a"), "again"),
        Op::put(key("b"), "for nothing"),
        Op::Delete { key: key("b") },
        Op::put(key("log/3"), "for nothing"),
        all,
        Op::put(key("log/1"), "first"),
        Op::put(key("log/1"), "second"),
    ];
    assert_eq!(memory.commit(&[transaction([], ops)], Keep::Buffered).await.unwrap(), [WRITTEN]);
    assert_eq!(memory.scan(&Scan::prefix("", 9)).await.unwrap(), [entry("a", "again"), entry("log/1", "second")]);
}

pub(super) async fn delete_all_ends_at_its_prefix(memory: Handle) {
    let all = ["a", "a%/1", "a%b/1", "a/", "a/1", "a0", "a_/1", "ab/1", "b"];
    for (prefix, left) in [
        ("a/", vec!["a", "a%/1", "a%b/1", "a0", "a_/1", "ab/1", "b"]),
        ("a%", vec!["a", "a/", "a/1", "a0", "a_/1", "ab/1", "b"]),
        ("a_", vec!["a", "a%/1", "a%b/1", "a/", "a/1", "a0", "ab/1", "b"]),
        ("c", all.to_vec()),
        ("a\0", all.to_vec()),
        ("a", vec!["b"]),
        ("", vec![]),
    ] {
        put_all(&memory, &all).await;
        memory.batch(vec![Op::DeleteAll { prefix: prefix.into() }]).await.unwrap();
        assert_eq!(keys(&memory, Scan::prefix("", 99)).await, left, "prefix `{prefix}`");
    }
}

pub(super) async fn every_class_is_written(memory: Handle) {
    let strongest = match memory.strongest() {
        Durability::Ephemeral | Durability::Buffered => Keep::Buffered,
        Durability::Durable => Keep::Durable,
    };
    for keep in [Keep::Written, Keep::Buffered, Keep::Durable].into_iter().filter(|keep| *keep <= strongest) {
        let name = key(&format!("{keep:?}"));
        let put = transaction([absent(name.as_str())], [Op::put(name.clone(), "1")]);
        assert_eq!(memory.commit(&[put.clone(), put], keep).await.unwrap(), [WRITTEN, refused(0)], "{keep:?}");
        assert_eq!(memory.get(&name).await.unwrap(), Some("1".into()));
    }
}

fn transaction(checks: impl Into<Vec<Check>>, ops: impl Into<Vec<Op>>) -> Transaction {
    Transaction { checks: checks.into(), ops: ops.into() }
}

fn absent(name: &str) -> Check {
    Check::Absent { key: key(name) }
}

fn equals(name: &str, value: &'static str) -> Check {
    Check::Equals { key: key(name), value: value.into() }
}

fn refused(check: usize) -> Verdict {
    Verdict::Refused { check }
}
