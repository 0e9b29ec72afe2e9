//! Several handles, each with connections of its own, on one namespace.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use skreaver_memory::{Check, Keep, Memory, Op, Transaction, Verdict};
use skreaver_tests::servers::{PostgresServer, RedisServer};

use super::{Handle, handle, key, postgres, redis, value};

const INCREMENTS: usize = 100;

async fn handles_lose_no_increment(handles: &[Handle]) {
    handles[0].put(key("counter"), value("0")).await.unwrap();
    let counting = handles.iter().cloned().map(|memory| tokio::spawn(async move { count(memory.as_ref()).await }));
    join_all(counting).await.into_iter().for_each(|ended| ended.unwrap());
    let total = (handles.len() * INCREMENTS).to_string();
    assert_eq!(handles[0].get(&key("counter")).await.unwrap(), Some(value(&total)));
}

async fn count(memory: &dyn Memory) {
    let mut counted = 0;
    while counted < INCREMENTS {
        let seen = memory.get(&key("counter")).await.unwrap().unwrap();
        let next = std::str::from_utf8(&seen).unwrap().parse::<u64>().unwrap() + 1;
        let ops = vec![Op::put(key("counter"), next.to_string())];
        let set = Transaction { checks: vec![Check::Equals { key: key("counter"), value: seen }], ops };
        counted += usize::from(memory.commit(&[set], Keep::Written).await.unwrap() == [Verdict::Written]);
    }
}

/// Each takes a key that only one can have, a hundred times, and writes under a second key that it has it.
async fn one_handle_takes_each_lease(handles: &[Handle]) {
    for round in 0..100 {
        let take = |holder: usize| {
            let checks = vec![Check::Absent { key: key(&format!("lease/{round}")) }];
            let ops = vec![
                Op::put(key(&format!("lease/{round}")), holder.to_string()),
                Op::put(key(&format!("holder/{round}/{holder}")), ""),
            ];
            [Transaction { checks, ops }]
        };
        let takes = handles
            .iter()
            .enumerate()
            .map(async |(holder, memory)| memory.commit(&take(holder), Keep::Written).await.unwrap()[0]);
        let verdicts = join_all(takes).await;
        assert_eq!(verdicts.iter().filter(|verdict| **verdict == Verdict::Written).count(), 1, "round {round}");
    }
    let holders = handles[0].snapshot("holder/").await.unwrap();
    assert_eq!(holders.len(), 100);
}

/// Deletes a range, and writes two keys into it at the same time: they are there together or not at all.
async fn ranges_are_deleted_whole(handles: &[Handle]) {
    for round in 0..50 {
        let pair = [Op::put(key("pair/a"), round.to_string()), Op::put(key("pair/b"), round.to_string())];
        let write = handles[0].batch(pair.to_vec());
        let delete = handles[1].batch(vec![Op::DeleteAll { prefix: "pair/".into() }]);
        futures::future::try_join(write, delete).await.unwrap();
        let left = handles[0].snapshot("pair/").await.unwrap();
        assert!(left.is_empty() || left.len() == 2, "half of a pair is left: {left:?}");
    }
}

async fn all(handles: Vec<Handle>) {
    handles_lose_no_increment(&handles).await;
    one_handle_takes_each_lease(&handles).await;
    ranges_are_deleted_whole(&handles).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn handles_that_race_on_redis_lose_nothing() {
    let server = RedisServer::start(&[]).unwrap();
    let url = server.url();
    let opened = join_all((0..4).map(async |_| handle(redis(&url, "slate").await.unwrap()))).await;
    all(opened).await;
}

/// All have seen that it is missing before one of them makes it.
#[tokio::test(flavor = "multi_thread")]
async fn replicas_that_start_together_make_the_schema_once() {
    let server = Arc::new(PostgresServer::start(&[]).unwrap());
    let lock = i64::from_be_bytes(*b"skreaver");
    let held = format!("BEGIN; SELECT pg_advisory_xact_lock({lock}); SELECT pg_sleep(2); COMMIT");
    let holder = Arc::clone(&server);
    let holding = tokio::task::spawn_blocking(move || holder.sql(&held).unwrap());
    let is_held = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted";
    while server.sql(is_held).unwrap().trim() != "1" {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let opened = join_all((0..8).map(async |_| postgres(&server, "slate").await)).await;
    opened.into_iter().for_each(|memory| drop(memory.unwrap()));
    holding.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn handles_that_race_on_postgres_lose_nothing() {
    let server = PostgresServer::start(&[]).unwrap();
    let opened = join_all((0..4).map(async |_| handle(postgres(&server, "slate").await.unwrap()))).await;
    all(opened).await;
}
