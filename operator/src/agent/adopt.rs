//! Recognises a child that an operator before us applied, so that a restart writes nothing.

use kube::api::DynamicObject;
use serde_json::{Value, json};

use super::ledger::{Record, Sight, hash};

/// The annotation that carries the hash of what was applied. A field that we no longer want shows only here.
const APPLIED: &str = "skreaver.dev/applied";

/// A manifest as it is sent: with its own hash.
pub(crate) fn marked(manifest: &Value) -> Value {
    let mut marked = manifest.clone();
    marked["metadata"]["annotations"][APPLIED] = json!(format!("{:016x}", hash(manifest)));
    marked
}

/// What to remember of a child that holds exactly what we would apply, and maybe what the API server added.
pub(crate) fn adopt(manifest: &Value, live: &DynamicObject) -> Option<Record> {
    let whole = serde_json::to_value(live).ok()?;
    contains(&whole, &marked(manifest)).then(|| Record { wanted: hash(manifest), sight: Sight::of(&live.metadata) })
}

fn contains(whole: &Value, part: &Value) -> bool {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => {
            part.iter().all(|(key, part)| whole.get(key).is_some_and(|whole| contains(whole, part)))
        }
        (Value::Array(whole), Value::Array(part)) => {
            whole.len() == part.len() && whole.iter().zip(part).all(|(whole, part)| contains(whole, part))
        }
        (whole, part) => whole == part,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Value {
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "chalk"}, "spec": {"ports": [{"port": 1}]}})
    }

    fn check(change: impl FnOnce(&mut Value), adopted: bool) {
        let mut live = marked(&manifest());
        change(&mut live);
        assert_eq!(adopt(&manifest(), &serde_json::from_value(live).unwrap()).is_some(), adopted);
    }

    #[test]
    fn defaults_of_the_api_server_are_no_difference() {
        check(|_| {}, true);
        check(|live| live["spec"]["ports"][0]["protocol"] = json!("TCP"), true);
        check(|live| live["spec"]["clusterIP"] = json!("10.0.0.1"), true);
    }

    #[test]
    fn what_somebody_changed_and_what_we_no_longer_want_is() {
        check(|live| live["spec"]["ports"][0]["port"] = json!(2), false);
        check(|live| live["spec"]["ports"] = json!([{"port": 1}, {"port": 2}]), false);
        check(|live| live["metadata"]["annotations"][APPLIED] = json!("of another manifest"), false);
    }
}
