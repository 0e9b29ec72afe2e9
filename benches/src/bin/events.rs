//! How long after a request the first event of its run comes, beside a bare handler that streams one.
//!
//! Usage: events FOLDER, where FOLDER holds the release programs `agent-runtime` and `floor`.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use skreaver_benches::{Candidate, free_address};

const REQUESTS: usize = 2_000;
const BODY: &str = r#"{"input":"uppercase:hello world"}"#;
const CONFIG: &str = "agents:
- {name: amber, tools: [{name: uppercase, source: {type: Builtin}}]}
- {name: basalt, tools: [{name: uppercase, source: {type: Builtin}}], memory: {store: {backend: InMemory}, durability: Ephemeral}}
";

fn main() -> anyhow::Result<()> {
    let folder = PathBuf::from(std::env::args().nth(1).context("name the folder of the release programs")?);
    let work = tempfile::tempdir()?;
    let config = work.path().join("config.yaml");
    fs::write(&config, CONFIG)?;
    let (ours, admin, floor) = (free_address()?, free_address()?, free_address()?);
    let runtime = Candidate::new("agent-runtime", folder.join("agent-runtime"), ours)
        .args(["--config".into(), config.into_os_string()])
        .args(["--listen", &ours.to_string(), "--admin-listen", &admin.to_string()]);
    let bare = Candidate::new("bare axum", folder.join("floor"), floor).args([floor.to_string()]);
    let (_runtime, _bare) = (runtime.start()?, bare.start()?);
    for (name, address, path) in [
        ("bare handler", floor, "/events"),
        ("without memory", ours, "/agents/amber/observe"),
        ("with memory", ours, "/agents/basalt/observe"),
    ] {
        let mut times = (0..REQUESTS).map(|_| first_event(address, path)).collect::<anyhow::Result<Vec<_>>>()?;
        times.sort();
        let ms = |at: usize| times[REQUESTS * at / 1000].as_secs_f64() * 1000.0;
        println!("first event    {name:14} p50 {:.3} ms, p99 {:.3} ms of {REQUESTS}", ms(500), ms(990));
    }
    Ok(())
}

/// From when the request is sent to when its first event has come.
fn first_event(address: SocketAddr, path: &str) -> anyhow::Result<Duration> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\naccept: text/event-stream\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{BODY}",
        BODY.len()
    );
    let sent = Instant::now();
    stream.write_all(request.as_bytes())?;
    let (mut answer, mut piece) = (Vec::new(), [0; 4096]);
    while !answer.windows(5).any(|part| part == b"data:") {
        let length = stream.read(&mut piece)?;
        ensure!(length > 0, "no event came: {}", String::from_utf8_lossy(&answer));
        answer.extend_from_slice(&piece[..length]);
    }
    let taken = sent.elapsed();
    stream.read_to_end(&mut answer)?;
    Ok(taken)
}
