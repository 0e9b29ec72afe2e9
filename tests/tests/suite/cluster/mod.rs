//! The whole: a cluster with nodes, the operator installed by its chart, and agents that answer through their Services. Runs
//! inside the cluster's network, one test at a time.

mod agents;
mod approvals;
mod chart;
mod mcp_peers;
mod memory;
mod network;
mod operator;
mod policies;
mod runs;
mod tools;
mod twenty;

use serde_json::{Value, json};
use skreaver_tests::{Namespace, until};

/// The namespace of the operator.
const SYSTEM: &str = "skreaver-system";

/// Asks an agent through its Service.
async fn observe(namespace: &Namespace, agent: &str, input: &str) -> anyhow::Result<(u16, Value)> {
    let url = format!("http://{agent}.{}.svc.cluster.local:8080/agents/{agent}/observe", namespace.name);
    let response = reqwest::Client::new().post(url).json(&json!({ "input": input })).send().await?;
    Ok((response.status().as_u16(), response.json().await?))
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

/// Who calls it is not asked: that has tests of its own.
fn agent(name: &str, spec: &str) -> String {
    let spec = spec.replacen('{', "{expose: {auth: {type: None}}, ", 1);
    format!(
        "{{apiVersion: skreaver.dev/v1alpha1, kind: Agent, metadata: {{name: {name}, labels: {{tier: internal}}}}, spec: {spec}}}"
    )
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
