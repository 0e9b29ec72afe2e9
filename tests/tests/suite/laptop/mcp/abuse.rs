//! What never ends, sent to whole programs: memory is bounded, and they go on. `agent-runtime/tests/suite/mcp/bad_input.rs` has all
//! that ends.

use std::fs;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use skreaver_tests::binary;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::Command;

use super::{manifests, served};

const MIB: usize = 1 << 20;
/// How much is sent without an end, and how much of it may be kept.
const SENT: usize = 256 * MIB;
const KEPT: usize = 16 * MIB;

/// The most memory that a process has had.
fn peak(pid: u32) -> usize {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() << 10
}

#[tokio::test]
async fn a_line_that_does_not_end_is_kept_by_nobody() {
    let mut command = Command::new(binary("skreaver"));
    command.arg("mcp").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    let mut child = command.spawn().unwrap();
    let (mut input, mut output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()).lines());
    let mut hear = async || {
        let line = tokio::time::timeout(Duration::from_secs(60), output.next_line()).await.unwrap().unwrap().unwrap();
        serde_json::from_str::<Value>(&line).unwrap()
    };
    input.write_all(b"before anything\n").await.unwrap();
    assert_eq!(hear().await["error"]["code"], -32700);
    let before = peak(child.id().unwrap());
    let chunk = vec![b'x'; MIB];
    for _ in 0..SENT / MIB {
        input.write_all(&chunk).await.unwrap();
    }
    input.write_all(b"\n").await.unwrap();
    assert_eq!(hear().await["error"]["code"], -32600);
    let grown = peak(child.id().unwrap()) - before;
    assert!(grown < KEPT, "{grown} bytes more");
    let client = json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "t", "version": "0" } });
    let hello = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": client });
    input.write_all(format!("{hello}\n").as_bytes()).await.unwrap();
    assert_eq!(hear().await["result"]["serverInfo"]["name"], "skreaver");
    drop(input);
    assert!(child.wait().await.unwrap().success());
}

#[tokio::test]
async fn a_body_that_does_not_end_is_refused_at_its_limit() {
    let (_folder, file) = manifests();
    let (program, url) = served(&file).await;
    let before = peak(program.id().unwrap());
    let address = url.trim_start_matches("http://").split('/').next().unwrap();
    let mut answers = Vec::new();
    for _ in 0..8 {
        let (mut read, mut write) = TcpStream::connect(address).await.unwrap().into_split();
        let sending = tokio::spawn(async move {
            let head = "POST /agents/amber/mcp HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
                        accept: application/json, text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
            let chunk = [format!("{MIB:x}\r\n").as_bytes(), &vec![b' '; MIB], b"\r\n"].concat();
            write.write_all(head.as_bytes()).await.unwrap();
            while write.write_all(&chunk).await.is_ok() {}
        });
        let mut answer = [0; 12];
        let read = tokio::time::timeout(Duration::from_secs(30), read.read(&mut answer)).await.unwrap();
        // Who goes on sending may lose the answer with the connection.
        answers.push(read.map(|_| String::from_utf8_lossy(&answer).into_owned()).unwrap_or_default());
        sending.abort();
    }
    assert!(answers.iter().any(|answer| answer == "HTTP/1.1 413"), "{answers:?}");
    let grown = peak(program.id().unwrap()) - before;
    assert!(grown < KEPT, "{grown} bytes more");
    let alive = reqwest::get(format!("http://{address}/health")).await.unwrap();
    assert!(alive.status().is_success());
}
