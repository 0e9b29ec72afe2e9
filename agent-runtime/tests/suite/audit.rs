//! The audit: each decision is recorded before its effect, and a call that cannot be recorded is not made.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use skreaver::audit::{AuditLog, verify};
use skreaver::protocol::{AgentName, ToolName};
use skreaver::testing::MockTool;
use skreaver::{Observation, Runtime};

use crate::support::{config, until};

const AGENT: &str =
    "agents: [{name: clerk, tools: [{name: pay, source: {type: Builtin}}, {name: reverse, source: {type: Builtin}}]}]";

fn runtime(log: &Path, pay: &MockTool) -> Runtime {
    let clerk = AgentName::parse("clerk").unwrap();
    let policies = json!({"version": 7, "policies": [
        {"name": "house", "mode": "Enforce", "defaultAction": "Allow", "rules": [{"name": "no-mirrors", "tools": ["reverse"], "action": "Deny"}]},
        {"name": "watch", "mode": "Audit", "defaultAction": "Deny", "rules": []},
    ]});
    Runtime::builder()
        .config(config(AGENT))
        .tool(ToolName::parse("pay").unwrap(), std::sync::Arc::new(pay.clone()))
        .policies(clerk, serde_json::from_value(policies).unwrap())
        .audit(AuditLog::to_file(log).unwrap())
        .build()
        .unwrap()
}

#[tokio::test]
async fn every_decision_is_a_record_that_names_what_decided() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    let pay = MockTool::answering(json!("paid"));
    let runtime = runtime(&path, &pay);
    let agent = runtime.agent("clerk").unwrap();
    assert_eq!(agent.observe(Observation::new("pay:4111 1111")).await.unwrap().output, "paid");
    assert_eq!(agent.observe(Observation::new("reverse:abc")).await.unwrap_err().status, 403);
    // Nothing waits for the record of a call that is not made.
    let whole = async || fs::read_to_string(&path).ok().filter(|text| text.lines().count() == 3);
    let text = until(whole).await;
    assert!(!text.contains("4111"), "arguments are told by their hash alone: {text}");
    let records: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told =
        |record: &Value| json!([record["tool"], record["outcome"], record["policy"], record["rule"], record["policy_version"]]);
    assert_eq!(records[0]["kind"], "opened");
    assert_eq!(told(&records[1]), json!(["pay", "would_be_denied", "watch", null, 7]));
    assert_eq!(told(&records[2]), json!(["reverse", "denied", "house", "no-mirrors", 7]));
    let report = verify(text.as_bytes()).unwrap();
    assert!(report.is_whole() && report.chains.len() == 1, "{report:?}");
}

#[tokio::test]
async fn a_call_that_cannot_be_recorded_is_not_made() {
    let pay = MockTool::answering(json!("paid"));
    // Every write to it fails as on a full disk.
    let runtime = runtime(Path::new("/dev/full"), &pay);
    let refused = runtime.agent("clerk").unwrap().observe(Observation::new("pay:5")).await.unwrap_err();
    assert_eq!(
        (refused.status, serde_json::to_value(refused.code).unwrap()),
        (503, json!("audit_unavailable")),
        "{}",
        refused.detail
    );
    assert_eq!(pay.calls(), Vec::<Value>::new());
}

#[tokio::test]
async fn an_effect_that_is_refused_is_a_record_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    let policies = json!({"version": 1, "policies": [
        {"name": "house", "mode": "Enforce", "defaultAction": "Allow", "http": {"allow_domains": ["example.com"]}},
    ]});
    let runtime = Runtime::builder()
        .config(config("agents: [{name: clerk, tools: [{name: http_get, source: {type: Builtin}}]}]"))
        .policies(AgentName::parse("clerk").unwrap(), serde_json::from_value(policies).unwrap())
        .audit(AuditLog::to_file(&path).unwrap())
        .build()
        .unwrap();
    let refused =
        runtime.agent("clerk").unwrap().observe(Observation::new("http_get:http://169.254.169.254/")).await.unwrap_err();
    assert_eq!((refused.status, refused.policy.as_deref()), (403, Some("house")), "{}", refused.detail);
    let records = until(async || {
        let text = fs::read_to_string(&path).unwrap();
        (text.lines().count() == 3).then(|| text.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<Value>>())
    })
    .await;
    assert_eq!((&records[1]["outcome"], &records[2]["kind"]), (&json!("allowed"), &json!("refused_effect")));
    assert_eq!((&records[2]["call"], &records[2]["policy"]), (&records[1]["call"], &json!("house")));
    assert!(verify(fs::read(&path).unwrap().as_slice()).unwrap().is_whole());
}

#[tokio::test]
async fn a_policy_may_have_decisions_recorded_in_the_agents_memory() {
    let policies = json!({"version": 1, "policies": [
        {"name": "house", "mode": "Enforce", "defaultAction": "Allow", "audit": {"sinks": ["Journal"]}},
    ]});
    let text =
        |memory: &str| format!("agents: [{{name: clerk, {memory} tools: [{{name: uppercase, source: {{type: Builtin}}}}]}}]");
    let start = async |memory: &str| {
        crate::support::start(config(&text(memory)), &[("clerk", &policies.to_string())], None, Duration::ZERO).await
    };
    let folder = tempfile::tempdir().unwrap();
    let memory = format!("memory: {{store: {{backend: File, directory: {}}}, durability: Durable}},", folder.path().display());
    let served = start(&memory).await;
    until(async || (served.observe("clerk", "uppercase:4111").await.0 == 200).then_some(())).await;
    assert_eq!(served.observe("clerk", "uppercase:4111").await.0, 200);
    let records = served.client.get(served.url("/agents/clerk/audit")).send().await.unwrap().text().await.unwrap();
    let report = verify(records.as_bytes()).unwrap();
    assert!(report.is_whole() && report.chains.values().map(|chain| chain.records).eq([3]), "{report:?} of {records}");
    assert!(!records.contains("4111"), "{records}");
    served.stop().await;

    // Where they cannot be recorded no call is made.
    let stateless = start("").await;
    let (status, refused) = stateless.observe("clerk", "uppercase:4111").await;
    assert_eq!((status, &refused["code"]), (503, &json!("audit_unavailable")), "{refused}");
    assert!(refused["detail"].as_str().unwrap().contains("the agent has no memory"), "{refused}");
    let (status, refused) = stateless.get("/agents/clerk/audit").await;
    assert_eq!((status, &refused["code"]), (422, &json!("memory_required")), "{refused}");
}
