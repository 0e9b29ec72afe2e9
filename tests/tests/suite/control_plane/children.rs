//! The children of an Agent: all of them, back when they are gone, gone when they are not wanted, and never a foreign one.

use serde_json::json;
use skreaver_tests::{Namespace, until, writes};

use super::{CHILDREN, Operator, agent};

async fn all_children(namespace: &Namespace, name: &str) {
    for kind in CHILDREN {
        until(&format!("{kind} {name}"), async || namespace.get(kind, name).await).await;
    }
}

#[tokio::test]
async fn every_child_is_made_once_and_comes_back_when_deleted() {
    let namespace = Namespace::create("children").await;
    let operator = Operator::start(&namespace, &[]).await;
    namespace.apply(&agent("amber", "{tools: [{name: uppercase, type: Builtin}]}")).await.unwrap();
    all_children(&namespace, "amber").await;
    namespace.condition("agent", "amber", "Progressing", "True", "Updating").await;
    let written: Vec<_> = writes(&namespace.name, "skreaver-operator").into_iter().map(|write| write.resource).collect();
    let expected = ["configmaps", "serviceaccounts", "services", "networkpolicies", "deployments", "agents/status"];
    assert_eq!(written, expected);
    let uid = namespace.get("agent", "amber").await.unwrap()["metadata"]["uid"].clone();
    for kind in CHILDREN {
        let first = namespace.get(kind, "amber").await.unwrap();
        assert_eq!(first["metadata"]["ownerReferences"][0]["uid"], uid, "{kind}");
        namespace.kubectl(&["delete", kind, "amber", "--wait=false"]).await.unwrap();
        until(&format!("{kind} to come back"), async || {
            let second = namespace.get(kind, "amber").await?;
            (second["metadata"]["uid"] != first["metadata"]["uid"]).then_some(())
        })
        .await;
    }
    operator.stop().await;
    namespace.delete().await;
}

#[tokio::test]
async fn a_change_by_somebody_else_is_undone() {
    let namespace = Namespace::create("drift").await;
    let operator = Operator::start(&namespace, &[]).await;
    namespace.apply(&agent("amber", "{}")).await.unwrap();
    all_children(&namespace, "amber").await;
    namespace
        .kubectl(&["patch", "service", "amber", "--patch", r#"{"spec": {"selector": {"skreaver.dev/agent": "other"}}}"#])
        .await
        .unwrap();
    until("the selector to be undone", async || {
        let service = namespace.get("service", "amber").await?;
        (service["spec"]["selector"] == json!({ "skreaver.dev/agent": "amber" })).then_some(())
    })
    .await;
    namespace.kubectl(&["scale", "deployment", "amber", "--replicas=5"]).await.unwrap();
    until("the replicas to be undone", async || {
        let deployment = namespace.get("deployment", "amber").await?;
        (deployment["spec"]["replicas"] == 1).then_some(())
    })
    .await;
    operator.stop().await;
    namespace.delete().await;
}

#[tokio::test]
async fn a_budget_stands_above_one_replica_only() {
    let namespace = Namespace::create("budget").await;
    let operator = Operator::start(&namespace, &[]).await;
    namespace.apply(&agent("amber", "{replicas: 2}")).await.unwrap();
    until("the budget", async || namespace.get("poddisruptionbudget", "amber").await).await;
    namespace.kubectl(&["scale", "agent", "amber", "--replicas=1"]).await.unwrap();
    until("the budget to go", async || namespace.get("poddisruptionbudget", "amber").await.is_none().then_some(())).await;
    namespace.kubectl(&["patch", "agent", "amber", "--type=merge", "--patch", r#"{"spec": {"suspend": true}}"#]).await.unwrap();
    namespace.condition("agent", "amber", "Ready", "False", "Suspended").await;
    assert_eq!(namespace.get("deployment", "amber").await.unwrap()["spec"]["replicas"], 0);
    operator.stop().await;
    namespace.delete().await;
}

#[tokio::test]
async fn a_foreign_object_is_reported_and_not_touched() {
    let namespace = Namespace::create("foreign").await;
    let operator = Operator::start(&namespace, &[]).await;
    let foreign = "{apiVersion: v1, kind: Service, metadata: {name: amber}, spec: {ports: [{port: 1}]}}";
    namespace.apply(foreign).await.unwrap();
    let before = namespace.get("service", "amber").await.unwrap();
    namespace.apply(&agent("amber", "{}")).await.unwrap();
    let message = namespace.condition("agent", "amber", "Accepted", "False", "NameTaken").await;
    assert!(message.contains("Service") && message.contains("amber"), "{message}");
    assert_eq!(namespace.get("service", "amber").await.unwrap(), before);
    for kind in CHILDREN.iter().filter(|kind| **kind != "service") {
        assert!(namespace.get(kind, "amber").await.is_none(), "{kind} was made though a name is taken");
    }
    namespace.kubectl(&["delete", "service", "amber"]).await.unwrap();
    namespace.condition("agent", "amber", "Accepted", "True", "Valid").await;
    all_children(&namespace, "amber").await;
    operator.stop().await;
    namespace.delete().await;
}

#[tokio::test]
async fn a_deleted_agent_leaves_nothing() {
    let namespace = Namespace::create("deleted").await;
    let operator = Operator::start(&namespace, &[]).await;
    namespace.apply(&agent("amber", "{replicas: 2}")).await.unwrap();
    all_children(&namespace, "amber").await;
    namespace.kubectl(&["delete", "agent", "amber"]).await.unwrap();
    for kind in CHILDREN.iter().chain(&["poddisruptionbudget"]) {
        until(&format!("{kind} to go"), async || namespace.get(kind, "amber").await.is_none().then_some(())).await;
    }
    operator.stop().await;
    namespace.delete().await;
}
