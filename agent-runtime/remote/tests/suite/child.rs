//! Servers that are child processes: they have no environment of ours, and end with their source.

use std::time::Duration;

use serde_json::json;
use skreaver_protocol::config::{McpConfig, McpServer};
use skreaver_remote::SourceState;

use crate::peers::{call, lost, ready, start, until};

/// A server of the older era in a few lines of Python; it has a child of its own, which would outlive it.
const SERVER: &str = r#"
import json, os, subprocess, sys
grandchild = subprocess.Popen(["sleep", "300"])
def say(id, **answer): print(json.dumps({"jsonrpc": "2.0", "id": id, **answer}), flush=True)
for line in sys.stdin:
    it = json.loads(line); id = it.get("id"); method = it["method"]
    if method == "initialize":
        say(id, result={"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": {"name": "py", "version": "1"}})
    elif method == "tools/list":
        say(id, result={"tools": [{"name": n, "inputSchema": {"type": "object"}} for n in ("env", "pids", "die")]})
    elif method == "tools/call":
        name = it["params"]["name"]
        if name == "die": os._exit(1)
        text = json.dumps(sorted(os.environ) if name == "env" else [os.getpid(), grandchild.pid])
        say(id, result={"content": [{"type": "text", "text": text}]})
    elif id is not None:
        say(id, error={"code": -32601, "message": "no such method"})
"#;

fn config() -> McpConfig {
    let env = [("LEDGER".to_owned(), "basalt".to_owned())].into();
    let server = McpServer::Command { command: "python3".into(), args: vec!["-c".into(), SERVER.into()], env };
    McpConfig { server, ..skreaver_remote::mcp::config("") }
}

fn is_there(pid: i64) -> bool {
    std::fs::exists(format!("/proc/{pid}")).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_child_knows_little_and_ends_with_its_source_and_all_it_started() {
    let source = start(config());
    let offer = ready(&source).await;
    let parsed = async |tool: &str| {
        let text = call(&offer, tool, json!({})).await.unwrap();
        serde_json::from_str::<serde_json::Value>(text.as_str().unwrap()).unwrap()
    };
    let env = parsed("ledger/env").await;
    let has = |name: &str| env.as_array().unwrap().iter().any(|known| known == name);
    // Cargo sets the last one for us.
    assert_eq!(["HOME", "LEDGER", "PATH", "CARGO_MANIFEST_DIR"].map(has), [true, true, true, false], "{env}");
    let pids: Vec<i64> = parsed("ledger/pids").await.as_array().unwrap().iter().map(|pid| pid.as_i64().unwrap()).collect();
    assert!(pids.iter().all(|pid| is_there(*pid)));
    drop(source);
    let gone = async {
        // The child itself is reaped by us; its own child by whoever inherits it, so it may stay as a zombie of theirs.
        let is_running = |pid: i64| {
            std::fs::read_to_string(format!("/proc/{pid}/stat"))
                .is_ok_and(|stat| !stat.rsplit(')').next().unwrap().starts_with(" Z"))
        };
        while is_there(pids[0]) || is_running(pids[1]) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), gone).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_child_that_dies_is_started_again() {
    let source = start(config());
    let offer = ready(&source).await;
    let died = call(&offer, "ledger/die", json!({})).await.unwrap_err().to_string();
    assert!(died.contains("not known"), "{died}");
    until(&source, |offer| matches!(offer.state, SourceState::Lost { .. })).await;
    ready(&source).await;
    assert!(call(&offer, "ledger/pids", json!({})).await.is_ok());
}

#[tokio::test]
async fn a_program_that_is_not_there_is_told_without_its_arguments() {
    let server = McpServer::Command { command: "no-such-program".into(), args: vec!["hush".into()], env: Default::default() };
    let why = lost(&start(McpConfig { server, ..config() })).await;
    assert!(why.contains("`no-such-program`") && !why.contains("hush"), "{why}");
}
