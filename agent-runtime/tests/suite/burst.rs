//! No request ever hangs: a burst of connections, each with one observation at once, round after round. Whatever is over the
//! bound of the queue is refused with 429 and Retry-After; everything else is answered.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

use crate::support::{Held, Served, config, start};

/// The longest that an answer may take. The original hung for 30 seconds and more.
const DEADLINE: Duration = Duration::from_secs(5);

fn rounds() -> usize {
    if std::env::var_os("SKREAVER_SOAK").is_some() { 200 } else { 20 }
}

/// One keep-alive connection, as plain as can be: no pool decides which connection serves a request.
struct Connection(BufReader<TcpStream>);

impl Connection {
    async fn open(served: &Served) -> Self {
        Self(BufReader::new(TcpStream::connect(served.address).await.unwrap()))
    }

    /// Sends one observation and reads the whole answer: status, Retry-After and body.
    async fn observe(&mut self) -> (u16, Option<String>, String) {
        let body = json!({ "input": "uppercase:burst" }).to_string();
        let head = "POST /agents/amber/observe HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n";
        let request = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
        self.0.write_all(request.as_bytes()).await.unwrap();
        let mut line = String::new();
        self.0.read_line(&mut line).await.unwrap();
        let status = line.split(' ').nth(1).unwrap().parse().unwrap();
        let (mut length, mut retry_after) = (0, None);
        loop {
            line.clear();
            self.0.read_line(&mut line).await.unwrap();
            match line.trim_end().split_once(": ") {
                Some(("content-length", value)) => length = value.parse().unwrap(),
                Some(("retry-after", value)) => retry_after = Some(value.to_owned()),
                Some(_) => {}
                None => break,
            }
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).await.unwrap();
        (status, retry_after, String::from_utf8(body).unwrap())
    }
}

/// Runs the burst; returns how many observations were answered and how many were refused.
async fn burst(served: &Served, connections: usize) -> (usize, usize) {
    let mut open = Vec::new();
    for _ in 0..connections {
        open.push(Connection::open(served).await);
    }
    let (mut answered, mut refused) = (0, 0);
    for round in 0..rounds() {
        let all = futures::future::join_all(open.iter_mut().map(Connection::observe));
        let outcomes = tokio::time::timeout(DEADLINE, all).await.unwrap_or_else(|_| panic!("round {round}: a request hangs"));
        for outcome in outcomes {
            match outcome {
                (200, None, body) => {
                    assert!(body.contains(r#""output":"#), "{body}");
                    answered += 1;
                }
                (429, Some(seconds), body) => {
                    assert!(seconds.parse::<u32>().is_ok_and(|seconds| seconds > 0), "{seconds}");
                    assert!(body.contains("queue_full"), "{body}");
                    refused += 1;
                }
                other => panic!("{other:?}"),
            }
        }
    }
    (answered, refused)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_within_the_bounds_is_answered_whole() {
    for connections in [32, 150] {
        let served = start(
            config("agents: [{name: amber, tools: [{name: uppercase, source: {type: Builtin}}]}]"),
            &[],
            None,
            Duration::ZERO,
        )
        .await;
        assert_eq!(burst(&served, connections).await, (connections * rounds(), 0));
        served.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_over_the_bounds_is_refused_in_part_and_never_hangs() {
    for connections in [32, 150] {
        // The tool ends only when the gate opens, so that the queue really fills; the gate keeper opens it all the time.
        let gate = Arc::new(Semaphore::new(0));
        let keeper = tokio::spawn({
            let gate = Arc::clone(&gate);
            async move {
                loop {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                    gate.add_permits(4);
                }
            }
        });
        let agents = "agents: [{name: amber, limits: {concurrency: 4, queueLength: 8}, tools: [{name: uppercase, source: {type: Builtin}}]}]";
        let served = start(config(agents), &[], Some(Held(gate)), Duration::ZERO).await;
        let (answered, refused) = burst(&served, connections).await;
        assert_eq!(answered + refused, connections * rounds());
        assert!(answered >= 12 * rounds() && refused > 0, "{answered} answered, {refused} refused");
        let (_, status) = served.get("/agents/amber/status").await;
        assert_eq!((&status["running"], &status["queued"]), (&json!(0), &json!(0)));
        assert_eq!(status["runs"]["rejected"], refused);
        keeper.abort();
        served.stop().await;
    }
}
