//! Random work against a model: an ordered map that is obviously right.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::random::Random;
use super::{Handle, key};
use crate::{Check, Entry, Keep, Key, Op, Order, Scan, Transaction, Verdict};

/// Few keys, so that they meet; near each other, so that they can be taken for each other.
const KEYS: &[&str] = &["a", "a/", "a/b", "a/b/c", "a-b", "aa", "b", "b%", "b_", "b*", "ä", "ä/b", "z", "😀"];
const PREFIXES: &[&str] = &["", "a", "a/", "a/b", "b", "b%", "ä", "z/", "y", "😀"];
const SEEDS: u64 = 4;
const COMMITS: usize = 100;

/// What there should be.
pub(crate) type Model = BTreeMap<Key, Bytes>;

pub(super) async fn random_commits_and_scans_agree_with_a_map(memory: Handle) {
    for seed in 0..SEEDS {
        let mut random = Random::seeded(seed);
        let mut model: Model = memory.snapshot("").await.unwrap().into_iter().collect();
        for step in 0..COMMITS {
            let transactions = transactions(&mut random, &model);
            let expected: Vec<_> = transactions.iter().map(|transaction| apply(&mut model, transaction)).collect();
            let verdicts = memory.commit(&transactions, Keep::Written).await.unwrap();
            assert_eq!(verdicts, expected, "seed {seed}, step {step}: {transactions:?}");
            let scan = scan(&mut random);
            assert_eq!(memory.scan(&scan).await.unwrap(), read(&model, &scan), "seed {seed}, step {step}: {scan:?}");
            let name = key(random.pick(KEYS));
            assert_eq!(memory.get(&name).await.unwrap().as_ref(), model.get(&name), "seed {seed}, step {step}: {name}");
        }
    }
}

pub(super) async fn survives_reopening(open: &impl AsyncFn(&str) -> Handle) {
    let mut model = Model::new();
    let mut random = Random::seeded(7);
    for round in 0..5 {
        let memory = open("reopened").await;
        let found: Model = memory.snapshot("").await.unwrap().into_iter().collect();
        assert_eq!(found, model, "round {round}");
        for _ in 0..20 {
            let transactions = transactions(&mut random, &model);
            let verdicts = memory.commit(&transactions, Keep::Buffered).await.unwrap();
            let expected: Vec<_> = transactions.iter().map(|transaction| apply(&mut model, transaction)).collect();
            assert_eq!(verdicts, expected, "round {round}");
        }
    }
}

/// A few transactions with a few checks, most of which hold.
pub(crate) fn transactions(random: &mut Random, model: &Model) -> Vec<Transaction> {
    let one = |random: &mut Random| Transaction {
        checks: (0..random.below(3)).map(|_| check(random, model)).collect(),
        ops: (0..random.below(4)).map(|_| op(random)).collect(),
    };
    (0..random.below(4)).map(|_| one(random)).collect()
}

fn check(random: &mut Random, model: &Model) -> Check {
    let key = key(random.pick(KEYS));
    match model.get(&key) {
        _ if random.below(6) == 0 => Check::Equals { key, value: value(random) },
        _ if random.below(6) == 0 => Check::Absent { key },
        Some(value) => Check::Equals { key, value: value.clone() },
        None => Check::Absent { key },
    }
}

fn op(random: &mut Random) -> Op {
    match random.below(10) {
        0 => Op::DeleteAll { prefix: random.pick(&PREFIXES[1..]).to_owned() },
        1 | 2 => Op::Delete { key: key(random.pick(KEYS)) },
        // An hour is for ever here.
        3 => Op::Put { key: key(random.pick(KEYS)), value: value(random), ttl: Some(std::time::Duration::from_secs(3600)) },
        _ => Op::put(key(random.pick(KEYS)), value(random)),
    }
}

fn value(random: &mut Random) -> Bytes {
    let length = random.below(40);
    (0..length).map(|_| random.next() as u8).collect()
}

fn scan(random: &mut Random) -> Scan {
    Scan {
        prefix: random.pick(PREFIXES).to_owned(),
        after: (random.below(2) == 0).then(|| key(random.pick(KEYS))),
        order: if random.below(2) == 0 { Order::Ascending } else { Order::Descending },
        limit: random.below(8),
    }
}

/// Writes to the model.
pub(crate) fn apply(model: &mut Model, Transaction { checks, ops }: &Transaction) -> Verdict {
    let holds = |check: &Check| match check {
        Check::Absent { key } => !model.contains_key(key),
        Check::Equals { key, value } => model.get(key) == Some(value),
    };
    if let Some(check) = checks.iter().position(|check| !holds(check)) {
        return Verdict::Refused { check };
    }
    for op in ops {
        match op {
            Op::Put { key, value, ttl: _ } => drop(model.insert(key.clone(), value.clone())),
            Op::Delete { key } => drop(model.remove(key)),
            Op::DeleteAll { prefix } => model.retain(|key, _| !key.as_str().starts_with(prefix.as_str())),
        }
    }
    Verdict::Written
}

/// Reads from the model.
fn read(model: &Model, Scan { prefix, after, order, limit }: &Scan) -> Vec<Entry> {
    let mut entries: Vec<_> = model.clone().into_iter().filter(|(key, _)| key.as_str().starts_with(prefix.as_str())).collect();
    if *order == Order::Descending {
        entries.reverse();
    }
    let beyond = |key: &Key| match (after, order) {
        (None, _) => true,
        (Some(after), Order::Ascending) => key > after,
        (Some(after), Order::Descending) => key < after,
    };
    entries.retain(|(key, _)| beyond(key));
    entries.truncate(*limit);
    entries
}
