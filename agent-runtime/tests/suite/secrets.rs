//! Secrets at the door: refused or redacted in what goes in and what comes out, and never told.

use serde_json::{Value, json};
use skreaver::protocol::AgentName;
use skreaver::testing::{Harness, MockTool};
use skreaver::{Observation, Runtime};

use crate::double::{Double, answer, ask_for};
use crate::support::config;

/// A token of the form that GitHub gives out, with a checksum that holds.
const TOKEN: &str = "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";

/// An agent whose tool `send` answers this.
fn clerk(secrets: &Value, mode: &str, send: &MockTool) -> Runtime {
    let policies = json!({"version": 1, "policies": [
        {"name": "house", "mode": mode, "defaultAction": "Allow", "secrets": secrets},
    ]});
    Runtime::builder()
        .config(config("agents: [{name: clerk, tools: [{name: send, source: {type: Builtin}}]}]"))
        .tool(skreaver::protocol::ToolName::parse("send").unwrap(), std::sync::Arc::new(send.clone()))
        .policies(AgentName::parse("clerk").unwrap(), serde_json::from_value(policies).unwrap())
        .build()
        .unwrap()
}

async fn say(runtime: &Runtime, input: &str) -> Result<String, Value> {
    let outcome = runtime.agent("clerk").unwrap().observe(Observation::new(input)).await;
    outcome.map(|answer| answer.output).map_err(|problem| serde_json::to_value(*problem).unwrap())
}

#[tokio::test]
async fn a_secret_in_arguments_is_refused_by_kind_and_place_alone() {
    let send = MockTool::answering(json!("sent"));
    let runtime = clerk(&json!({"arguments": "Deny"}), "Enforce", &send);
    let problem = say(&runtime, &format!("send:use {TOKEN} for it")).await.unwrap_err();
    assert_eq!((&problem["status"], &problem["code"], &problem["policy"]), (&json!(403), &json!("tool_denied"), &json!("house")));
    assert!(problem["detail"].as_str().unwrap().contains("a github-pat at `/text`"), "{problem}");
    assert!(!problem.to_string().contains(TOKEN));
    assert_eq!(send.calls(), Vec::<Value>::new());
    for honest in
        ["see ?q=a&b=c by Tom & Jerry", "commit 3f786850e387550fdab836ed7e6dc881de23001b", "the password is on the desk"]
    {
        assert_eq!(say(&runtime, &format!("send:{honest}")).await.unwrap(), "sent", "{honest}");
    }
}

#[tokio::test]
async fn a_secret_is_taken_out_of_what_the_tool_gets() {
    let send = MockTool::answering(json!("sent"));
    let runtime = clerk(&json!({"arguments": "Redact"}), "Enforce", &send);
    assert_eq!(say(&runtime, &format!("send:use {TOKEN} for it")).await.unwrap(), "sent");
    assert_eq!(send.calls(), [json!({"text": "use [redacted:github-pat] for it"})]);
}

#[tokio::test]
async fn a_policy_that_looks_on_counts_and_lets_pass() {
    let send = MockTool::answering(json!("sent"));
    let runtime = clerk(&json!({"arguments": "Deny"}), "Audit", &send);
    assert_eq!(say(&runtime, &format!("send:{TOKEN}")).await.unwrap(), "sent");
    let refusals = runtime.agent("clerk").unwrap().status().refusals;
    assert_eq!(serde_json::to_value(&refusals).unwrap()[0]["policy"], "house");
    assert_eq!(send.calls(), [json!({"text": TOKEN})]);
}

#[tokio::test]
async fn a_secret_in_a_result_is_withheld_or_redacted_before_the_model_sees_it() {
    let look = MockTool::answering(json!({"user": "ore", "token": TOKEN}));
    let runtime = clerk(&json!({"results": "Deny"}), "Enforce", &look);
    let problem = say(&runtime, "send:x").await.unwrap_err();
    assert_eq!((&problem["code"], &problem["policy"]), (&json!("result_withheld"), &json!("house")));
    assert!(!problem.to_string().contains(TOKEN));

    let policies = json!({"version": 1, "policies": [
        {"name": "house", "mode": "Enforce", "defaultAction": "Allow", "secrets": {"results": "Redact"}},
    ]});
    let model = Double::new(vec![ask_for(&[("look", json!({}))]), answer("done")]);
    let started = Harness::new("clerk").model(&model).tool("look", &look).start().await.unwrap();
    let policy = skreaver::policy::Policy::compile(&serde_json::from_value(policies).unwrap()).unwrap();
    started.agent().set_policy(policy);
    assert_eq!(started.observe("go").await.unwrap().output, "done");
    let told = serde_json::to_string(&model.questions()[1].messages).unwrap();
    assert!(told.contains("[redacted:") && !told.contains(TOKEN), "{told}");
}

fn policy(secrets: &Value) -> skreaver::policy::Policy {
    let policies = json!({"version": 1, "policies": [
        {"name": "house", "mode": "Enforce", "defaultAction": "Allow", "secrets": secrets},
    ]});
    skreaver::policy::Policy::compile(&serde_json::from_value(policies).unwrap()).unwrap()
}

#[tokio::test]
async fn a_secret_in_a_prompt_is_refused_or_redacted_before_anybody_sees_it() {
    let model = Double::new(vec![answer("I will")]);
    let started = Harness::new("clerk").model(&model).start().await.unwrap();
    started.agent().set_policy(policy(&json!({"prompts": "Deny"})));
    let problem = serde_json::to_value(*started.observe(&format!("use {TOKEN}")).await.unwrap_err()).unwrap();
    assert_eq!(
        (&problem["status"], &problem["code"], &problem["policy"]),
        (&json!(403), &json!("input_denied"), &json!("house"))
    );
    assert!(!problem.to_string().contains(TOKEN));
    started.agent().set_policy(policy(&json!({"prompts": "Redact"})));
    assert_eq!(started.observe(&format!("use {TOKEN}")).await.unwrap().output, "I will");
    let told = serde_json::to_string(&model.questions()[0].messages).unwrap();
    assert!(told.contains("use [redacted:github-pat]") && !told.contains(TOKEN), "{told}");
}

#[tokio::test]
async fn a_secret_is_not_remembered_beyond_its_run() {
    for (action, expected) in [("Redact", "the token is [redacted:github-pat]"), ("Deny", "[withheld: a github-pat]")] {
        let memory = std::sync::Arc::new(skreaver::memory::InMemory::new());
        let said = format!("the token is {TOKEN}");
        let note = json!({"text": format!("note {TOKEN}")});
        let model = Double::new(vec![ask_for(&[("remember", note)]), answer(&said), answer("which one?")]);
        let started = Harness::new("clerk").model(&model).memory(&memory).builtin("remember").start().await.unwrap();
        started.agent().set_policy(policy(&json!({"memory": action})));
        let say = async |input: &str| {
            let session = Some(skreaver::protocol::SessionId::parse("a").unwrap());
            started.agent().observe(Observation { session, ..Observation::new(input) }).await
        };
        // The caller of the run gets its answer, and the model of the run has what it needs.
        assert_eq!(say(&said).await.unwrap().output, said);
        let told = serde_json::to_string(&model.questions()[1].messages).unwrap();
        assert!(told.contains(TOKEN), "{told}");
        if action == "Deny" {
            assert!(told.contains("is denied by the secrets of ToolPolicy `house`"), "{told}");
        }
        say("use it").await.unwrap();
        let told = serde_json::to_string(&model.questions()[2].messages).unwrap();
        assert!(told.contains(expected) && !told.contains(TOKEN), "{told}");
        let notes =
            skreaver::memory::Memory::scan(&*memory, &skreaver::memory::Scan::prefix(skreaver::memory::NOTES, 10)).await.unwrap();
        let notes: Vec<_> = notes.iter().map(|(_, text)| String::from_utf8_lossy(text).into_owned()).collect();
        let kept = if action == "Redact" { vec!["note [redacted:github-pat]".to_owned()] } else { Vec::new() };
        assert_eq!(notes, kept);
    }
}
