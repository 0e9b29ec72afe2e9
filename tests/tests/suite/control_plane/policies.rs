//! ToolPolicies: judged, kept, handed to the agents they select, and the last good one stays.

use serde_json::Value;
use skreaver_tests::{Namespace, kubectl, until};

use super::{Operator, agent};

fn policy(name: &str, spec: &str) -> String {
    format!("{{apiVersion: skreaver.dev/v1alpha1, kind: ToolPolicy, metadata: {{name: {name}}}, spec: {spec}}}")
}

const GOOD: &str = "{agentSelector: {matchLabels: {tier: internal}}, rules: [{name: calm, tools: [uppercase], action: Deny}]}";
const BROKEN: &str = "{agentSelector: {matchLabels: {tier: internal}}, rules: [{name: calm, tools: ['[x'], action: Deny}]}";

async fn bundle(namespace: &Namespace) -> Option<Value> {
    serde_json::from_str(namespace.get("configmap", "amber").await?["data"]["policies.json"].as_str()?).ok()
}

/// Waits for a bundle that holds this text, and returns its version.
async fn bundle_with(namespace: &Namespace, text: &str) -> u64 {
    until(&format!("a bundle with `{text}`"), async || {
        let bundle = bundle(namespace).await?;
        bundle.to_string().contains(text).then(|| bundle["version"].as_u64().unwrap())
    })
    .await
}

#[tokio::test]
async fn the_last_good_rules_stay_through_a_broken_edit_and_a_restart() {
    let namespace = Namespace::create("policies").await;
    let operator = Operator::start(&namespace, &[]).await;
    namespace.apply(&agent("amber", "{tools: [{name: uppercase, type: Builtin}]}")).await.unwrap();
    let bare = bundle_with(&namespace, r#""policies":[]"#).await;
    namespace.condition("agent", "amber", "PolicyApplied", "True", "NoPolicy").await;
    namespace.apply(&policy("quiet", GOOD)).await.unwrap();
    namespace.condition("toolpolicy", "quiet", "Accepted", "True", "Valid").await;
    let good = bundle_with(&namespace, "uppercase").await;
    assert!(good > bare);
    namespace.apply(&policy("quiet", BROKEN)).await.unwrap();
    let message = namespace.condition("toolpolicy", "quiet", "Accepted", "False", "InvalidRules").await;
    assert!(message.contains("spec.rules[0].tools[0]: `[x` is not a glob"), "{message}");
    operator.stop().await;

    let operator = Operator::start(&namespace, &[]).await;
    // The ConfigMap is lost too: what is made anew holds the last good rules, under no lower version.
    namespace.kubectl(&["delete", "configmap", "amber"]).await.unwrap();
    assert!(bundle_with(&namespace, "uppercase").await >= good);
    assert_eq!(namespace.get("toolpolicy", "quiet").await.unwrap()["status"]["acceptedGeneration"], 1);
    assert_eq!(namespace.list("controllerrevisions").await.len(), 1);

    namespace.apply(&policy("quiet", &GOOD.replace("uppercase", "reverse"))).await.unwrap();
    bundle_with(&namespace, "reverse").await;
    until("the old revision to go", async || (namespace.list("controllerrevisions").await.len() == 1).then_some(())).await;
    namespace.kubectl(&["delete", "toolpolicy", "quiet"]).await.unwrap();
    bundle_with(&namespace, r#""policies":[]"#).await;
    namespace.condition("agent", "amber", "PolicyApplied", "True", "NoPolicy").await;
    operator.stop().await;
    namespace.delete().await;
}

#[tokio::test]
async fn a_policy_that_never_was_good_denies() {
    let namespace = Namespace::create("denies").await;
    let operator = Operator::start(&namespace, &[]).await;
    namespace.apply(&agent("amber", "{tools: [{name: uppercase, type: Builtin}]}")).await.unwrap();
    bundle_with(&namespace, r#""policies":[]"#).await;
    namespace.apply(&policy("quiet", &BROKEN.replace("rules", "defaultAction: Allow, rules"))).await.unwrap();
    namespace.condition("agent", "amber", "PolicyApplied", "False", "NotAccepted").await;
    let bundle = bundle(&namespace).await.unwrap();
    assert_eq!(bundle["policies"][0]["defaultAction"], "Deny");
    assert_eq!(bundle["policies"][0]["rules"], serde_json::json!([]));
    operator.stop().await;
    namespace.delete().await;
}

/// No state of an Agent is a way around the policies: whatever is wrong with its spec, its pods are told.
#[tokio::test]
async fn policies_reach_agents_that_are_broken_or_going() {
    let namespace = Namespace::create("broken").await;
    let operator = Operator::start(&namespace, &[]).await;
    namespace.apply(&agent("amber", "{tools: [{name: uppercase, type: Builtin}]}")).await.unwrap();
    bundle_with(&namespace, r#""policies":[]"#).await;

    let long = "x".repeat(65537);
    let map = format!("{{apiVersion: v1, kind: ConfigMap, metadata: {{name: long}}, data: {{text: {long}}}}}");
    kubectl(&["--namespace", &namespace.name, "create", "-f", "-"], &map).await.unwrap();
    namespace.apply(&agent("amber", "{instructionsFrom: {configMapKeyRef: {name: long, key: text}}}")).await.unwrap();
    let message = namespace.condition("agent", "amber", "ResolvedRefs", "False", "TooLarge").await;
    assert!(message.contains("shorten it to 65536"), "{message}");
    namespace.apply(&policy("first", "{rules: [{name: one, tools: [broken_ref], action: Deny}]}")).await.unwrap();
    bundle_with(&namespace, "broken_ref").await;

    namespace.apply(&agent("amber", "{podTemplate: {labels: {'not a label!!': x}}}")).await.unwrap();
    namespace.condition("agent", "amber", "Accepted", "False", "Rejected").await;
    namespace.apply(&policy("second", "{rules: [{name: two, tools: [broken_label], action: Deny}]}")).await.unwrap();
    bundle_with(&namespace, "broken_label").await;

    let hold = r#"{"metadata": {"finalizers": ["example.com/hold"]}}"#;
    namespace.kubectl(&["patch", "agent", "amber", "--type=merge", "--patch", hold]).await.unwrap();
    namespace.kubectl(&["delete", "agent", "amber", "--wait=false"]).await.unwrap();
    namespace.apply(&policy("third", "{rules: [{name: three, tools: [going], action: Deny}]}")).await.unwrap();
    bundle_with(&namespace, "going").await;
    let release = r#"{"metadata": {"finalizers": null}}"#;
    namespace.kubectl(&["patch", "agent", "amber", "--type=merge", "--patch", release]).await.unwrap();
    operator.stop().await;
    namespace.delete().await;
}

#[tokio::test]
async fn what_is_too_large_to_be_handed_over_denies_everything() {
    let namespace = Namespace::create("large").await;
    let operator = Operator::start(&namespace, &[]).await;
    namespace.apply(&agent("amber", "{tools: [{name: uppercase, type: Builtin}]}")).await.unwrap();
    bundle_with(&namespace, r#""policies":[]"#).await;
    let tools: Vec<_> = (0..64).map(|n| format!("{}{n}", "t".repeat(110))).collect();
    let rules: Vec<_> = (0..30).map(|n| format!("{{name: r{n}, tools: [{}], action: Allow}}", tools.join(", "))).collect();
    for name in ["one", "two"] {
        let manifest = policy(name, &format!("{{defaultAction: Allow, rules: [{}]}}", rules.join(", ")));
        kubectl(&["--namespace", &namespace.name, "create", "-f", "-"], &manifest).await.unwrap();
    }
    let message = namespace.condition("agent", "amber", "PolicyApplied", "False", "TooLarge").await;
    assert!(message.contains("the 2 policies") && message.contains("every call is refused"), "{message}");
    let bundle = bundle(&namespace).await.unwrap();
    assert_eq!(
        (&bundle["policies"][0]["defaultAction"], &bundle["policies"][0]["rules"]),
        (&"Deny".into(), &serde_json::json!([]))
    );
    operator.stop().await;
    namespace.delete().await;
}

/// Whoever edits a ConfigMap is outside the promise, and must not take the operator down with him.
#[tokio::test]
async fn a_version_that_nobody_gave_is_not_believed() {
    let namespace = Namespace::create("version").await;
    let operator = Operator::start(&namespace, &[]).await;
    namespace.apply(&agent("amber", "{}")).await.unwrap();
    bundle_with(&namespace, r#""policies":[]"#).await;
    operator.stop().await;
    let patch = r#"{"data": {"policies.json": "{\"version\": 18446744073709551615, \"policies\": []}"}}"#;
    namespace.kubectl(&["patch", "configmap", "amber", "--type=merge", "--patch", patch]).await.unwrap();
    let operator = Operator::start(&namespace, &[]).await;
    namespace.apply(&policy("quiet", GOOD)).await.unwrap();
    assert!(bundle_with(&namespace, "uppercase").await < 100);
    operator.stop().await;
    namespace.delete().await;
}
