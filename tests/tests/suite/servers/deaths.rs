//! Runs outlive their process with a server as their memory: the next life takes them up, or a process beside it.

use std::fs::Permissions;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
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
    // Each of the hundreds of lives makes its connections anew, and without optimisation a password takes long to prove.
    let mut hba = tempfile::Builder::new().permissions(Permissions::from_mode(0o644)).tempfile().unwrap();
    writeln!(hba, "host all all 127.0.0.1/32 trust").unwrap();
    let trust = format!("hba_file={}", hba.path().display());
    let server = PostgresServer::start(&["max_connections=600", &trust]).unwrap();
    nothing_is_lost("PostgreSQL, process killed", 8, &format!("{}?sslmode=disable", server.url())).await;
}
