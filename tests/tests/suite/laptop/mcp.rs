//! MCP before judges that nobody here wrote, and before those who mean no good.

mod abuse;
mod clients;
mod conformance;

use std::fs;

use tempfile::{TempDir, tempdir};
use tokio::process::Command;

use skreaver_tests::{Program, free_port, root};

/// An agent with memory, of whose two tools one asks people.
const AMBER: &str = "apiVersion: skreaver.dev/v1alpha1
kind: Agent
metadata: {name: amber}
spec:
  tools: [{name: uppercase, type: Builtin}, {name: reverse, type: Builtin}]
  memory: {backend: InMemory}
---
apiVersion: skreaver.dev/v1alpha1
kind: ToolPolicy
metadata: {name: care}
spec:
  defaultAction: Allow
  rules: [{name: ask, tools: [reverse], action: RequireApproval, approval: {timeout: 10m}}]
";

/// Runs a program of the suite's folder, with the Node that it needs, to its end.
async fn judged(args: &[&str]) -> (bool, String) {
    let output = Command::new(root().join("tests/clients/mcp/run")).args(args).output().await.unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

/// The manifests of [`AMBER`] in a file.
fn manifests() -> (TempDir, String) {
    let folder = tempdir().unwrap();
    let file = folder.path().join("amber.yaml");
    fs::write(&file, AMBER).unwrap();
    let file = file.display().to_string();
    (folder, file)
}

/// The agent, served over HTTP, and the URL of its MCP server.
async fn served(file: &str) -> (Program, String) {
    let address = format!("127.0.0.1:{}", free_port());
    let mut program = Program::start("skreaver", &["run", "-f", file, "--listen", &address]).unwrap();
    program.ready(&format!("http://{address}/ready")).await.unwrap();
    (program, format!("http://{address}/agents/amber/mcp"))
}
