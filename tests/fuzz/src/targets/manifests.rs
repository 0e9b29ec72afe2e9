//! Manifests: what is good is a resource, and it is said of everything else where it is not.

use serde_json::Value;
use skreaver_crds::validate::validate;
use skreaver_crds::{Agent, ToolApproval, ToolPolicy};

use crate::Came;

pub(super) fn manifests(bytes: &[u8]) -> Came {
    let Ok(text) = std::str::from_utf8(bytes) else { return Came::NOTHING };
    let manifest: Value = match serde_yaml::from_str(text) {
        Ok(manifest) => manifest,
        Err(_) => return Came::NOTHING,
    };
    let problems = validate(&manifest);
    assert_eq!(problems.len(), validate(&manifest).len(), "it is judged the same twice");
    if problems.is_empty() {
        let read = match manifest["kind"].as_str() {
            Some("Agent") => serde_json::from_value::<Agent>(manifest.clone()).map(drop),
            Some("ToolPolicy") => serde_json::from_value::<ToolPolicy>(manifest.clone()).map(drop),
            _ => serde_json::from_value::<ToolApproval>(manifest.clone()).map(drop),
        };
        assert!(read.is_ok(), "it is good, and cannot be read: {read:?}");
    }
    Came::told(&problems.iter().map(|problem| problem.to_string()).collect::<Vec<_>>())
}
