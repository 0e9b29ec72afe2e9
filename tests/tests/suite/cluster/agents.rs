//! Agents as their developers meet them.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::{Value, json};
use skreaver_tests::{Namespace, clients, root, until, writes};

use super::{agent, audience, observe, observe_as, pods, ready, token};

#[tokio::test]
async fn the_samples_become_ready_and_answer() {
    let namespace = Namespace::create("samples").await;
    let samples = root().join("config/samples");
    namespace.kubectl(&["apply", "-f", samples.to_str().unwrap()]).await.unwrap();
    namespace.kubectl(&["wait", "--for=condition=Ready", "agents", "--all", "--timeout=90s"]).await.unwrap();
    let ask = async |agent: &str, input: &str| {
        let token = token(&namespace, "default", &audience(&namespace, agent)).await;
        observe_as(&namespace, agent, Some(&token), input).await.unwrap()
    };
    let (status, answer) = ask("shouter", "uppercase:hello world").await;
    assert_eq!((status, &answer["output"]), (200, &json!("HELLO WORLD")));
    // The sample policy denies one tool of this agent.
    let (status, problem) = ask("demo-agent-2", "uppercase:a b").await;
    assert_eq!((status, &problem["code"], &problem["policy"]), (403, &json!("tool_denied"), &json!("quiet")));
    assert_eq!(ask("demo-agent-2", "lowercase:A B").await.0, 200);
    namespace.delete().await;
}

/// The protocol's own Python client, through the Service.
#[tokio::test]
async fn a_client_from_elsewhere_uses_all_of_mcp_and_no_name_but_those_of_the_service() {
    let namespace = Namespace::create("mcp").await;
    let tools = "tools: [{name: uppercase, type: Builtin}, {name: reverse, type: Builtin}]";
    namespace.apply(&agent("amber", &format!("{{{tools}, memory: {{backend: InMemory}}}}"))).await.unwrap();
    ready(&namespace, "amber").await;
    let url = namespace.get("agent", "amber").await.unwrap()["status"]["endpoints"]["mcp"].as_str().unwrap().to_owned();
    for mode in ["auto", "legacy"] {
        let mut python = Command::new(clients().join("bin/python"));
        let output = python.arg(root().join("tests/clients/mcp_client.py")).args([mode, &url]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let found: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(found["tools"], json!(["amber", "reverse", "uppercase"]));
        assert_eq!((&found["called"], &found["answered"]), (&json!(["HI", false]), &json!("HELLO")));
        assert_eq!((&found["said"], &found["prompts"], &found["prompt"]), (&json!(true), &json!(["amber"]), &json!(true)));
    }
    // A web page that rebinds its own name to the Service's address is known by that name.
    let list = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"});
    let full = format!("amber.{}.svc.cluster.local", namespace.name);
    let short = [&full, full.trim_end_matches(".cluster.local"), &format!("amber.{}", namespace.name), "amber"];
    let address = namespace.get("service", "amber").await.unwrap()["spec"]["clusterIP"].as_str().unwrap().to_owned();
    let foreign = ["evil.example", "amber.evil.example", address.as_str()];
    for (host, expected) in short.into_iter().map(|host| (host, 200)).chain(foreign.map(|host| (host, 403))) {
        let request = reqwest::Client::new().post(&url).json(&list).header("host", format!("{host}:8080"));
        let response = request.header("accept", "application/json, text/event-stream").send().await.unwrap();
        assert_eq!(response.status(), expected, "{host}");
    }
    namespace.delete().await;
}

/// The least that there is to write: each child once, and status twice, when work began and when it is done.
#[tokio::test]
async fn from_create_to_ready_takes_each_child_and_two_of_status() {
    let namespace = Namespace::create("writes").await;
    namespace.apply(&agent("amber", "{tools: [{name: uppercase, type: Builtin}]}")).await.unwrap();
    ready(&namespace, "amber").await;
    let mut counts = BTreeMap::new();
    let by_operator = async || writes(&namespace.name, "system:serviceaccount:skreaver-system");
    for write in by_operator().await {
        *counts.entry(write.resource).or_insert(0) += 1;
    }
    let expected = ["agents/status", "configmaps", "deployments", "networkpolicies", "serviceaccounts", "services"];
    let expected = expected.map(|resource| (resource.to_owned(), if resource == "agents/status" { 2 } else { 1 }));
    assert_eq!(counts, BTreeMap::from(expected));
    // At rest nothing is written. The API server's own clock says how long that was: changes of another object, for longer than
    // the ten seconds after which the state of components is told.
    let before = by_operator().await.len();
    for round in 0..13 {
        namespace
            .apply(&format!("{{apiVersion: v1, kind: ConfigMap, metadata: {{name: clock}}, data: {{round: '{round}'}}}}"))
            .await
            .unwrap();
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    }
    assert_eq!(by_operator().await.len(), before);
    namespace.delete().await;
}

#[tokio::test]
async fn a_changed_spec_rolls_without_a_lost_request() {
    let namespace = Namespace::create("rolls").await;
    namespace.apply(&agent("amber", "{tools: [{name: uppercase, type: Builtin}]}")).await.unwrap();
    ready(&namespace, "amber").await;
    let before = pods(&namespace, "amber").await;
    namespace
        .apply(&agent("amber", "{tools: [{name: uppercase, type: Builtin}, {name: reverse, type: Builtin}]}"))
        .await
        .unwrap();
    let mut asked = 0;
    until("the new spec to answer", async || {
        asked += 1;
        let (status, answer) = observe(&namespace, "amber", "uppercase:still here").await.unwrap();
        assert_eq!((status, &answer["output"]), (200, &json!("STILL HERE")), "request {asked}");
        (observe(&namespace, "amber", "reverse:abc").await.unwrap().1["output"] == "cba").then_some(())
    })
    .await;
    ready(&namespace, "amber").await;
    until("the old pod to go", async || {
        let now = pods(&namespace, "amber").await;
        (now.len() == 1 && now != before).then_some(())
    })
    .await;
    namespace.delete().await;
}

#[tokio::test]
async fn every_deleted_child_comes_back_and_the_agent_answers_again() {
    let namespace = Namespace::create("gone").await;
    namespace.apply(&agent("amber", "{replicas: 2, tools: [{name: reverse, type: Builtin}]}")).await.unwrap();
    ready(&namespace, "amber").await;
    for kind in ["configmap", "serviceaccount", "service", "networkpolicy", "poddisruptionbudget", "deployment"] {
        let first = namespace.get(kind, "amber").await.unwrap()["metadata"]["uid"].clone();
        namespace.kubectl(&["delete", kind, "amber"]).await.unwrap();
        until(&format!("{kind} to come back"), async || {
            (namespace.get(kind, "amber").await?["metadata"]["uid"] != first).then_some(())
        })
        .await;
    }
    until("an answer", async || (observe(&namespace, "amber", "reverse:abc").await.ok()?.0 == 200).then_some(())).await;
    namespace.delete().await;
}

#[tokio::test]
async fn a_deleted_agent_leaves_nothing() {
    let namespace = Namespace::create("leaves").await;
    namespace.apply(&agent("amber", "{replicas: 2}")).await.unwrap();
    ready(&namespace, "amber").await;
    namespace.kubectl(&["delete", "agent", "amber"]).await.unwrap();
    let kinds =
        "configmaps,serviceaccounts,services,networkpolicies,poddisruptionbudgets,deployments,replicasets,pods,endpointslices";
    until("everything of the agent to go", async || {
        let left = namespace.list(kinds).await;
        let ours = left.iter().filter(|object| object["metadata"]["labels"]["skreaver.dev/agent"] == "amber");
        (ours.count() == 0).then_some(())
    })
    .await;
    namespace.delete().await;
}

#[tokio::test]
async fn a_suspended_agent_stops_and_comes_back() {
    let namespace = Namespace::create("suspend").await;
    namespace.apply(&agent("amber", "{}")).await.unwrap();
    ready(&namespace, "amber").await;
    let suspend = async |value: bool| {
        let patch = format!("{{\"spec\": {{\"suspend\": {value}}}}}");
        namespace.kubectl(&["patch", "agent", "amber", "--type=merge", "--patch", &patch]).await.unwrap();
    };
    suspend(true).await;
    namespace.condition("agent", "amber", "Ready", "False", "Suspended").await;
    until("the pods to go", async || pods(&namespace, "amber").await.is_empty().then_some(())).await;
    suspend(false).await;
    namespace.condition("agent", "amber", "Ready", "True", "Serving").await;
    assert_eq!(observe(&namespace, "amber", "hello").await.unwrap().1["output"], "hello");
    namespace.delete().await;
}
