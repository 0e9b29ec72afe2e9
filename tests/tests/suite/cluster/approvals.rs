//! Calls that people approve with kubectl: who may, who may not, and what admission refuses.

use serde_json::{Value, json};
use skreaver_tests::{Namespace, until};

use super::{agent, pods, ready};

const ASKS: &str = "
apiVersion: skreaver.dev/v1alpha1
kind: ToolPolicy
metadata: {name: care}
spec:
  agentSelector: {matchLabels: {tier: internal}}
  defaultAction: Allow
  rules: [{name: loud, tools: [uppercase], action: RequireApproval, approval: {quorum: 2, timeout: 10m}}]
";

fn url(namespace: &Namespace, path: &str) -> String {
    format!("http://amber.{}.svc.cluster.local:8080{path}", namespace.name)
}

/// Begins a run that goes on without us, and gives its path.
async fn begin(namespace: &Namespace, input: &str) -> String {
    let request = reqwest::Client::new().post(url(namespace, "/agents/amber/observe")).header("prefer", "respond-async");
    let accepted: Value = request.json(&json!({ "input": input })).send().await.unwrap().json().await.unwrap();
    format!("/agents/amber/runs/{}", accepted["run"].as_str().unwrap_or_else(|| panic!("{accepted}")))
}

async fn ended(namespace: &Namespace, path: &str) -> Value {
    until("the run to end", async || {
        let status: Value = reqwest::get(url(namespace, path)).await.ok()?.json().await.ok()?;
        (status["state"] != "running").then_some(status)
    })
    .await
}

/// The ToolApproval of the only call that waits.
async fn waiting(namespace: &Namespace) -> Value {
    until("a call to wait", async || {
        let all = namespace.list("toolapprovals").await;
        all.into_iter().find(|approval| approval["status"]["state"] == "Waiting")
    })
    .await
}

/// Patches the status as this user, by the lines of docs/approvals.md. What went wrong, if it did.
async fn patch(namespace: &Namespace, name: &str, user: &str, patch: &str) -> Result<(), String> {
    let args = ["--as", user, "patch", "toolapproval", name, "--subresource=status", "--type=json", "-p", patch];
    namespace.kubectl(&args).await.map(drop).map_err(|error| error.to_string())
}

fn decision(user: &str, decision: &str) -> String {
    json!([{"op": "add", "path": "/status/decisions/-", "value": {"user": user, "decision": decision}}]).to_string()
}

async fn refused(namespace: &Namespace, name: &str, user: &str, what: &str, because: &str) {
    let refusal = patch(namespace, name, user, what).await.expect_err(because);
    assert!(refusal.contains(because), "wanted `{because}`: {refusal}");
}

async fn let_decide(namespace: &Namespace, users: &[&str]) {
    for user in users {
        let user = format!("--user={user}");
        let binding = format!("approver-{}", user.trim_start_matches("--user="));
        let args = ["create", "rolebinding", &binding, "--clusterrole=skreaver-operator-approver", &user];
        namespace.kubectl(&args).await.unwrap();
    }
}

#[tokio::test]
async fn a_call_is_approved_with_kubectl_by_those_who_may_and_nobody_speaks_for_another() {
    let namespace = Namespace::create("consent").await;
    namespace.apply(ASKS).await.unwrap();
    namespace.apply(&agent("amber", "{tools: [{name: uppercase, type: Builtin}], memory: {backend: SQLite}}")).await.unwrap();
    ready(&namespace, "amber").await;
    let_decide(&namespace, &["ann", "bob"]).await;
    let run = begin(&namespace, "uppercase:go").await;
    let approval = waiting(&namespace).await;
    let name = approval["metadata"]["name"].as_str().unwrap();
    assert_eq!((&approval["spec"]["tool"], &approval["spec"]["quorum"]), (&json!("uppercase"), &json!(2)));
    assert_eq!(approval["spec"]["preview"], r#"{"text":"go"}"#);

    // The pod dies, and its successor asks for the same.
    let before = pods(&namespace, "amber").await;
    namespace.kubectl(&["delete", "pod", &before[0], "--grace-period=0", "--force"]).await.unwrap();

    refused(&namespace, name, "mallory", &decision("mallory", "Approve"), "forbidden").await;
    refused(&namespace, name, "ann", &decision("bob", "Approve"), "decide under your own name: write user ann").await;
    let state = r#"[{"op": "replace", "path": "/status/state", "value": "Approved"}]"#;
    refused(&namespace, name, "ann", state, "only the operator writes how a ToolApproval stands").await;
    let spec = r#"[{"op": "replace", "path": "/spec/quorum", "value": 1}]"#;
    let changed = namespace.kubectl(&["patch", "toolapproval", name, "--type=json", "-p", spec]).await.unwrap_err().to_string();
    assert!(changed.contains("what is asked does not change"), "{changed}");
    let mut forged = approval.clone();
    forged["metadata"] = json!({"name": "amber-0", "namespace": namespace.name});
    let made = namespace.apply(&forged.to_string()).await.unwrap_err().to_string();
    assert!(made.contains("only the operator makes ToolApprovals"), "{made}");

    patch(&namespace, name, "ann", &decision("ann", "Approve")).await.unwrap();
    let remove = r#"[{"op": "remove", "path": "/status/decisions/0"}]"#;
    refused(&namespace, name, "ann", remove, "a decision that was made stays as it is").await;
    let change = r#"[{"op": "replace", "path": "/status/decisions/0/decision", "value": "Deny"}]"#;
    refused(&namespace, name, "ann", change, "a decision that was made stays as it is").await;
    let status = until("the pod's successor to tell of the run", async || {
        reqwest::get(url(&namespace, &run)).await.ok()?.json::<Value>().await.ok().filter(|status| status["state"].is_string())
    })
    .await;
    assert_eq!(status["state"], "running", "one of two has approved");

    patch(&namespace, name, "bob", &decision("bob", "Approve")).await.unwrap();
    let run = ended(&namespace, &run).await;
    assert_eq!((&run["state"], &run["output"]), (&json!("completed"), &json!("GO")), "{run}");
    until("the ToolApproval to end", async || {
        let approval = namespace.get("toolapproval", name).await?;
        (approval["status"]["state"] == "Approved" && approval["status"]["endedAt"].is_string()).then_some(())
    })
    .await;
    let_decide(&namespace, &["eve"]).await;
    refused(&namespace, name, "eve", &decision("eve", "Deny"), "it is Approved already").await;

    let run = begin(&namespace, "uppercase:no").await;
    let approval = waiting(&namespace).await;
    patch(&namespace, approval["metadata"]["name"].as_str().unwrap(), "eve", &decision("eve", "Deny")).await.unwrap();
    let run = ended(&namespace, &run).await;
    assert_eq!((&run["state"], &run["problem"]["code"]), (&json!("failed"), &json!("not_approved")), "{run}");
    let here = reqwest::Client::new().post(url(&namespace, "/agents/amber/approvals/amber-0"));
    let response = here.json(&json!({"decision": "Approve"})).send().await.unwrap();
    assert_eq!(response.status(), 409, "in a cluster people decide with kubectl");
    namespace.delete().await;
}
