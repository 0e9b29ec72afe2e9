//! A change of policy in twenty pods: how long it takes until all of them have it, while callers go on and none of them notices
//! anything but the new answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use skreaver_tests::{Namespace, until};

use super::{agent, observe};

const PODS: usize = 20;
const CHANGES: usize = 6;
/// The promise for a change; that it is kept by each of so many pods on one busy machine is not asked.
const PATIENCE: Duration = Duration::from_secs(10);

/// Two policies that agree about every call and for other reasons: `reverse` runs and `uppercase` does not. The default of one with
/// the rules of the other would decide otherwise.
fn policy(change: usize) -> String {
    let (default, rules) = match change % 2 {
        0 => ("Allow", "[{name: calm, tools: [uppercase], action: Deny}]"),
        _ => ("Deny", "[{name: mirrors, tools: [reverse], action: Allow}]"),
    };
    let spec = format!("{{agentSelector: {{matchLabels: {{tier: internal}}}}, defaultAction: {default}, rules: {rules}}}");
    format!("{{apiVersion: skreaver.dev/v1alpha1, kind: ToolPolicy, metadata: {{name: quiet}}, spec: {spec}}}")
}

/// The rule that refuses `uppercase` under a policy; the other one's default does.
fn rule(change: usize) -> Value {
    if change.is_multiple_of(2) { json!("calm") } else { Value::Null }
}

/// The addresses of the agent's pods.
async fn addresses(namespace: &Namespace) -> Vec<String> {
    let pods = namespace.list("pods").await;
    pods.iter().filter_map(|pod| pod["status"]["podIP"].as_str().map(str::to_owned)).collect()
}

/// By which rule a pod refuses `uppercase`.
async fn refusal(client: &reqwest::Client, address: &str) -> Option<Value> {
    let request = client.post(format!("http://{address}:8080/agents/amber/observe")).json(&json!({"input": "uppercase:a"}));
    let problem: Value = request.send().await.ok()?.json().await.ok()?;
    (problem["code"] == "tool_denied").then(|| problem["rule"].clone())
}

/// Calls both tools through the Service until it is told to stop. What went wrong first, if anything did.
async fn call_on(namespace: Arc<Namespace>, stop: Arc<AtomicBool>, calls: Arc<AtomicUsize>) -> Option<String> {
    while !stop.load(Ordering::Relaxed) {
        for (input, expected) in [("reverse:ab", 200), ("uppercase:ab", 403)] {
            match observe(&namespace, "amber", input).await {
                Ok((status, _)) if status == expected => calls.fetch_add(1, Ordering::Relaxed),
                other => return Some(format!("{input}: {other:?}")),
            };
        }
    }
    None
}

#[tokio::test]
async fn a_change_in_twenty_pods_fails_no_call_and_none_is_decided_on_a_mix() {
    let namespace = Arc::new(Namespace::create("twenty").await);
    let tools = "[{name: uppercase, type: Builtin}, {name: reverse, type: Builtin}]";
    namespace.apply(&policy(0)).await.unwrap();
    namespace.apply(&agent("amber", &format!("{{replicas: {PODS}, tools: {tools}}}"))).await.unwrap();
    until("the Deployment", async || namespace.get("deployment", "amber").await).await;
    namespace.kubectl(&["rollout", "status", "deployment/amber", "--timeout=180s"]).await.unwrap();
    until("the Service to lead to the agent", async || observe(&namespace, "amber", "hello").await.ok()).await;
    let (client, addresses) = (reqwest::Client::new(), addresses(&namespace).await);
    assert_eq!(addresses.len(), PODS);

    let (stop, calls) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let callers: Vec<_> =
        (0..4).map(|_| tokio::spawn(call_on(Arc::clone(&namespace), Arc::clone(&stop), Arc::clone(&calls)))).collect();
    let mut took = Vec::new();
    for change in 1..=CHANGES {
        namespace.apply(&policy(change)).await.unwrap();
        let applied = Instant::now();
        for address in &addresses {
            while refusal(&client, address).await != Some(rule(change)) {
                assert!(applied.elapsed() < PATIENCE, "change {change} is not in force at {address}");
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
        took.push(applied.elapsed());
    }
    stop.store(true, Ordering::Relaxed);
    for caller in callers {
        assert_eq!(caller.await.unwrap(), None);
    }
    took.sort();
    let calls = calls.load(Ordering::Relaxed);
    println!(
        "in force in {PODS} pods: median {:?}, slowest {:?}; {calls} calls meanwhile, none failed",
        took[CHANGES / 2],
        took[CHANGES - 1]
    );
    assert!(calls > 100, "only {calls} calls were made meanwhile");
    Arc::into_inner(namespace).unwrap().delete().await;
}
