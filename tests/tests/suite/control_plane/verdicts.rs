//! The API server and `skreaver validate` give the same verdict on every case.

use serde_json::Value;
use skreaver_tests::{Namespace, root};

#[tokio::test]
async fn the_api_server_judges_every_case_as_expected() {
    let namespace = Namespace::create("verdicts").await;
    let cases = cases();
    assert!(cases.len() > 140);
    let mut wrong = Vec::new();
    for case in &cases {
        let verdict = judge(&namespace, case).await;
        match (case["refused"].as_str(), verdict) {
            (None, Ok(_)) => {}
            (Some(text), Err(error)) if error.to_string().contains(text) => {}
            (expected, verdict) => wrong.push(format!("{}: expected {expected:?}, got {verdict:?}", case["name"])),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    namespace.delete().await;
}

/// What the API server says to a manifest, after `before` where there is one.
async fn judge(namespace: &Namespace, case: &Value) -> anyhow::Result<String> {
    let dry_run = ["--dry-run=server", "--validate=strict"];
    let Some(before) = case.get("before") else { return namespace.apply_with(&dry_run, &case["manifest"].to_string()).await };
    namespace.apply(&before.to_string()).await.expect("what was before is good");
    let verdict = namespace.apply_with(&dry_run, &case["manifest"].to_string()).await;
    let (kind, name) = (before["kind"].as_str().unwrap(), before["metadata"]["name"].as_str().unwrap());
    namespace.kubectl(&["delete", kind, name]).await.unwrap();
    verdict
}

fn cases() -> Vec<Value> {
    let text = std::fs::read_to_string(root().join("crds/cases.yaml")).unwrap();
    serde_yaml::from_str(&text).unwrap()
}
