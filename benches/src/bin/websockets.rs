//! What an idle WebSocket connection costs the process that holds it: resident memory with many of them, and without.
//!
//! Usage: websockets [CONNECTIONS]. As `websockets serve ADDRESS` it is the server.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use skreaver::{Listeners, Runtime, WebSocketConfig, serve_until_terminated};
use skreaver_benches::{Candidate, free_address};
use tokio::net::TcpListener;

/// As many as are opened and as many descriptors as that takes are often not allowed; then name fewer.
const CONNECTIONS: usize = 10_000;
const AGENT: &str = r#"{"agents": [{"name": "amber"}]}"#;

fn main() -> anyhow::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.as_slice() {
        [serve, address] if serve == "serve" => served(address.parse()?),
        [] => measure(CONNECTIONS),
        [connections] => measure(connections.parse()?),
        _ => anyhow::bail!("say how many connections"),
    }
}

fn measure(connections: usize) -> anyhow::Result<()> {
    let address = free_address()?;
    let candidate = Candidate::new("websockets", std::env::current_exe()?, address).args(["serve", &address.to_string()]);
    let server = candidate.start()?;
    // What is made once, for the first connection, is not counted.
    let _first = open(address)?;
    let before = server.resident_kib()?;
    let open: Vec<_> = (0..connections).map(|_| open(address)).collect::<anyhow::Result<_>>()?;
    std::thread::sleep(Duration::from_secs(1));
    let grown = server.resident_kib()?.saturating_sub(before);
    println!("websocket      {:.2} KiB for each of {} idle connections", grown as f64 / open.len() as f64, open.len());
    Ok(())
}

/// A connection that is agreed, and silent from then on.
fn open(address: SocketAddr) -> anyhow::Result<TcpStream> {
    let mut stream = TcpStream::connect(address)?;
    write!(
        stream,
        "GET /ws/agents/amber HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )?;
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).context("the server answers nothing")?;
    ensure!(answer == *b"HTTP/1.1 101", "refused: {}", String::from_utf8_lossy(&answer));
    Ok(stream)
}

#[tokio::main]
async fn served(address: SocketAddr) -> anyhow::Result<()> {
    // No heartbeat while it is measured: nobody answers it.
    let websocket = WebSocketConfig::new().with_max_connections(usize::MAX).with_heartbeat_interval(Duration::from_secs(3600));
    let runtime = Runtime::builder().config(serde_json::from_str(AGENT)?).websocket(websocket).build()?;
    let listeners = Listeners { api: TcpListener::bind(address).await?, admin: None };
    serve_until_terminated(Arc::new(runtime), listeners, Duration::ZERO).await?;
    Ok(())
}
