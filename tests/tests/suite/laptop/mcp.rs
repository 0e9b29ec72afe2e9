//! MCP before judges that nobody here wrote: the protocol's conformance suite, its inspector and its Python client.

use std::path::PathBuf;

use serde_json::{Value, json};
use skreaver_tests::{Program, clients, free_port, root};
use tokio::process::Command;

/// Runs a program of the suite's folder to its end.
async fn judged(args: &[&str]) -> (bool, String) {
    let output = Command::new(folder().join("run")).args(args).output().await.unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

fn folder() -> PathBuf {
    root().join("tests/clients/mcp")
}

/// What fails is in a list, and the suite fails as well when something of the list passes: it can only shrink.
#[tokio::test]
async fn the_conformance_suite_finds_nothing_in_a_server_but_what_is_listed() {
    let address = format!("127.0.0.1:{}", free_port());
    let mut server = Program::start("examples/mcp_fixtures", &[&address]).unwrap();
    server.ready(&format!("http://{address}/ready")).await.unwrap();
    let url = format!("http://{address}/mcp");
    for revision in ["2025-11-25", "2026-07-28"] {
        let listed = folder().join(format!("expected-failures-{revision}.yaml")).display().to_string();
        let args = ["conformance", "server", "--url", &url, "--requirements", revision, "--expected-failures", &listed];
        let (passed, said) = judged(&args).await;
        let summary = said.split("=== SUMMARY ===").last().unwrap_or_default();
        println!("{revision}: {summary}");
        assert!(passed && summary.contains("Total:"), "{revision}: {said}");
    }
}

#[tokio::test]
async fn the_inspector_and_the_python_client_list_and_call_tools() {
    let address = format!("127.0.0.1:{}", free_port());
    let mut agents = Program::start("skreaver", &["run", "--listen", &address]).unwrap();
    agents.ready(&format!("http://{address}/ready")).await.unwrap();
    let url = format!("http://{address}/agents/demo-agent-1/mcp");

    let (passed, listed) = judged(&["mcp-inspector", "--cli", &url, "--transport", "http", "--method", "tools/list"]).await;
    assert!(passed && listed.contains("\"demo-agent-1\"") && listed.contains("\"uppercase\""), "{listed}");
    let skreaver = skreaver_tests::binary("skreaver").display().to_string();
    let call = ["--method", "tools/call", "--tool-name", "uppercase", "--tool-arg", "text=hi"];
    let (passed, called) = judged(&[["mcp-inspector", "--cli", &skreaver, "mcp"].as_slice(), &call].concat()).await;
    assert!(passed && called.contains("\"HI\""), "{called}");

    let mut python = Command::new(clients().join("bin/python"));
    python.arg(root().join("tests/clients/mcp_tools.py")).args([&url, "uppercase", "hi"]);
    let output = python.output().await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&found["error"], &found["text"]), (&json!(false), &json!("HI")));
}
