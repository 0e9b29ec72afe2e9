//! Servers killed under load: what was acknowledged is there, nothing is half a transaction, and the handle recovers by itself.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::future::join_all;
use skreaver_memory::{Check, Keep, MemoryError, Op, Transaction, Verdict};
use skreaver_tests::servers::{PostgresServer, RedisServer};
use skreaver_tests::until;

use super::{DURABLE, Handle, handle, key, postgres, redis};

const WRITERS: usize = 16;

fn rounds() -> usize {
    if std::env::var("SKREAVER_SOAK").is_ok_and(|soak| soak == "1") { 100 } else { 4 }
}

/// Writes pairs of keys until it is told to stop. Gives the numbers of those that were acknowledged.
async fn write(memory: Handle, round: usize, writer: usize, stop: Arc<AtomicBool>) -> Vec<String> {
    let mut acknowledged = Vec::new();
    for number in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let name = format!("{round}/{writer}/{number}");
        let (left, right) = (key(&format!("left/{name}")), key(&format!("right/{name}")));
        let checks = vec![Check::Absent { key: left.clone() }];
        let pair = Transaction { checks, ops: vec![Op::put(left, name.clone()), Op::put(right, vec![7; 512])] };
        match memory.commit(&[pair], Keep::Durable).await {
            Ok(verdicts) => {
                assert_eq!(verdicts, [Verdict::Written], "nobody else writes {name}");
                acknowledged.push(name);
            }
            // It may be written or not. The server is down for a while.
            Err(error) => {
                assert!(error.is_passing(), "{error:?}");
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }
    acknowledged
}

/// Starts the writers, kills the server under them and starts it again, and looks at what is there.
async fn survives(memory: Handle, mut crash: impl FnMut()) {
    let mut all = BTreeSet::new();
    for round in 0..rounds() {
        let stop = Arc::new(AtomicBool::new(false));
        let writers: Vec<_> =
            (0..WRITERS).map(|writer| tokio::spawn(write(memory.clone(), round, writer, stop.clone()))).collect();
        tokio::time::sleep(Duration::from_millis(200 + 37 * round as u64 % 300)).await;
        crash();
        stop.store(true, Ordering::Relaxed);
        let acknowledged: BTreeSet<_> = join_all(writers).await.into_iter().flat_map(|ended| ended.unwrap()).collect();
        assert!(!acknowledged.is_empty(), "nothing was written before the server was killed");
        until("the handle to work again", async || memory.health().await.ok()).await;
        is_kept(&memory, &format!("{round}/"), &acknowledged).await;
        all.extend(acknowledged);
    }
    is_kept(&memory, "", &all).await;
}

/// Whether all that was acknowledged is there, and nothing is half of a transaction.
async fn is_kept(memory: &Handle, prefix: &str, acknowledged: &BTreeSet<String>) {
    let side = async |side: &str| -> BTreeSet<String> {
        let entries = memory.snapshot(&format!("{side}{prefix}")).await.unwrap();
        entries.into_iter().map(|(key, _)| key.as_str().trim_start_matches(side).to_owned()).collect()
    };
    let (left, right) = (side("left/").await, side("right/").await);
    assert_eq!(left, right, "half of a transaction is there");
    let lost: Vec<_> = acknowledged.difference(&left).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_killed_under_load_loses_nothing_acknowledged() {
    let mut server = RedisServer::start(&DURABLE).unwrap();
    let memory = handle(redis(&server.url(), "slate").await.unwrap());
    survives(memory, || server.restart().unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_killed_under_load_loses_nothing_acknowledged() {
    let mut server = PostgresServer::start(&[]).unwrap();
    let memory = handle(postgres(&server, "slate").await.unwrap());
    survives(memory, || server.restart().unwrap()).await;
}

/// A handle at rest does not notice a restart: nothing fails after it.
async fn goes_on_after_a_rest(memory: Handle, restart: impl FnOnce()) {
    memory.put(key("a"), "1".into()).await.unwrap();
    restart();
    tokio::time::sleep(Duration::from_millis(1100)).await;
    memory.put(key("b"), "2".into()).await.unwrap();
    assert_eq!(memory.snapshot("").await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_restart_at_rest_costs_no_commit() {
    let mut server = PostgresServer::start(&[]).unwrap();
    goes_on_after_a_rest(handle(postgres(&server, "slate").await.unwrap()), || server.restart().unwrap()).await;
    let mut server = RedisServer::start(&DURABLE).unwrap();
    goes_on_after_a_rest(handle(redis(&server.url(), "slate").await.unwrap()), || server.restart().unwrap()).await;
}

/// A server that hangs is unavailable within seconds, and used again when it answers again.
async fn outlives_a_pause(memory: Handle, pause: impl FnOnce(), resume: impl FnOnce()) {
    memory.put(key("a"), "1".into()).await.unwrap();
    pause();
    let begin = std::time::Instant::now();
    let error = memory.health().await.unwrap_err();
    assert!(matches!(error, MemoryError::Unavailable { .. }), "{error:?}");
    assert!(begin.elapsed() < Duration::from_secs(5), "it is unhealthy after {:?}", begin.elapsed());
    resume();
    until("it to be healthy again", async || memory.health().await.ok()).await;
    memory.put(key("a"), "2".into()).await.unwrap();
}

#[tokio::test]
async fn a_server_that_hangs_is_unavailable_until_it_answers() {
    let server = PostgresServer::start(&[]).unwrap();
    let memory = handle(postgres(&server, "slate").await.unwrap());
    outlives_a_pause(memory, || server.pause(), || server.resume()).await;
    let server = RedisServer::start(&[]).unwrap();
    let memory = handle(redis(&server.url(), "slate").await.unwrap());
    outlives_a_pause(memory, || server.pause(), || server.resume()).await;
}
