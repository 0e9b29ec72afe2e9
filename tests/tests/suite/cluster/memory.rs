//! Agents with memory on a volume of their own: one pod, which keeps its volume.

use serde_json::json;
use skreaver_tests::{Namespace, until};

use super::{agent, observe, pods, ready};

#[tokio::test]
async fn an_agent_with_a_volume_is_a_stateful_set_of_one_that_keeps_its_claim() {
    let namespace = Namespace::create("volume").await;
    namespace.apply(&agent("amber", "{memory: {backend: SQLite, size: 10Mi}}")).await.unwrap();
    ready(&namespace, "amber").await;
    assert!(namespace.get("deployment", "amber").await.is_none());
    assert_eq!(pods(&namespace, "amber").await, ["amber-0"]);
    let claim = namespace.get("pvc", "data-amber-0").await.unwrap();
    assert_eq!(claim["status"]["phase"], "Bound");
    assert_eq!(claim["spec"]["resources"]["requests"]["storage"], "10Mi");
    let status = namespace.get("agent", "amber").await.unwrap()["status"].clone();
    assert_eq!((&status["replicas"], &status["readyReplicas"]), (&json!(1), &json!(1)));

    // A new spec replaces the pod; the old one is gone before.
    let first = namespace.get("pod", "amber-0").await.unwrap()["metadata"]["uid"].clone();
    namespace.apply(&agent("amber", "{instructions: Be brief., memory: {backend: SQLite, size: 10Mi}}")).await.unwrap();
    until("another pod", async || (namespace.get("pod", "amber-0").await?["metadata"]["uid"] != first).then_some(())).await;
    ready(&namespace, "amber").await;

    // Another Agent of the name takes up where this one ends.
    namespace.kubectl(&["delete", "agent", "amber"]).await.unwrap();
    until("the StatefulSet to go", async || namespace.get("statefulset", "amber").await.is_none().then_some(())).await;
    until("the pod to go", async || namespace.get("pod", "amber-0").await.is_none().then_some(())).await;
    let uid = namespace.get("pvc", "data-amber-0").await.unwrap()["metadata"]["uid"].clone();
    assert_eq!(uid, claim["metadata"]["uid"]);
    namespace.apply(&agent("amber", "{memory: {backend: SQLite, size: 10Mi}}")).await.unwrap();
    ready(&namespace, "amber").await;
    assert_eq!(observe(&namespace, "amber", "hello").await.unwrap().1["output"], "hello");
    assert_eq!(namespace.get("pvc", "data-amber-0").await.unwrap()["metadata"]["uid"], uid);
    namespace.delete().await;
}
