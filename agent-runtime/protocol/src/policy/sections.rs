//! The sections of a policy that bound what a permitted call may touch: files, the network, and what it may use up.
//!
//! Their keys are spelled as in `security.toml`, so that one text serves the library, `skreaver run` and the cluster.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::GoDuration;

/// What tools may reach over HTTP. Every name is judged before it is resolved, and every address before it is dialled.
///
/// An entry of either list is a host name (`api.example.com`), all names below one (`*.example.com`, which is not
/// `example.com` itself), all names (`*`), an address (`169.254.169.254`, `fd00::7`) or a network (`10.0.0.0/8`), each with
/// a port if only that one is meant (`api.example.com:8443`, `[fd00::7]:80`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpSection {
    /// The only hosts that tools may reach. Empty: none. Absent: every public one. Private networks and names of the cluster
    /// are open only where this list has exactly that name, address or network; loopback and link-local addresses only where
    /// it has exactly that address. Names are admitted by names alone: a network says where an admitted name may lead.
    /// Ports below 1024 other than 80 and 443 are open only where an entry has that port. Example: `["api.example.com"]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256), inner(length(min = 1, max = 260)), extend("x-kubernetes-list-type" = "set"))]
    pub allow_domains: Option<Vec<String>>,
    /// The hosts that tools may not reach, whatever allows them. A name that leads to a denied address is denied as well.
    /// Example: `["localhost", "169.254.169.254"]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), inner(length(min = 1, max = 260)), extend("x-kubernetes-list-type" = "set"))]
    pub deny_domains: Vec<String>,
}

/// Which files tools may touch. Nothing is reached through a symbolic link, and `..` leads nowhere.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FsSection {
    /// The only directories that tools may touch, with all below them, as absolute paths that lead through no symbolic link.
    /// Empty: none. Absent: the agent's own directory. What is mounted below one is named by itself.
    /// Example: `["/var/app/data"]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 1024)), extend("x-kubernetes-list-type" = "set"))]
    pub allow_paths: Option<Vec<String>>,
    /// What tools may not touch, whatever allows it, upper or lower case. Without a slash: every file or directory of that
    /// name (`..`, `*.key`, `.git`). With a slash at the start: that path and all below it (`/etc`). With a slash inside: that
    /// path below any directory (`secrets/*.pem`). `*` stands for any text without a slash, `**` for any text, `?` for one
    /// character, `[ab]` for one of them, `{a,b}` for either. Example: `["..", "/etc", "*.key"]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), inner(length(min = 1, max = 1024)), extend("x-kubernetes-list-type" = "set"))]
    pub deny_patterns: Vec<String>,
}

/// What tools may use up. Of several policies the lowest number of each counts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResourcesSection {
    /// The most memory of one tool call, in MiB; what it reads and what it answers are bounded by a quarter of it each.
    /// Default: 128.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65_536))]
    pub max_memory_mb: Option<u32>,
    /// Tool calls of an agent at the same time in one process; others wait within their own time. Default: 16.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10_000))]
    pub max_concurrent_operations: Option<u32>,
    /// Seconds of processor time of one tool call that runs in a worker process. Default: 10.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 86_400))]
    pub max_cpu_seconds: Option<u32>,
    /// The longest a tool call may take, its wait for others included. Default: 30s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<GoDuration>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn absent_and_empty_lists_are_told_apart_on_the_wire() {
        for text in [json!({}), json!({"allow_domains": []}), json!({"allow_domains": ["a.example"], "deny_domains": ["*"]})] {
            let section: HttpSection = serde_json::from_value(text.clone()).unwrap();
            assert_eq!(serde_json::to_value(section).unwrap(), text);
        }
    }

    #[test]
    fn a_key_that_nobody_reads_is_refused() {
        assert!(serde_json::from_value::<HttpSection>(json!({"allowed_domains": []})).is_err());
        assert!(serde_json::from_value::<FsSection>(json!({"allowPaths": []})).is_err());
        assert!(serde_json::from_value::<ResourcesSection>(json!({"max_disk_mb": 1})).is_err());
    }

    #[test]
    fn lists_are_bounded_in_the_schema_whether_absent_or_not() {
        let schema = schemars::schema_for!(HttpSection);
        for list in ["allow_domains", "deny_domains"] {
            let list = &schema.as_value()["properties"][list];
            assert_eq!((&list["maxItems"], &list["items"]["maxLength"]), (&json!(256), &json!(260)), "{list}");
            assert_eq!(list["x-kubernetes-list-type"], "set", "{list}");
        }
    }
}
