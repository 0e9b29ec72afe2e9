//! Clients that nobody here wrote ask agents of a runtime: the official ones of OpenAI and A2A.

use std::fs;

use serde_json::{Value, json};
use skreaver_tests::{Program, clients, free_port, root};
use tempfile::tempdir;
use tokio::process::Command;

const CONFIG: &str = "agents:
- {name: amber, tools: [{name: add, source: {type: Builtin}}]}
- {name: basalt, memory: {store: {backend: InMemory}, durability: Ephemeral}}
";

/// What a client prints that asks this agent.
async fn asked_by(script: &str, agent: &str) -> Value {
    let folder = tempdir().unwrap();
    let file = folder.path().join("config.yaml");
    fs::write(&file, CONFIG).unwrap();
    let (listen, admin) = (format!("127.0.0.1:{}", free_port()), format!("127.0.0.1:{}", free_port()));
    let args = ["--config", file.to_str().unwrap(), "--listen", &listen, "--admin-listen", &admin];
    let mut program = Program::start("agent-runtime", &args).unwrap();
    program.ready(&format!("http://{admin}/ready")).await.unwrap();
    let mut python = Command::new(clients().join("bin/python"));
    python.arg(root().join("tests/clients").join(script)).arg(format!("http://{listen}")).arg(agent);
    let output = python.output().await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test]
async fn the_official_client_of_openai_takes_an_agent_for_a_model() {
    let found = asked_by("openai_client.py", "amber").await;
    assert_eq!((&found["models"], &found["model"]), (&json!(["amber", "basalt"]), &json!("skreaver")));
    assert_eq!((&found["whole"], &found["streamed"]), (&json!(["3", "stop"]), &json!(["Hello", "stop", 0])));
    assert_eq!(found["response"], json!(["Hello", "completed"]));
    assert_eq!(found["response streamed"], json!(["Hello", "response.created", "response.completed"]));
    let errors = json!([
        ["NotFoundError", "model_not_found", "model"],
        ["NotFoundError", "model_not_found", "model"],
        ["BadRequestError", "unsupported_value", "n"],
        ["UnprocessableEntityError", "invalid_arguments", null],
        ["BadRequestError", "memory_required", null],
    ]);
    assert_eq!(found["errors"], errors);
}

#[tokio::test]
async fn the_official_sdk_of_a2a_asks_an_agent_over_every_transport_of_its_card() {
    let found = asked_by("a2a_client.py", "basalt").await;
    assert_eq!(found["card"], "basalt");
    for transport in ["JSONRPC", "HTTP+JSON"] {
        for (way, kinds) in [("whole", ["task", "task"]), ("streamed", ["task", "status_update"])] {
            let asked = &found[format!("{transport} {way}")];
            assert_eq!((&asked["state"], &asked["kinds"]), (&json!("TASK_STATE_COMPLETED"), &json!(kinds)), "{transport} {way}");
            assert_eq!((&asked["text"], &asked["said"], &asked["listed"]), (&json!("Hello"), &json!("Hello"), &json!([true])));
            let errors = [
                "TaskNotFoundError",
                "TaskNotCancelableError",
                "UnsupportedOperationError",
                "UnsupportedOperationError",
                "PushNotificationNotSupportedError",
            ];
            assert_eq!(asked["errors"], json!(errors), "{transport} {way}");
        }
    }
}
