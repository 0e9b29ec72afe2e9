//! Shutting down: readiness goes off first, work under way is finished, and then nothing is left.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::sync::Semaphore;

use crate::support::{Held, config, start, start_until_terminated};

#[tokio::test]
async fn running_work_is_finished_and_new_work_is_taken_while_lingering() {
    let gate = Arc::new(Semaphore::new(0));
    let agents =
        "agents: [{name: amber, tools: [{name: uppercase, source: {type: Builtin}}, {name: reverse, source: {type: Builtin}}]}]";
    let served = start(config(agents), &[], Some(Held(Arc::clone(&gate))), Duration::from_millis(500)).await;
    let request = served.client.post(served.url("/agents/amber/observe")).json(&json!({ "input": "uppercase:held" }));
    let running = tokio::spawn(request.send());
    while served.get("/agents/amber/status").await.1["running"] != 1 {
        tokio::task::yield_now().await;
    }
    assert_eq!(served.get("/ready").await.0, 200);

    served.shutdown.cancel();
    while served.get("/ready").await.0 != 503 {
        tokio::task::yield_now().await;
    }
    assert_eq!(served.get("/health").await.0, 200);
    assert_eq!(served.observe("amber", "reverse:abc").await.1["output"], "cba");

    let gone = reqwest::Client::new();
    while gone.get(served.url("/health")).header("connection", "close").send().await.is_ok() {
        tokio::task::yield_now().await;
    }
    gate.add_permits(1);
    let answer: serde_json::Value = running.await.unwrap().unwrap().json().await.unwrap();
    assert_eq!(answer["output"], "held");
    served.ended.await.unwrap().unwrap();
}

#[tokio::test]
async fn connections_that_idle_or_dawdle_do_not_hold_up_the_end() {
    let served = start(config("agents: [{name: amber}]"), &[], None, Duration::ZERO).await;
    let idle = tokio::net::TcpStream::connect(served.address).await.unwrap();
    assert_eq!(served.get("/health").await.0, 200);
    let stopped = std::time::Instant::now();
    served.stop().await;
    assert!(stopped.elapsed() < Duration::from_secs(5), "{:?}", stopped.elapsed());
    drop(idle);
}

#[tokio::test]
async fn a_second_signal_does_not_wait_for_work_under_way() {
    let agents = "agents: [{name: amber, tools: [{name: uppercase, source: {type: Builtin}}]}]";
    let held = Held(Arc::new(Semaphore::new(0)));
    let served = start_until_terminated(config(agents), held, Duration::ZERO).await;
    let request = served.client.post(served.url("/agents/amber/observe")).json(&json!({ "input": "uppercase:held" }));
    let running = tokio::spawn(request.send());
    while served.get("/agents/amber/status").await.1["running"] != 1 {
        tokio::task::yield_now().await;
    }
    terminate_this_process();
    while tokio::net::TcpStream::connect(served.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert!(!served.ended.is_finished());
    terminate_this_process();
    tokio::time::timeout(Duration::from_secs(5), served.ended).await.expect("it ends at once").unwrap().unwrap();
    running.abort();
}

/// Only where the runtime is known to listen for the signal; otherwise it ends the tests.
fn terminate_this_process() {
    let id = std::process::id().to_string();
    assert!(std::process::Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
}
