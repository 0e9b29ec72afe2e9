//! An object that was stored under another schema and that we cannot read: reported, and nobody else waits for it.

use skreaver_tests::{Namespace, kubectl, until};

use super::{Operator, agent};

#[tokio::test]
async fn one_malformed_object_never_stalls_the_others() {
    let namespace = Namespace::create("malformed").await;
    // Stored while the schema is loose, as an older or newer version of it might have been.
    let crd = kubectl(&["get", "crd", "agents.skreaver.dev", "--output=json"], "").await.unwrap();
    let mut loose: serde_json::Value = serde_json::from_str(&crd).unwrap();
    let schema = &mut loose["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
    schema["properties"]["spec"] = serde_json::json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true });
    // Rules about what the loose schema does not know would not compile.
    schema.as_object_mut().unwrap().remove("x-kubernetes-validations");
    kubectl(&["replace", "-f", "-"], &loose.to_string()).await.unwrap();
    let broken = agent("broken", "{replicas: 1, description: {not: a text}}");
    until("the loose schema to be served", async || namespace.apply(&broken).await.ok()).await;
    // One that not even the rules of the schema can read: the API server takes no status for it.
    namespace.apply(&agent("unreadable", "{replicas: 1, tools: {not: a list}}")).await.unwrap();
    let crds = skreaver_tests::root().join("config/crd/agents.yaml");
    kubectl(&["replace", "-f", crds.to_str().unwrap()], "").await.unwrap();

    let operator = Operator::start(&namespace, &[]).await;
    namespace.apply(&agent("amber", "{}")).await.unwrap();
    until("the good agent's Deployment", async || namespace.get("deployment", "amber").await).await;
    let message = namespace.condition("agent", "broken", "Accepted", "False", "Malformed").await;
    assert!(message.contains("description") || message.contains("string"), "{message}");
    let events = ["get", "events", "--field-selector=involvedObject.name=unreadable,reason=Malformed", "--output=name"];
    until("an Event about the other", async || namespace.kubectl(&events).await.ok().filter(|names| !names.is_empty())).await;
    operator.stop().await;
    namespace.delete().await;
}
