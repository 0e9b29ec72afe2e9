//! What has expired takes no room for ever: who writes clears some of it away.

use std::time::Duration;

use skreaver_memory::{Memory, Op};
use skreaver_tests::servers::{PostgresServer, RedisServer};
use skreaver_tests::until;

use super::{key, postgres, redis};

/// Leaves a hundred entries that expire at once beside one that stays.
async fn litter(memory: &dyn Memory) {
    let ttl = Some(Duration::from_millis(1));
    let put = |number: u32| Op::Put { key: key(&format!("lease/{number}")), value: vec![7; 64].into(), ttl };
    memory.batch((0..100).map(put).chain([Op::put(key("stays"), "1")]).collect()).await.unwrap();
}

/// Takes a lease, as runs do all the time.
async fn write(memory: &dyn Memory) {
    let ttl = Some(Duration::from_secs(600));
    memory.batch(vec![Op::Put { key: key("lease"), value: "1".into(), ttl }]).await.unwrap();
}

#[tokio::test]
async fn postgres_is_cleared_by_writes() {
    let server = PostgresServer::start(&[]).unwrap();
    let memory = postgres(&server, "slate").await.unwrap();
    litter(&memory).await;
    until("only two rows to be left", async || {
        write(&memory).await;
        (server.sql("SELECT count(*) FROM skreaver.entries").unwrap() == "2").then_some(())
    })
    .await;
}

#[tokio::test]
async fn redis_is_cleared_by_writes() {
    let server = RedisServer::start(&[]).unwrap();
    let memory = redis(&server.url(), "slate").await.unwrap();
    litter(&memory).await;
    until("only two entries to be left", async || {
        write(&memory).await;
        let count = |command: &str, kind: &str| server.cli(&[command, &format!("{{skreaver:slate}}:{kind}")]).unwrap();
        (count("HLEN", "values") == "2" && count("ZCARD", "keys") == "2" && count("ZCARD", "expiry") == "1").then_some(())
    })
    .await;
}
