//! What an Agent names and does not exist: told by name, and healed when it appears.

use skreaver_tests::{Namespace, until, writes};

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

#[tokio::test]
async fn a_missing_key_and_service_are_named_and_heal() {
    let namespace = Namespace::create("servers").await;
    let operator = Operator::start(&namespace, &[]).await;
    let spec = "{memory: {backend: Redis, redis: {urlSecretKeyRef: {name: cellar, key: url}, endpoints: ['cellar:6379']}}}";
    namespace.apply(&agent("amber", spec)).await.unwrap();
    let message = namespace.condition("agent", "amber", "ResolvedRefs", "False", "SecretNotFound").await;
    assert!(
        message.contains("Secret `cellar` does not exist") && message.contains("Service `cellar` does not exist"),
        "{message}"
    );
    namespace.kubectl(&["create", "secret", "generic", "cellar", "--from-literal=other=x"]).await.unwrap();
    let message = namespace.condition("agent", "amber", "ResolvedRefs", "False", "SecretKeyNotFound").await;
    assert!(message.contains("Secret `cellar` has no key `url`; add it"), "{message}");
    namespace
        .kubectl(&["patch", "secret", "cellar", "--patch", "{\"stringData\": {\"url\": \"redis://:word@cellar:6379\"}}"])
        .await
        .unwrap();
    namespace.condition("agent", "amber", "ResolvedRefs", "False", "ServiceNotFound").await;
    let service = |app: &str| {
        format!(
            "{{apiVersion: v1, kind: Service, metadata: {{name: cellar}}, spec: {{selector: {{app: {app}}}, ports: [{{port: 6379, targetPort: 7000}}]}}}}"
        )
    };
    namespace.apply(&service("cellar")).await.unwrap();
    namespace.condition("agent", "amber", "ResolvedRefs", "True", "Valid").await;
    let egress = async || Some(namespace.get("networkpolicy", "amber").await?["spec"]["egress"].to_string());
    let open = until("the way out", async || egress().await.filter(|rules| rules.contains("7000"))).await;
    assert!(open.contains("\"app\":\"cellar\""), "{open}");
    // Nothing of the Secret is anywhere but in the Secret.
    for kind in ["configmap", "agent", "deployment"] {
        assert!(!namespace.get(kind, "amber").await.unwrap().to_string().contains(":word@"), "{kind}");
    }
    namespace.apply(&service("barrel")).await.unwrap();
    until("the way out to follow the Service", async || egress().await.filter(|rules| rules.contains("barrel"))).await;
    operator.stop().await;
    namespace.delete().await;
}

#[tokio::test]
async fn what_remote_tools_name_is_told_when_missing_and_heals() {
    let namespace = Namespace::create("tools").await;
    let operator = Operator::start(&namespace, &[]).await;
    let peer = "{name: helper, type: Agent, agent: {name: helper}}";
    let shop = "{name: shop, type: OpenAPI, openapi: {documentFrom: {configMapKeyRef: {name: shop, key: k}}, server: 'https://shop.example.com'}}";
    let header = "{name: Authorization, valueFrom: {secretKeyRef: {name: rates, key: token}}}";
    let rates = format!("{{name: rates, type: HTTP, http: {{url: 'https://rates.example.com/x', headers: [{header}]}}}}");
    namespace.apply(&agent("clerk", &format!("{{tools: [{peer}, {shop}, {rates}]}}"))).await.unwrap();
    let message = namespace.condition("agent", "clerk", "ResolvedRefs", "False", "AgentNotFound").await;
    let told = ["spec.tools[0].agent.name: Agent `helper`", "ConfigMap `shop`", "Secret `rates` does not exist"];
    assert!(told.iter().all(|told| message.contains(told)), "{message}");
    namespace.apply(&agent("helper", "{}")).await.unwrap();
    namespace.condition("agent", "clerk", "ResolvedRefs", "False", "ConfigMapNotFound").await;
    namespace.apply("{apiVersion: v1, kind: ConfigMap, metadata: {name: shop}, data: {k: '{}'}}").await.unwrap();
    namespace.condition("agent", "clerk", "ResolvedRefs", "False", "SecretNotFound").await;
    namespace.apply("{apiVersion: v1, kind: Secret, metadata: {name: rates}, stringData: {token: x}}").await.unwrap();
    namespace.condition("agent", "clerk", "ResolvedRefs", "True", "Valid").await;
    namespace.apply(&agent("clerk", "{tools: [{name: local, type: MCP, mcp: {command: npx}}]}")).await.unwrap();
    let message = namespace.condition("agent", "clerk", "Accepted", "False", "CommandInCluster").await;
    assert!(message.starts_with("spec.tools[0].mcp.command:"), "{message}");
    operator.stop().await;
    namespace.delete().await;
}

#[tokio::test]
async fn agents_in_a_circle_are_all_told_and_heal_at_once_when_it_is_broken() {
    let namespace = Namespace::create("circle").await;
    let operator = Operator::start(&namespace, &[]).await;
    let asks =
        |name: &str, peer: &str| agent(name, &format!("{{tools: [{{name: peer, type: Agent, agent: {{name: {peer}}}}}]}}"));
    let all = async |status: &str, reason: &str| {
        for (name, circle) in [("amber", "amber -> basalt -> chalk -> amber"), ("basalt", "basalt -> chalk -> amber -> basalt")] {
            let message = namespace.condition("agent", name, "ResolvedRefs", status, reason).await;
            assert_eq!(message.contains(circle), reason == "AgentCycle", "{message}");
        }
    };
    for (name, peer) in [("amber", "basalt"), ("basalt", "chalk"), ("visitor", "amber")] {
        namespace.apply(&asks(name, peer)).await.unwrap();
    }
    // One by one they come to be, and who waits for them is woken up by that.
    namespace.condition("agent", "basalt", "ResolvedRefs", "False", "AgentNotFound").await;
    namespace.apply(&agent("chalk", "{}")).await.unwrap();
    all("True", "Valid").await;
    namespace.condition("agent", "amber", "Accepted", "True", "Valid").await;

    namespace.apply(&asks("chalk", "amber")).await.unwrap();
    all("False", "AgentCycle").await;
    let accepted = namespace.find_condition("agent", "amber", "Accepted").await.unwrap();
    assert_eq!(accepted["status"], "True", "another Agent's spec helps as well");
    namespace.condition("agent", "visitor", "ResolvedRefs", "True", "Valid").await;
    namespace.apply(&agent("chalk", "{}")).await.unwrap();
    all("True", "Valid").await;

    // One that goes is missed at once, by an Agent at rest.
    let before = std::time::Instant::now();
    namespace.kubectl(&["delete", "agent", "chalk"]).await.unwrap();
    namespace.condition("agent", "basalt", "ResolvedRefs", "False", "AgentNotFound").await;
    assert!(before.elapsed() < std::time::Duration::from_secs(15), "{:?}", before.elapsed());
    operator.stop().await;
    namespace.delete().await;
}

#[tokio::test]
async fn what_no_schema_can_judge_is_told_by_accepted() {
    let namespace = Namespace::create("judged").await;
    let operator = Operator::start(&namespace, &[]).await;
    let model = "model: {provider: OpenAICompatible, name: mock, baseURL: 'http://192.0.2.7'}";
    namespace.apply(&agent("amber", &format!("{{{model}, goal: {{text: x, until: 'turns >'}}}}"))).await.unwrap();
    let message = namespace.condition("agent", "amber", "Accepted", "False", "InvalidGoal").await;
    assert!(message.starts_with("spec.goal.until: this is not CEL"), "{message}");
    namespace.apply(&agent("basalt", &format!("{{{model}, outputSchema: {{type: thing}}}}"))).await.unwrap();
    namespace.condition("agent", "basalt", "Accepted", "False", "InvalidOutputSchema").await;
    namespace.apply(&agent("amber", &format!("{{{model}, goal: {{text: x, until: 'turns > 1'}}}}"))).await.unwrap();
    namespace.condition("agent", "amber", "Accepted", "True", "Valid").await;
    operator.stop().await;
    namespace.delete().await;
}

#[tokio::test]
async fn an_agent_with_a_volume_has_a_stateful_set_and_no_deployment() {
    let namespace = Namespace::create("volumes").await;
    let operator = Operator::start(&namespace, &[]).await;
    namespace.apply(&agent("amber", "{memory: {backend: File}}")).await.unwrap();
    let set = until("the StatefulSet", async || namespace.get("statefulset", "amber").await).await;
    assert_eq!(set["spec"]["persistentVolumeClaimRetentionPolicy"]["whenDeleted"], "Retain");
    namespace.condition("agent", "amber", "Progressing", "True", "Updating").await;
    assert!(namespace.get("deployment", "amber").await.is_none());
    // A deleted one comes back, and nothing is written twice.
    let uid = set["metadata"]["uid"].clone();
    namespace.kubectl(&["delete", "statefulset", "amber"]).await.unwrap();
    until("another StatefulSet", async || (namespace.get("statefulset", "amber").await?["metadata"]["uid"] != uid).then_some(()))
        .await;
    let written =
        || writes(&namespace.name, "skreaver-operator").into_iter().filter(|write| write.resource == "statefulsets").count();
    assert_eq!(written(), 2);
    operator.stop().await;
    namespace.delete().await;
}
