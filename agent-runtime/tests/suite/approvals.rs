//! Calls that wait for people, in runs and outside of them.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use skreaver::memory::{InMemory, Memory};
use skreaver::model::Model;
use skreaver::protocol::AgentName;
use skreaver::protocol::policy::PolicyBundle;
use skreaver::testing::Reply;
use skreaver::testing::ScriptedModel;
use skreaver::{Listeners, Runtime, serve};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::support::{Served, config, start, until};

const ASKS: &str = "
version: 1
policies:
- name: care
  mode: Enforce
  defaultAction: Allow
  rules: [{name: loud, tools: [uppercase], action: RequireApproval, approval: {quorum: QUORUM, timeout: TIMEOUT}, redact: {arguments: [pin]}}]
";

const RULES: &str = "
agents:
- name: clerk
  tools: [{name: uppercase, source: {type: Builtin}}, {name: reverse, source: {type: Builtin}}]
  limits: {concurrency: 1, queueLength: 0, runTimeout: 1s}
";

const THINKS: &str = "
agents:
- name: clerk
  tools: [{name: uppercase, source: {type: Builtin}}, {name: reverse, source: {type: Builtin}}]
  models: [{provider: OpenAICompatible, name: one, baseURL: 'http://unused', timeout: 5s, maxAttempts: 1}]
  memory: {store: {backend: InMemory}, durability: Ephemeral}
  limits: {runTimeout: 2s}
";

fn asks(quorum: u32, timeout: &str) -> String {
    ASKS.replace("QUORUM", &quorum.to_string()).replace("TIMEOUT", timeout)
}

/// The only call that waits.
async fn waiting(served: &Served) -> Value {
    until(async || served.get("/agents/clerk/approvals").await.1["approvals"].get(0).cloned()).await
}

async fn decide(served: &Served, name: &str, body: Value) -> (u16, Value) {
    let response = served.client.post(served.url(&format!("/agents/clerk/approvals/{name}"))).json(&body).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

fn name(waiting: &Value) -> String {
    waiting["request"]["name"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_call_waits_for_a_quorum_and_the_agent_goes_on_meanwhile() {
    let served = start(config(RULES), &[("clerk", &asks(2, "1h"))], None, Duration::ZERO).await;
    let asked = async { served.observe("clerk", "uppercase:go").await };
    let decided = async {
        let waits = waiting(&served).await;
        let request = &waits["request"];
        assert_eq!((&request["tool"], &request["quorum"]), (&json!("uppercase"), &json!(2)));
        assert_eq!(request["askedBy"], json!([{"policy": "care", "rule": "loud"}]));
        assert_eq!(request["preview"], json!({"text": "go"}));
        // It waits for longer than a run may take, and holds no place: only one run may be at work.
        tokio::time::sleep(Duration::from_millis(1200)).await;
        assert_eq!(served.observe("clerk", "reverse:ab").await.1["output"], "ba");
        let name = name(&waits);
        let ann = json!({"decision": "Approve", "user": "ann"});
        assert_eq!(decide(&served, &name, ann.clone()).await, (200, json!({"state": "Waiting"})));
        let (status, problem) = decide(&served, &name, ann).await;
        assert_eq!((status, &problem["code"]), (409, &json!("decided_already")));
        assert_eq!(
            decide(&served, &name, json!({"decision": "Approve", "user": "bob"})).await,
            (200, json!({"state": "Approved"}))
        );
        let (status, problem) = decide(&served, "clerk-0", json!({"decision": "Deny"})).await;
        assert_eq!((status, &problem["code"]), (404, &json!("unknown_approval")));
        let (status, problem) = decide(&served, &name, json!({"decision": "Approve", "user": ""})).await;
        assert_eq!((status, &problem["code"]), (422, &json!("invalid_request")));
    };
    let ((status, answer), ()) = tokio::join!(asked, decided);
    assert_eq!((status, &answer["output"]), (200, &json!("GO")), "{answer}");
    assert_eq!(served.get("/agents/clerk/approvals").await.1, json!({"approvals": []}));
    served.stop().await;
}

#[tokio::test]
async fn who_denies_ends_it_and_so_does_time() {
    let served = start(config(RULES), &[("clerk", &asks(1, "1s"))], None, Duration::ZERO).await;
    let asked = async { served.observe("clerk", "uppercase:go").await };
    let denied = async {
        let name = name(&waiting(&served).await);
        decide(&served, &name, json!({"decision": "Deny", "user": "eve", "reason": "not today"})).await
    };
    let ((status, problem), outcome) = tokio::join!(asked, denied);
    assert_eq!(outcome, (200, json!({"state": "Denied"})));
    assert_eq!(
        (status, &problem["code"], &problem["policy"], &problem["rule"]),
        (403, &json!("not_approved"), &json!("care"), &json!("loud"))
    );
    assert!(problem["detail"].as_str().unwrap().ends_with("`eve` denied it: not today"), "{problem}");

    let (status, problem) = served.observe("clerk", "uppercase:go").await;
    assert_eq!((status, &problem["code"]), (403, &json!("not_approved")));
    assert!(problem["detail"].as_str().unwrap().contains("nobody has approved it within 1s"), "{problem}");
    served.stop().await;
}

/// Serves a clerk that thinks over this memory, under policies that ask one person.
async fn clerk(memory: &Arc<InMemory>, model: &Arc<ScriptedModel>) -> Served {
    let name = AgentName::parse("clerk").unwrap();
    let bundle: PolicyBundle = serde_yaml::from_str(&asks(1, "1h")).unwrap();
    let builder = Runtime::builder().config(config(THINKS)).policies(name.clone(), bundle);
    let builder = builder.memory(name.clone(), Arc::clone(memory) as Arc<dyn Memory>);
    let runtime = Arc::new(builder.models(name, vec![Arc::clone(model) as Arc<dyn Model>]).build().unwrap());
    let api = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, shutdown) = (api.local_addr().unwrap(), CancellationToken::new());
    let ended = tokio::spawn(serve(runtime, Listeners { api, admin: None }, shutdown.clone(), Duration::ZERO));
    let served = Served { address, shutdown, ended, client: reqwest::Client::new() };
    until(async || (served.get("/ready").await.0 == 200).then_some(())).await;
    served
}

#[tokio::test]
async fn what_waits_goes_on_waiting_in_another_process_under_the_same_name() {
    let memory = Arc::new(InMemory::new());
    let calls = [("uppercase", json!({"text": "go", "pin": "1234"})), ("reverse", json!({"text": "ab"}))];
    let model = ScriptedModel::new([Reply::tools(&calls), Reply::text("done")]);
    let first = clerk(&memory, &model).await;
    let url = first.url("/agents/clerk/observe");
    let accepted = first.client.post(url).header("prefer", "respond-async").json(&json!({"input": "go"})).send().await.unwrap();
    let run: Value = accepted.json().await.unwrap();
    let before = waiting(&first).await;
    assert_eq!(before["request"]["preview"]["pin"], "[redacted]");
    // It dies as a process does: nothing is told to anybody any more.
    first.ended.abort();
    let _ = first.ended.await;

    let second = clerk(&memory, &model).await;
    let after = waiting(&second).await;
    assert_eq!(after["request"], before["request"], "the same call, asked at the same time");
    // Beyond the time that a run may take.
    tokio::time::sleep(Duration::from_millis(2200)).await;
    assert_eq!(decide(&second, &name(&after), json!({"decision": "Approve"})).await.0, 200);
    let path = format!("/agents/clerk/runs/{}", run["run"].as_str().unwrap());
    let ended = until(async || Some(second.get(&path).await.1).filter(|status| status["state"] != "running")).await;
    assert_eq!((&ended["state"], &ended["output"]), (&json!("completed"), &json!("done")), "{ended}");
    let told = second.client.get(second.url(&format!("{path}/events"))).send().await.unwrap().text().await.unwrap();
    let names: Vec<_> = told.lines().filter_map(|line| line.strip_prefix("event: ")).collect();
    for event in ["approval_requested", "approval_granted", "tool_call", "tool_result", "completed"] {
        assert!(names.contains(&event), "{names:?}");
    }
    assert!(!told.contains("1234"), "{told}");
    second.stop().await;
}

#[tokio::test]
async fn a_process_that_ends_leaves_what_waits_for_people_to_the_next_one() {
    let memory = Arc::new(InMemory::new());
    let model = ScriptedModel::new([Reply::tools(&[("uppercase", json!({"text": "go"}))]), Reply::text("done")]);
    let first = clerk(&memory, &model).await;
    let url = first.url("/agents/clerk/observe");
    let accepted = first.client.post(url).header("prefer", "respond-async").json(&json!({"input": "go"})).send().await.unwrap();
    let run: Value = accepted.json().await.unwrap();
    let name = name(&waiting(&first).await);
    let begun = std::time::Instant::now();
    first.stop().await;
    assert!(begun.elapsed() < Duration::from_millis(1500), "it does not wait for people: {:?}", begun.elapsed());
    let second = clerk(&memory, &model).await;
    waiting(&second).await;
    assert_eq!(decide(&second, &name, json!({"decision": "Approve"})).await.0, 200);
    let path = format!("/agents/clerk/runs/{}", run["run"].as_str().unwrap());
    let ended = until(async || Some(second.get(&path).await.1).filter(|status| status["state"] != "running")).await;
    assert_eq!(ended["output"], "done", "{ended}");
    second.stop().await;
}

#[tokio::test]
async fn a_run_that_waits_can_be_cancelled() {
    let memory = Arc::new(InMemory::new());
    let model = ScriptedModel::new([Reply::tools(&[("uppercase", json!({"text": "go"}))]), Reply::text("done")]);
    let served = clerk(&memory, &model).await;
    let url = served.url("/agents/clerk/observe");
    let accepted = served.client.post(url).header("prefer", "respond-async").json(&json!({"input": "go"})).send().await.unwrap();
    let run: Value = accepted.json().await.unwrap();
    waiting(&served).await;
    let path = format!("/agents/clerk/runs/{}", run["run"].as_str().unwrap());
    assert_eq!(served.client.post(served.url(&format!("{path}/cancel"))).send().await.unwrap().status(), 202);
    let ended = until(async || Some(served.get(&path).await.1).filter(|status| status["state"] != "running")).await;
    assert_eq!(ended["state"], "cancelled");
    assert_eq!(served.get("/agents/clerk/approvals").await.1, json!({"approvals": []}));
    served.stop().await;
}

#[tokio::test]
async fn a_call_outside_of_runs_waits_for_nobody() {
    let served = start(config(RULES), &[("clerk", &asks(1, "1h"))], None, Duration::ZERO).await;
    let call =
        json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "uppercase", "arguments": {"text": "go"}}});
    let request = served.client.post(served.url("/mcp")).header("accept", "application/json, text/event-stream");
    let text = request.json(&call).send().await.unwrap().text().await.unwrap();
    assert!(text.contains("only a run waits for that"), "{text}");
    served.stop().await;
}
