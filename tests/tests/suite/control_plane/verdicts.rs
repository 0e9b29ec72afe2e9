//! The API server and `skreaver validate` give the same verdict on every case.

use serde_json::Value;
use skreaver_tests::{kubectl, root};

#[tokio::test]
async fn the_api_server_judges_every_case_as_expected() {
    let cases = cases();
    assert!(cases.len() > 30);
    let mut wrong = Vec::new();
    for case in &cases {
        let arguments = ["apply", "--dry-run=server", "--validate=strict", "-f", "-"];
        let verdict = kubectl(&arguments, &case["manifest"].to_string()).await;
        match (case["refused"].as_str(), verdict) {
            (None, Ok(_)) => {}
            (Some(text), Err(error)) if error.to_string().contains(text) => {}
            (expected, verdict) => wrong.push(format!("{}: expected {expected:?}, got {verdict:?}", case["name"])),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn cases() -> Vec<Value> {
    let text = std::fs::read_to_string(root().join("crds/cases.yaml")).unwrap();
    serde_yaml::from_str(&text).unwrap()
}
