//! The scripted model is no private dialect: the official clients of OpenAI and Anthropic take it for theirs.

use std::fs;

use serde_json::{Value, json};
use skreaver_tests::{Program, clients, free_port, root};
use tempfile::tempdir;
use tokio::process::Command;

const SCRIPT: &str = "keys: [amber]
rules:
- {when: {tool_result: true}, answer: {text: 'The sum is {{tool_result}}.', usage: {input: 12, output: 7}}}
- {answer: {tool_calls: [{name: add, arguments: {a: 2, b: 3}}]}}
";

#[tokio::test]
async fn the_official_clients_take_the_scripted_model_for_their_providers() {
    let folder = tempdir().unwrap();
    let script = folder.path().join("script.yaml");
    fs::write(&script, SCRIPT).unwrap();
    let address = format!("127.0.0.1:{}", free_port());
    let args = ["--listen", &address, "--script", script.to_str().unwrap()];
    let mut server = Program::start("scripted-model", &args).unwrap();
    server.ready(&format!("http://{address}/v1/models")).await.unwrap();

    let mut python = Command::new(clients().join("bin/python"));
    python.arg(root().join("tests/clients/model_clients.py")).arg(format!("http://{address}"));
    let output = python.output().await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();

    assert_eq!(found["models"], json!(["mock"]));
    for (client, stops) in [("openai", ["tool_calls", "stop"]), ("anthropic", ["tool_use", "end_turn"])] {
        for way in ["whole", "streamed"] {
            let turns = &found[client][way];
            assert_eq!((&turns["tool"], &turns["arguments"]), (&json!("add"), &json!({"a": 2, "b": 3})), "{client} {way}");
            assert_eq!((&turns["text"], &turns["stops"]), (&json!("The sum is 5."), &json!(stops)), "{client} {way}");
            assert_eq!(turns["tokens"], json!([12, 7]), "{client} {way}");
        }
        let told = found[client]["streamed"]["told"].as_array().unwrap();
        assert!(told.len() >= 4 && told.iter().filter_map(Value::as_str).collect::<String>() == "The sum is 5.", "{told:?}");
        assert_eq!(found[client]["errors"], json!(["AuthenticationError", "NotFoundError", "BadRequestError"]), "{client}");
    }
}
