//! What was written to the API server, read from its audit log.

use serde_json::Value;

/// One write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// Who wrote.
    pub user: String,
    /// With which program.
    pub agent: String,
    /// create, update, patch or delete.
    pub verb: String,
    /// The resource, with its subresource behind a slash. Example: `agents/status`.
    pub resource: String,
    /// The object.
    pub name: String,
}

/// The writes to a namespace, in order, by the program whose user agent or user contains `by`. Events do not count.
///
/// # Panics
/// When there is no audit log at `SKREAVER_AUDIT_LOG`.
pub fn writes(namespace: &str, by: &str) -> Vec<Write> {
    let path = std::env::var("SKREAVER_AUDIT_LOG").expect("SKREAVER_AUDIT_LOG names the audit log");
    let text = std::fs::read_to_string(path).expect("the audit log can be read");
    let entries = text.lines().filter(|line| line.contains(namespace)).filter_map(|line| serde_json::from_str(line).ok());
    entries
        .filter_map(|entry: Value| write(&entry, namespace))
        .filter(|write| write.user.contains(by) || write.agent.contains(by))
        .collect()
}

fn write(entry: &Value, namespace: &str) -> Option<Write> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let object = &entry["objectRef"];
    let verb = text(&entry["verb"]);
    let wrote = ["create", "update", "patch", "delete", "deletecollection"].contains(&verb.as_str());
    if object["namespace"] != namespace || entry["stage"] != "ResponseComplete" || !wrote || object["resource"] == "events" {
        return None;
    }
    let resource = match object["subresource"].as_str() {
        Some(subresource) => format!("{}/{subresource}", text(&object["resource"])),
        None => text(&object["resource"]),
    };
    let (user, agent) = (text(&entry["user"]["username"]), text(&entry["userAgent"]));
    Some(Write { user, agent, verb, resource, name: text(&object["name"]) })
}
