//! Runs outlive their process with a server as their memory: the next life takes them up, or a process beside it.

use std::time::Duration;

use skreaver_tests::servers::{PostgresServer, RedisServer};

use super::DURABLE;
use crate::deaths::{Companions, Process, all, survive};

/// Leases that hold less long than in earnest, so that hundreds of deaths take minutes; longer than they are renewed after.
const LEASE: Duration = Duration::from_secs(6);

/// Every second process has another one beside it. One with it and one without wait for leases as they are.
async fn nothing_is_lost(what: &str, at_once: usize, url: &str) {
    all(what, at_once, |case| async move {
        let companions = if (case.seed + case.point as u64).is_multiple_of(2) { Companions::One } else { Companions::None };
        let lease = (case.seed > 0 || case.point as u64 > 1).then_some(LEASE);
        let mut process = Process::with_server(&case, url.to_owned(), lease, companions).await;
        survive(&mut process, case).await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_with_redis() {
    let server = RedisServer::start(&DURABLE).unwrap();
    nothing_is_lost("Redis, process killed", 16, &server.url()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_with_postgres() {
    let server = PostgresServer::start(&["max_connections=600"]).unwrap();
    nothing_is_lost("PostgreSQL, process killed", 8, &server.url()).await;
}
