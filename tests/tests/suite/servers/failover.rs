//! A Redis that has replicas goes on without its master, and while data moves; the handle finds it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use skreaver_memory::{Check, Keep, Memory, Op, Transaction, Verdict};
use skreaver_tests::servers::{RedisCluster, RedisServer};
use skreaver_tests::until;

use super::{DURABLE, Handle, handle, key, redis, value};

/// Writes until a replica is the master, and reads what was there before and after.
async fn goes_on(memory: &dyn Memory) {
    until("a replica to be the master", async || memory.put(key("after"), value("2")).await.ok()).await;
    assert_eq!(memory.get(&key("before")).await.unwrap(), Some(value("1")));
    assert_eq!(memory.get(&key("after")).await.unwrap(), Some(value("2")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_goes_on_without_a_master() {
    let mut cluster = RedisCluster::start().unwrap();
    let memory = redis(&cluster.url(), "slate").await.unwrap();
    // The second namespace lies on another master: nothing happens to it.
    let other = redis(&cluster.url(), "granite").await.unwrap();
    for memory in [&memory, &other] {
        memory.put(key("before"), value("1")).await.unwrap();
    }
    cluster.master_of("{skreaver:slate}:values").unwrap().kill();
    goes_on(&memory).await;
    other.put(key("after"), value("2")).await.unwrap();
    goes_on(&redis(&cluster.url(), "slate").await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sentinels_lead_to_the_new_master() {
    let mut primary = RedisServer::start(&DURABLE).unwrap();
    let replica = format!("replicaof 127.0.0.1 {}", primary.port);
    let replica = RedisServer::start(&[&DURABLE[..], &[replica.as_str()]].concat()).unwrap();
    until("the replica to follow", async || replica.cli(&["INFO", "replication"]).ok()?.contains("link_status:up").then_some(()))
        .await;
    let sentinel = primary.watch().unwrap();
    until("the Sentinel to know the replica", async || {
        sentinel.cli(&["SENTINEL", "REPLICAS", "slate"]).ok()?.contains(&replica.port.to_string()).then_some(())
    })
    .await;
    let memory = redis(&sentinel.url(), "slate").await.unwrap();
    memory.put(key("before"), value("1")).await.unwrap();
    until("the replica to have it", async || {
        (replica.cli(&["HGET", "{skreaver:slate}:values", "before"]).ok()? == "1").then_some(())
    })
    .await;
    primary.kill();
    goes_on(&memory).await;
}

/// Counts in steps of one, each checked against the one before, until it is told to stop.
async fn count(memory: Handle, stop: Arc<AtomicBool>) -> u64 {
    let mut counted = 0;
    while !stop.load(Ordering::Relaxed) {
        let checks = vec![Check::Equals { key: key("counter"), value: value(&counted.to_string()) }];
        let next = Transaction { checks, ops: vec![Op::put(key("counter"), (counted + 1).to_string())] };
        assert_eq!(memory.commit(&[next], Keep::Durable).await.unwrap(), [Verdict::Written], "after {counted}");
        counted += 1;
    }
    counted
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_that_moves_loses_nothing() {
    let mut cluster = RedisCluster::start().unwrap();
    let memory = handle(redis(&cluster.url(), "slate").await.unwrap());
    // With all three of its keys: one of them expires much later.
    let ttl = Some(std::time::Duration::from_secs(600));
    memory.batch(vec![Op::put(key("counter"), "0"), Op::Put { key: key("lease"), value: value("1"), ttl }]).await.unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let counting = tokio::spawn(count(Arc::clone(&memory), Arc::clone(&stop)));
    cluster.move_slot_of("{skreaver:slate}:values").unwrap();
    let before = memory.get(&key("counter")).await.unwrap().unwrap();
    until("it to count on", async || (memory.get(&key("counter")).await.unwrap()? != before).then_some(())).await;
    stop.store(true, Ordering::Relaxed);
    let counted = counting.await.unwrap();
    assert_eq!(memory.get(&key("counter")).await.unwrap(), Some(value(&counted.to_string())));
}
