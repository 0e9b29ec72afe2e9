//! Agents that come and go while the runtime runs.

use std::sync::Arc;
use std::time::Duration;

use reqwest::{Response, header};
use serde_json::{Value, json};
use skreaver::protocol::AgentName;
use skreaver::protocol::config::AgentConfig;
use skreaver::protocol::policy::PolicyBundle;
use skreaver::{AddError, Runtime};

use crate::support::{Served, config, serve_runtime, start, until};

const AGENTS: &str = "agents: [{name: amber, tools: [{name: uppercase, source: {type: Builtin}}]}]";

/// A manifest is the name and what else the configuration says, as its `spec`.
fn read(manifest: Value) -> Result<(AgentConfig, PolicyBundle), Vec<String>> {
    let mut config = manifest["spec"].clone();
    if config.get("wrong").is_some() {
        return Err(vec!["spec.wrong: is wrong".to_owned(), "spec: is wrong, too".to_owned()]);
    }
    config["name"] = manifest["metadata"]["name"].clone();
    Ok((serde_json::from_value(config).map_err(|error| vec![error.to_string()])?, PolicyBundle::default()))
}

fn runtime() -> Arc<Runtime> {
    Arc::new(Runtime::builder().config(config(AGENTS)).manifests(read).build().unwrap())
}

fn topaz() -> Value {
    let tools = json!([{"name": "uppercase", "source": {"type": "Builtin"}}]);
    let memory = json!({"store": {"backend": "InMemory"}, "durability": "Ephemeral"});
    json!({"metadata": {"name": "topaz"}, "spec": {"tools": tools, "memory": memory}})
}

async fn post(served: &Served, manifest: &Value) -> Response {
    served.client.post(served.url("/agents")).json(manifest).send().await.unwrap()
}

async fn check_refused(response: Response, status: u16, code: &str) -> Value {
    assert_eq!(response.status(), status);
    let problem: Value = response.json().await.unwrap();
    assert_eq!(problem["code"], code, "{problem}");
    problem
}

async fn components(served: &Served) -> Vec<String> {
    let (_, readiness) = served.get("/ready").await;
    readiness["components"].as_array().unwrap().iter().map(|part| part["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn an_agent_that_is_posted_is_served_as_any_other() {
    let served = serve_runtime(runtime()).await;
    let before = components(&served).await;
    let response = post(&served, &topaz()).await;
    assert_eq!(
        (response.status().as_u16(), &response.headers()[header::LOCATION]),
        (201, &"/agents/topaz/status".parse().unwrap())
    );
    let status: Value = response.json().await.unwrap();
    assert_eq!((&status["id"], &status["tools"]), (&json!("topaz"), &json!(["uppercase"])));
    assert_eq!(components(&served).await, [&before[..], &["topaz/policy".to_owned(), "topaz/memory".to_owned()]].concat());
    // Its memory opens, as that of those that were there before.
    until(async || (served.get("/ready").await.0 == 200).then_some(())).await;
    let asked = json!({"input": "uppercase:hello", "session": "s"});
    let answer = served.client.post(served.url("/agents/topaz/observe")).json(&asked).send().await.unwrap();
    assert_eq!(answer.json::<Value>().await.unwrap()["output"], "HELLO");
    assert_eq!(served.get("/agents/topaz/sessions").await.1["sessions"], json!(["s"]));
    assert_eq!(served.get("/agents").await.1["agents"], json!([{"id": "amber"}, {"id": "topaz"}]));
    // It is a door for MCP, and a tool of the others.
    let call = |tool: &str, arguments: Value| json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool, "arguments": arguments}});
    for (agent, call) in
        [("topaz", call("uppercase", json!({"text": "a"}))), ("amber", call("topaz", json!({"input": "uppercase:a"})))]
    {
        let request = served.client.post(served.url(&format!("/agents/{agent}/mcp"))).json(&call);
        let answer = request.header(header::ACCEPT, "application/json, text/event-stream").send().await.unwrap();
        let answer: Value = answer.json().await.unwrap();
        assert_eq!(answer["result"]["content"][0]["text"], "A", "{answer}");
    }
    check_refused(post(&served, &topaz()).await, 409, "name_taken").await;

    let removed = served.client.delete(served.url("/agents/topaz")).send().await.unwrap();
    assert_eq!(removed.status(), 204);
    assert_eq!(served.observe("topaz", "x").await.0, 404);
    assert_eq!(components(&served).await, before);
    assert_eq!(post(&served, &topaz()).await.status(), 201);
    served.stop().await;
}

#[tokio::test]
async fn what_cannot_be_added_says_why() {
    let served = serve_runtime(runtime()).await;
    let with = |change: &dyn Fn(&mut Value)| {
        let mut manifest = topaz();
        change(&mut manifest);
        manifest
    };
    let wrong = check_refused(post(&served, &with(&|it| it["spec"]["wrong"] = true.into())).await, 422, "invalid_request").await;
    assert_eq!(wrong["problems"], json!(["spec.wrong: is wrong", "spec: is wrong, too"]));
    let nameless = check_refused(post(&served, &with(&|it| it["metadata"] = json!({}))).await, 422, "invalid_request").await;
    assert!(nameless["problems"][0].as_str().unwrap().starts_with("metadata.name: "), "{nameless}");
    for name in ["", "Not a name", "../amber", "a".repeat(64).as_str()] {
        check_refused(post(&served, &with(&|it| it["metadata"]["name"] = name.into())).await, 422, "invalid_request").await;
    }
    let unknown = with(&|it| it["spec"]["tools"][0]["name"] = "levitate".into());
    let unknown = check_refused(post(&served, &unknown).await, 422, "invalid_request").await;
    assert_eq!(unknown["problems"], json!(["agent `topaz`: no built-in tool is named `levitate`"]));
    for nothing in [json!([]), json!("topaz"), json!(null), json!(1)] {
        check_refused(post(&served, &nothing).await, 422, "invalid_request").await;
    }
    // A page that has a name of its own lead here is no page of ours.
    let rebound = served.client.post(served.url("/agents")).header(header::HOST, "evil.example").json(&topaz());
    check_refused(rebound.send().await.unwrap(), 403, "forbidden_host").await;
    assert_eq!(served.get("/agents").await.1["agents"], json!([{"id": "amber"}]));
    assert_eq!(components(&served).await, ["server", "config", "policy"]);
    served.stop().await;
}

#[tokio::test]
async fn who_reads_no_manifests_and_who_is_in_a_cluster_says_what_to_do() {
    let served = start(config(AGENTS), &[], None, Duration::ZERO).await;
    check_refused(post(&served, &topaz()).await, 501, "no_manifests").await;
    served.stop().await;

    let mut config = config(AGENTS);
    config.cluster = serde_yaml::from_str("{namespace: quarry, hosts: [amber], policiesFile: /none}").unwrap();
    let served = serve_runtime(Arc::new(Runtime::builder().config(config).manifests(read).build().unwrap())).await;
    let problem = check_refused(post(&served, &topaz()).await, 409, "managed_by_kubernetes").await;
    assert_eq!(problem["detail"], "apply the Agent instead: kubectl apply --namespace quarry -f agent.yaml");
    served.stop().await;
}

#[tokio::test]
async fn the_library_adds_configurations_and_manifests() {
    let runtime = runtime();
    let config: AgentConfig = serde_json::from_value(json!({"name": "jade"})).unwrap();
    runtime.add(config.clone(), PolicyBundle::default()).unwrap();
    let taken = AddError::Taken(AgentName::parse("jade").unwrap());
    assert_eq!(runtime.add(config, PolicyBundle::default()).err(), Some(taken));
    assert_eq!(runtime.add_manifest(topaz()).unwrap().config().name.as_str(), "topaz");
    let names: Vec<_> = runtime.agents().iter().map(|agent| agent.config().name.to_string()).collect();
    assert_eq!(names, ["amber", "jade", "topaz"]);
}

#[tokio::test]
async fn a_thousand_agents_that_come_and_go_leave_nothing_behind() {
    let runtime = runtime();
    let served = serve_runtime(Arc::clone(&runtime)).await;
    until(async || (served.get("/ready").await.0 == 200).then_some(())).await;
    let (before, tasks) = (components(&served).await, || tokio::runtime::Handle::current().metrics().num_alive_tasks());
    let quiet = tasks();
    let mut gone = Vec::new();
    for round in 0..1_000 {
        assert_eq!(post(&served, &topaz()).await.status(), 201, "{round}");
        gone.push(Arc::downgrade(&runtime.agent("topaz").unwrap()));
        // Some have a memory that has been opened and a run in it, some are gone before.
        if round % 10 == 0 {
            until(async || (served.observe("topaz", "uppercase:x").await.0 == 200).then_some(())).await;
        }
        let removed = served.client.delete(served.url("/agents/topaz")).send().await.unwrap();
        assert_eq!(removed.status(), 204, "{round}");
    }
    assert_eq!(components(&served).await, before);
    until(async || gone.iter().all(|agent| agent.strong_count() == 0).then_some(())).await;
    until(async || (tasks() <= quiet).then_some(())).await;
    served.stop().await;
}
