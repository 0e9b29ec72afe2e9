//! What an Agent names and does not exist: told by name, and healed when it appears.

use skreaver_tests::{Namespace, until};

use super::{Operator, agent};

#[tokio::test]
async fn a_missing_config_map_and_key_are_named_and_heal() {
    let namespace = Namespace::create("references").await;
    let operator = Operator::start(&namespace, &[]).await;
    namespace.apply(&agent("amber", "{instructionsFrom: {configMapKeyRef: {name: advice, key: text}}}")).await.unwrap();
    let message = namespace.condition("agent", "amber", "ResolvedRefs", "False", "ConfigMapNotFound").await;
    assert!(message.contains("ConfigMap `advice` does not exist"), "{message}");
    assert!(namespace.get("deployment", "amber").await.is_none());
    namespace.apply("{apiVersion: v1, kind: ConfigMap, metadata: {name: advice}, data: {other: x}}").await.unwrap();
    until("the missing key to be named", async || {
        let condition = namespace.find_condition("agent", "amber", "ResolvedRefs").await?;
        condition["message"].as_str()?.contains("has no key `text`").then_some(())
    })
    .await;
    namespace.apply("{apiVersion: v1, kind: ConfigMap, metadata: {name: advice}, data: {text: Be brief.}}").await.unwrap();
    namespace.condition("agent", "amber", "ResolvedRefs", "True", "Valid").await;
    let config = async || Some(namespace.get("configmap", "amber").await?["data"]["config.json"].as_str()?.to_owned());
    assert!(until("the config", config).await.contains("Be brief."));
    namespace.apply("{apiVersion: v1, kind: ConfigMap, metadata: {name: advice}, data: {text: Be loud.}}").await.unwrap();
    until("the new instructions", async || config().await?.contains("Be loud.").then_some(())).await;
    operator.stop().await;
    namespace.delete().await;
}

#[tokio::test]
async fn a_missing_secret_and_tool_are_named_together() {
    let namespace = Namespace::create("secrets").await;
    let operator = Operator::start(&namespace, &[]).await;
    let spec = "{tools: [{name: levitate, type: Builtin}], podTemplate: {imagePullSecrets: [{name: puller}]}}";
    namespace.apply(&agent("amber", spec)).await.unwrap();
    let message = namespace.condition("agent", "amber", "ResolvedRefs", "False", "ToolNotFound").await;
    assert!(message.contains("no built-in tool is named `levitate`") && message.contains("Secret `puller`"), "{message}");
    namespace.apply(&agent("amber", "{podTemplate: {imagePullSecrets: [{name: puller}]}}")).await.unwrap();
    namespace.condition("agent", "amber", "ResolvedRefs", "False", "SecretNotFound").await;
    namespace.kubectl(&["create", "secret", "generic", "puller"]).await.unwrap();
    namespace.condition("agent", "amber", "ResolvedRefs", "True", "Valid").await;
    operator.stop().await;
    namespace.delete().await;
}
