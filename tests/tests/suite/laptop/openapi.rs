//! The OpenAPI document before judges that nobody here wrote: linters, a generator of clients, a fuzzer, and a browser.

use std::path::PathBuf;
use std::process::Output;

use serde_json::{Value, json};
use skreaver_tests::{Program, cache, free_port, root};
use tempfile::{TempDir, tempdir};
use tokio::process::Command;

/// With memory, so that no operation is refused for want of it.
const AGENT: &str = "{apiVersion: skreaver.dev/v1alpha1, kind: Agent, metadata: {name: amber}, spec: {
  tools: [{name: uppercase, type: Builtin}], memory: {backend: InMemory}, durability: Ephemeral}}";

/// A served agent, its document in a file, and a folder for what is made of it.
struct Stage {
    url: String,
    folder: TempDir,
    _program: Program,
}

impl Stage {
    async fn new() -> Self {
        Self::with(&[]).await
    }

    /// One that is started with more arguments.
    async fn with(more: &[&str]) -> Self {
        let listen = format!("127.0.0.1:{}", free_port());
        let folder = tempdir().unwrap();
        let agent = folder.path().join("agent.yaml");
        std::fs::write(&agent, AGENT).unwrap();
        let run = ["run", "--filename", agent.to_str().unwrap(), "--listen", &listen];
        let mut program = Program::start("skreaver", &[&run[..], more].concat()).unwrap();
        let url = format!("http://{listen}");
        program.ready(&format!("{url}/ready")).await.unwrap();
        let document = reqwest::get(format!("{url}/openapi.json")).await.unwrap().text().await.unwrap();
        std::fs::write(folder.path().join("openapi.json"), document).unwrap();
        Self { url, folder, _program: program }
    }

    /// Runs a judge in the folder, and fails with what it says.
    async fn judge(&self, program: &str, args: &[&str], environment: &[(&str, &str)]) -> Output {
        let mut command = Command::new(judges().join(program));
        let output = command.args(args).envs(environment.iter().copied()).current_dir(self.folder.path()).output().await.unwrap();
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{program} {args:?}: {said}");
        output
    }
}

/// What `tests/clients/openapi/install` makes.
fn judges() -> PathBuf {
    cache().join("openapi-judges")
}

#[tokio::test]
async fn linters_find_nothing_wrong() {
    let stage = Stage::new().await;
    std::fs::write(stage.folder.path().join("spectral.yaml"), "extends: ['spectral:oas']\n").unwrap();
    stage.judge("node_modules/.bin/spectral", &["lint", "--ruleset", "spectral.yaml", "openapi.json"], &[]).await;
    let silent = [("REDOCLY_TELEMETRY", "off"), ("REDOCLY_SUPPRESS_UPDATE_NOTICE", "true")];
    stage.judge("node_modules/.bin/redocly", &["lint", "openapi.json"], &silent).await;
}

#[tokio::test]
async fn a_generated_client_works() {
    let stage = Stage::new().await;
    let generate = ["generate", "--path", "openapi.json", "--meta", "none", "--output-path", "skreaver_agent_runtime_client"];
    stage.judge("bin/openapi-python-client", &generate, &[]).await;
    let script = root().join("tests/clients/openapi/client.py");
    let here = stage.folder.path().to_str().unwrap();
    let output = stage.judge("bin/python", &[script.to_str().unwrap(), &stage.url, "amber"], &[("PYTHONPATH", here)]).await;
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&found["output"], &found["agents"][0]), (&json!("HELLO"), &json!("amber")));
    assert_eq!(found["codes"], json!(["unknown_tool", "unknown_agent"]));
}

impl Stage {
    async fn fuzz(&self, more: &[&str]) {
        let document = format!("{}/openapi.json", self.url);
        let config = root().join("tests/clients/openapi/schemathesis.toml");
        let config = ["--config-file", config.to_str().unwrap()];
        // With several workers CPython 3.11 counts the depth of syntax trees wrongly now and then.
        let seeded = ["run", &document, "--seed", "1", "--workers", "1", "--no-color"];
        self.judge("bin/schemathesis", &[&config[..], &seeded[..], more].concat(), &[]).await;
    }
}

#[tokio::test]
async fn a_fuzzer_finds_no_answer_that_is_not_told() {
    let stage = Stage::new().await;
    // Here nobody is asked who they are.
    stage.fuzz(&["--max-examples", "5", "--exclude-checks", "ignored_auth"]).await;
}

#[tokio::test]
async fn a_fuzzer_with_a_key_finds_none_and_nothing_that_is_open_to_those_without() {
    let folder = tempdir().unwrap();
    let keys = folder.path().join("keys");
    let keys = keys.to_str().unwrap();
    let made = Program::start("skreaver", &["keys", "new", "root", "--roles", "admin", "--dir", keys]).unwrap();
    let (_, key, _) = made.end().await.unwrap();
    let stage = Stage::with(&["--api-keys", keys]).await;
    let header = format!("Authorization: Bearer {}", key.trim());
    stage.fuzz(&["--max-examples", "5", "--header", &header]).await;
    // Who brings nothing is answered as is told, too.
    stage.fuzz(&["--max-examples", "2", "--phases", "examples,fuzzing", "--exclude-checks", "ignored_auth"]).await;
}

#[tokio::test]
async fn a_browser_shows_the_page_and_speaks_websocket() {
    let stage = Stage::new().await;
    let script = judges().join("browser.mjs");
    let mut node = Command::new("node");
    let output = node.args([script.to_str().unwrap(), &stage.url, "amber"]).output().await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let seen: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(seen["operations"].as_u64().is_some_and(|operations| operations > 15), "{seen}");
    assert_eq!((&seen["answer"], &seen["complaints"], &seen["outside"]), (&json!("HELLO"), &json!([]), &json!([])));
}
