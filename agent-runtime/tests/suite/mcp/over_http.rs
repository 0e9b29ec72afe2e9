//! MCP over HTTP: the agent's tools, behind the same door, for the names of the Service only.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::spoken::{ASKS, LAPTOP};
use crate::support::{Held, Served, config, start};

const CLUSTER: &str = "
agents:
  - name: amber
    instructions: Shout first.
    tools: [{name: uppercase, source: {type: Builtin}}, {name: analyze, source: {type: Builtin}}, {name: reverse, source: {type: Builtin}}]
cluster: {namespace: quarry, hosts: [amber, amber.quarry.svc], policiesFile: /none}";
const NO_REVERSE: &str = "{version: 2, policies: [{name: stone, mode: Enforce, defaultAction: Allow, rules: [{name: forward, tools: [reverse], action: Deny}]}]}";

async fn served() -> Served {
    start(config(CLUSTER), &[("amber", NO_REVERSE)], None, Duration::ZERO).await
}

async fn post(served: &Served, host: &str, origin: Option<&str>, body: &Value) -> (u16, Value) {
    let mut request = served.client.post(served.url("/mcp")).header(header::HOST, host).json(body);
    request = request.header(header::ACCEPT, "application/json, text/event-stream");
    if let Some(origin) = origin {
        request = request.header(header::ORIGIN, origin);
    }
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap_or_default())
}

async fn ask(served: &Served, method: &str, params: Value) -> Value {
    let body = json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params });
    let (status, answer) = post(served, "amber:8080", None, &body).await;
    assert_eq!((status, &answer["id"]), (200, &json!(7)), "{answer}");
    answer
}

#[tokio::test]
async fn the_permitted_tools_are_listed_and_called() {
    let served = served().await;
    let client = json!({ "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": { "name": "t", "version": "0" } });
    let hello = ask(&served, "initialize", client).await;
    assert_eq!(hello["result"]["serverInfo"]["name"], "amber");
    assert_eq!(hello["result"]["instructions"], "Shout first.");
    let listed = ask(&served, "tools/list", json!({})).await;
    let names: Vec<_> = listed["result"]["tools"].as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["analyze", "uppercase", "amber"]);
    let output = &listed["result"]["tools"][0]["outputSchema"];
    assert_eq!((&output["type"], &output["properties"]["words"]["type"]), (&json!("object"), &json!("integer")));
    assert!(listed["result"]["tools"][1]["outputSchema"].is_null(), "a text is no object");
    let shouted = ask(&served, "tools/call", json!({ "name": "uppercase", "arguments": { "text": "hi" } })).await;
    assert_eq!(shouted["result"]["content"][0]["text"], "HI");
    let counted = ask(&served, "tools/call", json!({ "name": "analyze", "arguments": { "text": "a b" } })).await;
    assert_eq!(counted["result"]["structuredContent"]["words"], 2);
    served.stop().await;
}

#[tokio::test]
async fn refusals_are_told_to_the_model_and_unknown_tools_to_the_client() {
    let served = served().await;
    let denied = ask(&served, "tools/call", json!({ "name": "reverse", "arguments": { "text": "hi" } })).await;
    assert_eq!(denied["result"]["isError"], true);
    let text = denied["result"]["content"][0]["text"].as_str().unwrap();
    let told = "tool `reverse` is denied by rule `forward` of ToolPolicy `stone`; the agent may call analyze, uppercase";
    assert_eq!(text, told);
    let wrong = ask(&served, "tools/call", json!({ "name": "uppercase", "arguments": { "txt": "hi" } })).await;
    assert_eq!(wrong["result"]["isError"], true);
    let unknown = ask(&served, "tools/call", json!({ "name": "levitate", "arguments": {} })).await;
    assert_eq!(unknown["error"]["code"], -32602);
    served.stop().await;
}

#[tokio::test]
async fn only_names_of_the_service_are_answered() {
    let served = served().await;
    let list = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" });
    for host in ["amber", "amber:8080", "amber.quarry.svc:8080", "localhost:3000", "127.0.0.1"] {
        assert_eq!(post(&served, host, None, &list).await.0, 200, "{host}");
    }
    for host in ["evil.example", "amber.evil.example", "other.quarry.svc"] {
        let (status, problem) = post(&served, host, None, &list).await;
        assert_eq!((status, &problem["code"]), (403, &json!("forbidden_host")), "{host}");
    }
    assert_eq!(post(&served, "amber", Some("http://amber:8080"), &list).await.0, 200);
    assert_eq!(post(&served, "amber", Some("https://evil.example"), &list).await.0, 403);
    served.stop().await;
}

#[tokio::test]
async fn only_post_is_served() {
    let served = served().await;
    let response = served.client.get(served.url("/mcp")).header(header::ACCEPT, "text/event-stream").send().await.unwrap();
    assert_eq!((response.status().as_u16(), response.headers()[header::ALLOW].to_str().unwrap()), (405, "POST"));
    served.stop().await;
}

#[tokio::test]
async fn a_call_over_the_bound_is_refused_like_an_observation() {
    let gate = Arc::new(Semaphore::new(0));
    let narrow =
        "agents: [{name: amber, limits: {concurrency: 1, queueLength: 0}, tools: [{name: uppercase, source: {type: Builtin}}]}]";
    let served = start(config(narrow), &[], Some(Held(Arc::clone(&gate))), Duration::ZERO).await;
    let call = |id| {
        let params = json!({ "name": "uppercase", "arguments": { "text": "held" } });
        let body = json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params });
        let request = served.client.post(served.url("/mcp")).json(&body);
        request.header(header::ACCEPT, "application/json, text/event-stream").send()
    };
    let running = tokio::spawn(call(1));
    while served.get("/agents/amber/status").await.1["running"] != 1 {
        tokio::task::yield_now().await;
    }
    let refused = call(2).await.unwrap();
    assert_eq!((refused.status().as_u16(), refused.headers()[header::RETRY_AFTER].to_str().unwrap()), (429, "1"));
    assert_eq!(refused.headers()[header::CONTENT_TYPE], "application/problem+json");
    assert_eq!(refused.json::<Value>().await.unwrap()["code"], "queue_full");
    assert_eq!(served.get("/agents/amber/status").await.1["runs"]["rejected"], 1);
    gate.add_permits(1);
    let answer: Value = running.await.unwrap().unwrap().json().await.unwrap();
    assert_eq!(answer["result"]["content"][0]["text"], "held");
    served.stop().await;
}

#[tokio::test]
async fn since_2026_07_28_an_approval_comes_with_the_call_made_again_and_is_good_for_its_arguments_alone() {
    let served = start(
        config(&LAPTOP.replace("quartz, tools: [{name: quartz, source: {type: Builtin}}, ", "quartz, tools: [")),
        &[("amber", ASKS)],
        None,
        Duration::ZERO,
    )
    .await;
    let call = |text: &str, more: Value| {
        let meta = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientInfo": { "name": "t", "version": "0" },
            "io.modelcontextprotocol/clientCapabilities": { "elicitation": {} }
        });
        let mut params = json!({ "name": "uppercase", "arguments": { "text": text }, "_meta": meta });
        params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let body = json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params });
        let request = served.client.post(served.url("/agents/amber/mcp")).json(&body);
        let request = request.header("mcp-protocol-version", "2026-07-28").header("mcp-method", "tools/call");
        let request = request.header("mcp-name", "uppercase").header(header::ACCEPT, "application/json, text/event-stream");
        async move { request.send().await.unwrap().json::<Value>().await.unwrap() }
    };
    let asked = call("hi", json!({})).await;
    assert_eq!(asked["result"]["resultType"], "input_required", "{asked}");
    assert_eq!(asked["result"]["inputRequests"]["approval"]["method"], "elicitation/create");
    let said = json!({
        "requestState": asked["result"]["requestState"],
        "inputResponses": { "approval": { "action": "accept", "content": { "approve": true } } }
    });
    assert_eq!(call("other", said.clone()).await["result"]["resultType"], "input_required");
    assert_eq!(call("hi", said).await["result"]["content"][0]["text"], "HI");
    served.stop().await;
}
