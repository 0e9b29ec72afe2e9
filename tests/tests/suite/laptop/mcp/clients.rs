//! Clients that nobody here wrote: the inspector of MCP, its Python client, and what `docs/mcp.md` tells people to write.

use std::fs;

use serde_json::{Value, json};
use skreaver_tests::{binary, clients, root};
use tokio::process::Command;

use super::{judged, manifests, served};

/// What the Python client finds at a server.
async fn found(mode: &str, server: &[&str]) -> Value {
    let mut python = Command::new(clients().join("bin/python"));
    python.arg(root().join("tests/clients/mcp_client.py")).arg(mode).args(server);
    let output = python.output().await.unwrap();
    assert!(output.status.success(), "{mode} {server:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What is the same for all.
fn expected(revision: &str) -> Value {
    json!({
        "revision": revision,
        "tools": ["amber", "reverse", "uppercase"], "called": ["HI", false], "wrong": true, "unknown": -32602,
        "answered": "HELLO", "session": "s-1", "progress": ["calls uppercase", "uppercase has answered"],
        "resources": ["skreaver://agents/amber", "skreaver://agents/amber/sessions/s-1"], "said": true,
        "prompts": ["amber"], "prompt": true
    })
}

fn with(mut found: Value, more: Value) -> Value {
    found.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    found
}

#[tokio::test]
async fn the_python_client_uses_all_that_an_agent_offers_over_stdio_and_over_http() {
    let (_folder, file) = manifests();
    let denied = "tool `reverse` is not called: the user of an MCP client did not approve it";
    let asked = json!({ "approved": ["ba", false], "denied": [denied, true], "asked": 2, "called off": 1 });
    let command = binary("skreaver").display().to_string();
    let stdio = ["--", &command, "mcp", "-f", &file];
    assert_eq!(found("legacy", &stdio).await, with(expected("2025-11-25"), asked.clone()));
    assert_eq!(found("auto", &stdio).await, with(expected("2026-07-28"), asked.clone()));
    let (_program, url) = served(&file).await;
    assert_eq!(found("auto", &[&url]).await, with(expected("2026-07-28"), asked));
    // Nobody can be asked.
    let refused = found("legacy", &[&url]).await;
    assert_eq!((&refused["asked"], &refused["approved"][1], &refused["denied"][1]), (&json!(0), &json!(true), &json!(true)));
    assert_eq!((&refused["revision"], &refused["answered"]), (&json!("2025-11-25"), &json!("HELLO")));
}

#[tokio::test]
async fn the_inspector_lists_calls_and_reads_over_http() {
    let (_folder, file) = manifests();
    let (_program, url) = served(&file).await;
    let inspect = async |args: &[&str]| {
        let (passed, said) = judged(&[&["mcp-inspector", "--cli", &url, "--transport", "http", "--method"], args].concat()).await;
        assert!(passed, "{args:?}: {said}");
        // It would warn behind its answer of a schema that it does not understand.
        serde_json::from_str::<Value>(&said).unwrap_or_else(|error| panic!("{error}: {said}"))
    };
    let names = |listed: &Value, what: &str| {
        listed[what].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(&inspect(&["tools/list"]).await, "tools"), ["reverse", "uppercase", "amber"]);
    let called = inspect(&["tools/call", "--tool-name", "uppercase", "--tool-arg", "text=hi"]).await;
    assert_eq!(called["content"][0]["text"], "HI");
    let ask = ["tools/call", "--tool-name", "amber", "--tool-arg", "input=uppercase:hi", "--tool-arg", "session=s-1"];
    assert_eq!(inspect(&ask).await["structuredContent"]["output"], "HI");
    assert_eq!(names(&inspect(&["resources/list"]).await, "resources"), ["amber", "s-1"]);
    let read = inspect(&["resources/read", "--uri", "skreaver://agents/amber/sessions/s-1"]).await;
    assert!(read["contents"][0]["text"].as_str().unwrap().contains("uppercase:hi"), "{read}");
    assert_eq!(names(&inspect(&["resources/templates/list"]).await, "resourceTemplates"), ["session"]);
    assert_eq!(names(&inspect(&["prompts/list"]).await, "prompts"), ["amber"]);
    let prompt = inspect(&["prompts/get", "--prompt-name", "amber", "--prompt-args", "request=Greet."]).await;
    assert!(prompt["messages"][0]["content"]["text"].as_str().unwrap().contains("Greet."), "{prompt}");
}

/// The block of the documentation, word for word but for where the program is.
#[tokio::test]
async fn the_documented_configuration_of_a_desktop_starts_the_standard_tools() {
    let docs = fs::read_to_string(root().join("docs/mcp.md")).unwrap();
    let block = docs.split("```json\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let config: Value = serde_json::from_str(block).unwrap();
    let server = &config["mcpServers"]["skreaver"];
    let command = binary(server["command"].as_str().unwrap()).display().to_string();
    let mut args = vec!["mcp-inspector", "--cli", command.as_str()];
    args.extend(server["args"].as_array().unwrap().iter().map(|arg| arg.as_str().unwrap()));
    let (passed, listed) = judged(&[args.as_slice(), &["--method", "tools/list"]].concat()).await;
    assert!(passed && listed.contains("\"uppercase\"") && !listed.contains("\"http_get\""), "{listed}");
    let call = ["--method", "tools/call", "--tool-name", "uppercase", "--tool-arg", "text=hi"];
    let (passed, called) = judged(&[args.as_slice(), &call].concat()).await;
    assert!(passed && called.contains("\"HI\""), "{called}");
}
