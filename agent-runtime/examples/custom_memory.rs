//! A backend of memory of one's own: a map behind a lock. It passes the contract that every backend passes. Run that with
//! `cargo run --package skreaver --features testing --example custom_memory`, or as the test below.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use async_trait::async_trait;
use bytes::Bytes;
use skreaver::Memory;
use skreaver::memory::{
    Check, Durability, Entry, Keep, Key, MemoryError, Op, Order, Scan, Transaction, VALUE_LIMIT, Verdict, contract,
};

/// What is kept, and when it is over, if ever.
type Map = BTreeMap<Key, (Bytes, Option<Instant>)>;

/// A map behind a lock. Every handle is a namespace of its own, and gone with the process.
#[derive(Default)]
struct Shelf(Mutex<Map>);

impl Shelf {
    /// Looks at what is not over, under the lock: whatever is done with it is done at one moment.
    fn with<T>(&self, look: impl FnOnce(&mut Map) -> T) -> T {
        let mut map = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        map.retain(|_, (_, end)| end.is_none_or(|end| end > now));
        look(&mut map)
    }
}

fn holds(map: &Map, check: &Check) -> bool {
    match check {
        Check::Absent { key } => !map.contains_key(key),
        Check::Equals { key, value } => map.get(key).is_some_and(|(found, _)| found == value),
    }
}

fn write(map: &mut Map, op: &Op) {
    match op {
        // What ends at once was never there; what ends later than clocks go does not end.
        Op::Put { key, ttl: Some(ttl), .. } if ttl.is_zero() => drop(map.remove(key)),
        Op::Put { key, value, ttl } => {
            let end = ttl.and_then(|ttl| Instant::now().checked_add(ttl));
            map.insert(key.clone(), (value.clone(), end));
        }
        Op::Delete { key } => drop(map.remove(key)),
        Op::DeleteAll { prefix } => map.retain(|key, _| !key.as_str().starts_with(prefix)),
    }
}

fn apply(map: &mut Map, Transaction { checks, ops }: &Transaction) -> Verdict {
    if let Some(check) = checks.iter().position(|check| !holds(map, check)) {
        return Verdict::Refused { check };
    }
    ops.iter().for_each(|op| write(map, op));
    Verdict::Written
}

fn largest(transaction: &Transaction) -> usize {
    let size = |op: &Op| if let Op::Put { value, .. } = op { value.len() } else { 0 };
    transaction.ops.iter().map(size).max().unwrap_or_default()
}

#[async_trait]
impl Memory for Shelf {
    async fn get(&self, key: &Key) -> Result<Option<Bytes>, MemoryError> {
        Ok(self.with(|map| map.get(key).map(|(value, _)| value.clone())))
    }

    async fn scan(&self, Scan { prefix, after, order, limit }: &Scan) -> Result<Vec<Entry>, MemoryError> {
        let is_beyond = |key: &Key| match (after, order) {
            (None, _) => true,
            (Some(after), Order::Ascending) => key > after,
            (Some(after), Order::Descending) => key < after,
        };
        Ok(self.with(|map| {
            let found = map.iter().filter(|(key, _)| key.as_str().starts_with(prefix) && is_beyond(key));
            let entries = found.map(|(key, (value, _))| (key.clone(), value.clone()));
            match order {
                Order::Ascending => entries.take(*limit).collect(),
                Order::Descending => entries.rev().take(*limit).collect(),
            }
        }))
    }

    async fn commit(&self, transactions: &[Transaction], _: Keep) -> Result<Vec<Verdict>, MemoryError> {
        if let Some(size) = transactions.iter().map(largest).find(|size| *size > VALUE_LIMIT) {
            return Err(MemoryError::TooLarge { size });
        }
        Ok(self.with(|map| transactions.iter().map(|transaction| apply(map, transaction)).collect()))
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
}

#[tokio::main]
async fn main() {
    contract::check(async |_namespace| Arc::new(Shelf::default()) as _).await;
    println!("the shelf keeps the contract");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn the_shelf_keeps_the_contract() {
        contract::check(async |_namespace| Arc::new(Shelf::default()) as _).await;
    }
}
