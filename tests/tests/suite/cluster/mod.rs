//! The whole: a cluster with nodes, the operator installed by its chart, and agents that answer through their Services. Runs
//! inside the cluster's network, one test at a time.

mod agents;
mod approvals;
mod auth;
mod chart;
mod mcp_peers;
mod memory;
mod network;
mod operator;
mod policies;
mod runs;
mod tools;
mod twenty;

use reqwest::RequestBuilder;
use serde_json::{Map, Value, json};
use skreaver_tests::{Namespace, until};

/// The namespace of the operator.
const SYSTEM: &str = "skreaver-system";

/// Asks an agent through its Service.
async fn observe(namespace: &Namespace, agent: &str, input: &str) -> anyhow::Result<(u16, Value)> {
    observe_as(namespace, agent, None, input).await
}

/// Asks with a credential, if there is one.
async fn observe_as(namespace: &Namespace, agent: &str, credential: Option<&str>, input: &str) -> anyhow::Result<(u16, Value)> {
    let url = format!("http://{agent}.{}.svc.cluster.local:8080/agents/{agent}/observe", namespace.name);
    let request = reqwest::Client::new().post(url).json(&json!({ "input": input }));
    let response = credential.into_iter().fold(request, RequestBuilder::bearer_auth).send().await?;
    Ok((response.status().as_u16(), response.json().await?))
}

/// A token of a ServiceAccount in a namespace, for an audience.
async fn token(namespace: &Namespace, account: &str, audience: &str) -> String {
    let token = namespace.kubectl(&["create", "token", account, &format!("--audience={audience}")]).await.unwrap();
    token.trim().to_owned()
}

/// The audience of an agent.
fn audience(namespace: &Namespace, agent: &str) -> String {
    format!("skreaver.dev/agent/{}/{agent}", namespace.name)
}

/// Asks an agent over MCP, through its Service.
async fn ask(namespace: &Namespace, agent: &str, method: &str, params: Value) -> Option<Value> {
    let url = format!("http://{agent}.{}.svc.cluster.local:8080/mcp", namespace.name);
    let request = reqwest::Client::new().post(url).header("accept", "application/json, text/event-stream");
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
    request.json(&body).send().await.ok()?.json().await.ok()
}

/// The tools that an agent lists over MCP.
async fn listed(namespace: &Namespace, agent: &str) -> Option<Vec<String>> {
    let answer = ask(namespace, agent, "tools/list", json!({})).await?;
    let tools = answer["result"]["tools"].as_array()?.iter();
    Some(tools.filter_map(|tool| tool["name"].as_str().map(str::to_owned)).collect())
}

/// An Agent that asks nobody who they are unless its spec says how: `auth` has the tests of that.
fn agent(name: &str, spec: &str) -> String {
    let mut spec: Map<String, Value> = serde_yaml::from_str(spec).expect("a spec is a map");
    spec.entry("expose").or_insert_with(|| json!({"auth": {"type": "None"}}));
    let metadata = json!({"name": name, "labels": {"tier": "internal"}});
    json!({"apiVersion": "skreaver.dev/v1alpha1", "kind": "Agent", "metadata": metadata, "spec": spec}).to_string()
}

async fn ready(namespace: &Namespace, agent: &str) {
    let what = format!("agent/{agent}");
    namespace.kubectl(&["wait", "--for=condition=Ready", &what, "--timeout=60s"]).await.unwrap();
    // The node's own rules for the Service follow its endpoints after a moment.
    until("the Service to lead to the agent", async || observe(namespace, agent, "hello").await.ok()).await;
}

/// The names of the pods of an agent that are not going.
async fn pods(namespace: &Namespace, agent: &str) -> Vec<String> {
    let pods = namespace.list("pods").await;
    let of_agent = pods.iter().filter(|pod| pod["metadata"]["labels"]["skreaver.dev/agent"] == agent);
    let staying = of_agent.filter(|pod| pod["metadata"]["deletionTimestamp"].is_null());
    staying.map(|pod| pod["metadata"]["name"].as_str().unwrap().to_owned()).collect()
}
