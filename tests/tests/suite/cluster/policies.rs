//! ToolPolicies against running agents: in force within two seconds, without a restart, and nothing undoes them.

use std::time::{Duration, Instant};

use serde_json::json;
use skreaver_tests::{Namespace, kubectl, until};

use super::{SYSTEM, agent, observe, pods, ready};

fn policy(rules: &str) -> String {
    let spec = format!("{{agentSelector: {{matchLabels: {{tier: internal}}}}, defaultAction: Allow, rules: {rules}}}");
    format!("{{apiVersion: skreaver.dev/v1alpha1, kind: ToolPolicy, metadata: {{name: quiet}}, spec: {spec}}}")
}

const CALM: &str = "[{name: calm, tools: [uppercase], action: Deny}]";

async fn denied(namespace: &Namespace, input: &str) -> Option<()> {
    let (status, problem) = observe(namespace, "amber", input).await.ok()?;
    if status != 403 {
        return None;
    }
    assert_eq!((&problem["policy"], &problem["rule"]), (&json!("quiet"), &json!("calm")), "{problem}");
    Some(())
}

async fn scale_operator(replicas: u32) {
    let replicas = format!("--replicas={replicas}");
    kubectl(&["--namespace", SYSTEM, "scale", "deployment", "skreaver-operator", &replicas], "").await.unwrap();
    let gone = async || {
        let pods =
            kubectl(&["--namespace", SYSTEM, "get", "pods", "-l", "app.kubernetes.io/name=skreaver-operator", "-o", "name"], "");
        pods.await.unwrap().trim().is_empty().then_some(())
    };
    if replicas == "--replicas=0" {
        until("the operator to go", gone).await;
    } else {
        kubectl(&["--namespace", SYSTEM, "rollout", "status", "deployment", "skreaver-operator", "--timeout=60s"], "")
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn a_policy_is_in_force_within_two_seconds_and_without_a_restart() {
    let namespace = Namespace::create("quick").await;
    namespace
        .apply(&agent("amber", "{replicas: 2, tools: [{name: uppercase, type: Builtin}, {name: reverse, type: Builtin}]}"))
        .await
        .unwrap();
    ready(&namespace, "amber").await;
    let before = pods(&namespace, "amber").await;
    assert_eq!(observe(&namespace, "amber", "uppercase:a").await.unwrap().0, 200);
    namespace.apply(&policy(CALM)).await.unwrap();
    let applied = Instant::now();
    // Two replicas: ten refusals in a row mean that both refuse.
    until("the refusal", async || {
        for _ in 0..10 {
            denied(&namespace, "uppercase:a").await?;
        }
        Some(())
    })
    .await;
    let took = applied.elapsed();
    assert!(took < Duration::from_secs(2), "{took:?}");
    println!("policy in force in both replicas after {took:?}");
    assert_eq!(observe(&namespace, "amber", "reverse:ab").await.unwrap().0, 200);
    namespace.condition("agent", "amber", "PolicyApplied", "True", "Applied").await;
    assert_eq!(pods(&namespace, "amber").await, before);
    namespace.kubectl(&["delete", "toolpolicy", "quiet"]).await.unwrap();
    until("the refusal to end", async || (observe(&namespace, "amber", "uppercase:a").await.ok()?.0 == 200).then_some(())).await;
    namespace.delete().await;
}

#[tokio::test]
async fn the_last_good_policy_stays_while_the_operator_is_away() {
    let namespace = Namespace::create("away").await;
    namespace.apply(&agent("amber", "{tools: [{name: uppercase, type: Builtin}]}")).await.unwrap();
    ready(&namespace, "amber").await;
    namespace.apply(&policy(CALM)).await.unwrap();
    until("the refusal", async || denied(&namespace, "uppercase:a").await).await;
    namespace.apply(&policy("[{name: calm, tools: ['[x'], action: Deny}]")).await.unwrap();
    namespace.condition("toolpolicy", "quiet", "Accepted", "False", "InvalidRules").await;
    denied(&namespace, "uppercase:a").await.expect("the last good rules hold");

    scale_operator(0).await;
    denied(&namespace, "uppercase:a").await.expect("the rules hold without the operator");
    // A pod that starts while the operator is away has the mounted rules, and says that they may be old.
    namespace.kubectl(&["delete", "pods", "--selector", "skreaver.dev/agent=amber"]).await.unwrap();
    until("the new pod to refuse", async || denied(&namespace, "uppercase:a").await).await;
    let url = format!("http://amber.{}.svc.cluster.local:8080/ready", namespace.name);
    let readiness: serde_json::Value = reqwest::get(url).await.unwrap().json().await.unwrap();
    let components = readiness["components"].as_array().unwrap();
    assert!(components.iter().any(|c| c["name"] == "policy" && c["state"] == "stale"), "{readiness}");

    scale_operator(2).await;
    until("the operator to be heard", async || {
        let url = format!("http://amber.{}.svc.cluster.local:8080/ready", namespace.name);
        let readiness: serde_json::Value = reqwest::get(url).await.ok()?.json().await.ok()?;
        let components = readiness["components"].as_array()?;
        components.iter().any(|c| c["name"] == "policy" && c["state"] == "ready").then_some(())
    })
    .await;
    denied(&namespace, "uppercase:a").await.expect("the last good rules hold after the restart");
    namespace.delete().await;
}
