//! ToolApprovals from their first question to their end, asked by pods that run nowhere; and what admission refuses.

use std::time::Duration;

use serde_json::{Value, json};
use skreaver_protocol::approval::ApprovalRequest;
use skreaver_tests::{Namespace, kubectl, until};

use super::pod::{Pod, request};
use super::release::{Release, approval};
use super::{Operator, agent};

const LONG: Duration = Duration::from_secs(600);

/// An operator with the rights of the chart, an Agent, and a pod of it.
struct Scene {
    namespace: Namespace,
    release: Release,
    operator: Operator,
    pod: Pod,
}

impl Scene {
    async fn begin(purpose: &str, flags: &[&str]) -> Self {
        let namespace = Namespace::create(purpose).await;
        let release = Release::install(&namespace).await;
        let operator = release.operator(&namespace, flags).await;
        namespace.apply(&agent("amber", "{}")).await.unwrap();
        let pod = Pod::connect(&namespace, "amber", "amber-first", release.port).await;
        Self { namespace, release, operator, pod }
    }

    async fn state(&self, name: &str, wanted: &str) -> Value {
        until(&format!("{name} to be {wanted}"), async || {
            self.namespace.get("toolapproval", name).await.filter(|approval| approval["status"]["state"] == wanted)
        })
        .await
    }

    async fn gone(&self, name: &str) {
        until("the ToolApproval to go", async || self.namespace.get("toolapproval", name).await.is_none().then_some(())).await;
    }

    /// How many there are.
    async fn count(&self) -> usize {
        self.namespace.list("toolapprovals").await.len()
    }

    /// Decides as somebody who may, by the lines of docs/approvals.md.
    async fn decide(&self, name: &str, user: &str, decision: &str) -> Result<(), String> {
        patch(&self.namespace, name, user, &[add(user, decision)]).await
    }

    async fn end(self) {
        self.operator.stop().await;
        self.release.remove().await;
        self.namespace.delete().await;
    }
}

fn add(user: &str, decision: &str) -> Value {
    json!({"op": "add", "path": "/status/decisions/-", "value": {"user": user, "decision": decision}})
}

/// Patches the status as a user of the group that may approve.
async fn patch(namespace: &Namespace, name: &str, user: &str, patch: &[Value]) -> Result<(), String> {
    let patch = Value::from(patch.to_vec()).to_string();
    let what = ["patch", "toolapproval", name, "--subresource=status", "--type=json", "-p", &patch];
    let who = ["--as", user, "--as-group", &namespace.name];
    namespace.kubectl(&[who.as_slice(), &what].concat()).await.map(drop).map_err(|error| error.to_string())
}

#[tokio::test]
async fn a_quorum_of_people_decides_and_every_pod_is_told() {
    let mut scene = Scene::begin("quorum", &[]).await;
    scene.pod.ask(&[request(0, 2, LONG)]).await;
    let asked = scene.state("amber-0", "Waiting").await;
    assert_eq!((&asked["spec"]["tool"], &asked["spec"]["quorum"]), (&json!("pay"), &json!(2)));
    assert_eq!(asked["spec"]["preview"], r#"{"amount":0}"#);
    assert_eq!(asked["metadata"]["ownerReferences"][0]["name"], "amber");
    scene.decide("amber-0", "ann", "Approve").await.unwrap();
    scene.pod.told("amber-0", Some(&["ann"])).await;
    scene.state("amber-0", "Waiting").await;
    scene.decide("amber-0", "bob", "Approve").await.unwrap();
    scene.pod.told("amber-0", Some(&["ann", "bob"])).await;
    let approved = scene.state("amber-0", "Approved").await;
    assert!(approved["status"]["endedAt"].is_string(), "{approved}");

    // A pod that takes over is told what was said before it came.
    let mut second = Pod::connect(&scene.namespace, "amber", "amber-second", scene.release.port).await;
    second.told("amber-0", Some(&["ann", "bob"])).await;
    second.ask(&[request(1, 2, LONG)]).await;
    scene.state("amber-1", "Waiting").await;
    scene.decide("amber-1", "eve", "Deny").await.unwrap();
    scene.state("amber-1", "Denied").await;
    second.told("amber-1", Some(&["eve"])).await;
    scene.end().await;
}

#[tokio::test]
async fn what_nobody_decides_in_time_expires_and_a_later_decision_is_refused() {
    let mut scene = Scene::begin("expiry", &[]).await;
    scene.pod.ask(&[request(0, 1, Duration::from_secs(3))]).await;
    scene.state("amber-0", "Waiting").await;
    scene.pod.told("amber-0", Some(&[])).await;
    scene.state("amber-0", "Expired").await;
    let refusal = scene.decide("amber-0", "ann", "Approve").await.unwrap_err();
    assert!(refusal.contains("it is Expired already, and no longer waits for decisions"), "{refusal}");
    scene.pod.told("amber-0", None).await;
    scene.end().await;
}

#[tokio::test]
async fn what_no_run_asks_for_is_withdrawn_and_what_has_ended_goes() {
    let mut scene = Scene::begin("withdrawal", &["--approvals-unasked", "2s", "--approvals-kept", "2s"]).await;
    scene.pod.ask(&[request(0, 1, LONG), request(1, 1, LONG)]).await;
    scene.state("amber-0", "Waiting").await;
    scene.state("amber-1", "Waiting").await;
    scene.pod.ask(&[request(1, 1, LONG)]).await;
    scene.state("amber-0", "Withdrawn").await;
    scene.gone("amber-0").await;
    scene.state("amber-1", "Waiting").await;
    scene.end().await;
}

#[tokio::test]
async fn what_is_deleted_while_it_waits_is_asked_anew_without_decisions() {
    let mut scene = Scene::begin("deletion", &[]).await;
    scene.pod.ask(&[request(0, 2, LONG)]).await;
    let before = scene.state("amber-0", "Waiting").await;
    scene.decide("amber-0", "ann", "Approve").await.unwrap();
    scene.pod.told("amber-0", Some(&["ann"])).await;
    scene.namespace.kubectl(&["delete", "toolapproval", "amber-0"]).await.unwrap();
    let after = until("another ToolApproval", async || {
        let found = scene.namespace.get("toolapproval", "amber-0").await?;
        (found["metadata"]["uid"] != before["metadata"]["uid"] && found["status"]["state"] == "Waiting").then_some(found)
    })
    .await;
    assert_eq!((&after["spec"], &after["status"]["decisions"]), (&before["spec"], &json!([])));
    scene.pod.told("amber-0", Some(&[])).await;
    // Its Agent takes it along.
    scene.namespace.kubectl(&["delete", "agent", "amber"]).await.unwrap();
    scene.gone("amber-0").await;
    scene.end().await;
}

#[tokio::test]
async fn twenty_calls_of_an_agent_wait_and_one_that_has_ended_makes_room() {
    let mut scene = Scene::begin("crowd", &[]).await;
    let asked = |steps: std::ops::Range<u32>| steps.map(|step| request(step, 1, LONG)).collect::<Vec<ApprovalRequest>>();
    scene.pod.ask(&asked(0..20)).await;
    until("twenty to wait", async || (scene.count().await == 20).then_some(())).await;
    // A second pod asks for more, and what is decided is no longer among those that wait.
    let mut second = Pod::connect(&scene.namespace, "amber", "amber-second", scene.release.port).await;
    second.ask(&asked(20..22)).await;
    scene.decide("amber-0", "ann", "Approve").await.unwrap();
    scene.state("amber-0", "Approved").await;
    let made = until("one more", async || {
        let all = scene.namespace.list("toolapprovals").await;
        (all.len() > 20).then_some(all)
    })
    .await;
    assert_eq!(made.len(), 21);
    scene.decide("amber-1", "ann", "Deny").await.unwrap();
    scene.state("amber-15", "Waiting").await;
    assert_eq!(scene.count().await, 22);
    scene.end().await;
}

#[tokio::test]
async fn admission_refuses_every_write_that_is_not_ones_own() {
    let namespace = Namespace::create("admission").await;
    let release = Release::install(&namespace).await;
    let operator = format!("system:serviceaccount:{0}:{0}", namespace.name);
    let made = kubectl(&["create", "-f", "-"], &approval(&namespace.name, 3)).await.unwrap_err().to_string();
    assert!(made.contains("only the operator makes ToolApprovals, from calls that wait"), "{made}");
    kubectl(&["create", "-f", "-", "--as", &operator], &approval(&namespace.name, 3)).await.unwrap();
    let set = |path: &str, value: Value| json!({"op": "add", "path": path, "value": value});
    let own = "a decision that was made stays as it is; add yours and leave the others";
    let stands = "only the operator writes how a ToolApproval stands; add a decision of your own to status.decisions";
    let waits = set("/status", json!({"decisions": [], "state": "Waiting"}));
    let vote = |user: &str, decision: &str| json!({"user": user, "decision": decision});
    let operator = operator.as_str();
    let cases: &[(&str, &[Value], Result<(), &str>)] = &[
        (operator, &[set("/status", json!({"decisions": [vote("ann", "Approve")]}))], Err("the operator decides nothing")),
        ("ann", std::slice::from_ref(&waits), Err(stands)),
        (operator, std::slice::from_ref(&waits), Ok(())),
        ("ann", &[add("bob", "Approve")], Err("decide under your own name: write user ann")),
        ("ann", &[add("ann", "Approve"), add("bob", "Approve")], Err("decide under your own name: write user ann")),
        ("ann", &[set("/status/state", json!("Approved"))], Err(stands)),
        ("ann", &[set("/status/endedAt", json!("2026-01-01T00:00:00Z"))], Err(stands)),
        ("ann", &[json!({"op": "remove", "path": "/status/state"})], Err(stands)),
        ("ann", &[add("ann", "Approve")], Ok(())),
        ("ann", &[add("ann", "Deny")], Err("Duplicate value")),
        ("ann", &[set("/status/decisions/0/decision", json!("Deny"))], Err(own)),
        ("ann", &[set("/status/decisions/0/reason", json!("late"))], Err(own)),
        ("ann", &[json!({"op": "remove", "path": "/status/decisions/0"})], Err(own)),
        ("bob", &[set("/status/decisions", json!([vote("bob", "Approve")]))], Err(own)),
        ("bob", &[set("/status/decisions", json!([vote("bob", "Approve"), vote("ann", "Approve")]))], Ok(())),
        (operator, &[add("eve", "Deny")], Err("the operator decides nothing")),
        (operator, &[set("/status/decisions", json!([]))], Err("the operator decides nothing")),
        (operator, &[set("/status/state", json!("Approved")), set("/status/endedAt", json!("2026-01-01T00:00:00Z"))], Ok(())),
        ("eve", &[add("eve", "Deny")], Err("it is Approved already, and no longer waits for decisions")),
    ];
    for (user, change, expected) in cases {
        let outcome = patch(&namespace, "amber-0", user, change).await;
        let told = format!("{user} {change:?}: {outcome:?}");
        match expected {
            Ok(()) => assert!(outcome.is_ok(), "{told}"),
            Err(because) => assert!(outcome.is_err_and(|refusal| refusal.contains(because)), "wanted `{because}`: {told}"),
        }
    }
    let less = r#"[{"op": "replace", "path": "/spec/quorum", "value": 1}]"#;
    let spec = ["patch", "toolapproval", "amber-0", "--type=json", "-p", less];
    let refusal = namespace.kubectl(&spec).await.unwrap_err().to_string();
    assert!(refusal.contains("what is asked does not change"), "{refusal}");
    let approver = ["--as", "ann", "--as-group", &namespace.name];
    let refusal = namespace.kubectl(&[approver.as_slice(), &spec].concat()).await.unwrap_err().to_string();
    assert!(refusal.contains("forbidden"), "{refusal}");
    let mallory = ["--as", "mallory", "get", "toolapproval", "amber-0"];
    assert!(namespace.kubectl(&mallory).await.unwrap_err().to_string().contains("forbidden"));
    release.remove().await;
    namespace.delete().await;
}
