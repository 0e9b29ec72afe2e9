//! What the operator has seen of an agent.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::KubeSchema;
use serde::{Deserialize, Serialize};
use skreaver_protocol::rest::Component;

/// What the operator has seen of the agent.
#[derive(KubeSchema, Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentStatus {
    /// The generation of the spec that the rest of the status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,

    /// Accepted, ResolvedRefs, PolicyApplied, Progressing, Available, Degraded, Ready.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,

    /// The pods that exist.
    #[serde(default)]
    pub replicas: i32,

    /// The pods that answer.
    #[serde(default)]
    pub ready_replicas: i32,

    /// The label selector of the pods, for the scale subresource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<String>,

    /// Where to reach the agent inside the cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoints: Option<Endpoints>,

    /// The ToolPolicies that select the agent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 128))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub policies: Vec<PolicyRef>,

    /// The version of the policies handed to the pods; it rises with every change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy_version: Option<i64>,

    /// The components of the agent that are not ready, as its pods report them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 128))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub components: Vec<Component>,

    /// The tools of MCP servers as they were when they were first seen, of each source with `pin: Warn` or `Enforce`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub tools: Vec<PinnedTools>,
}

/// The tools of an MCP server as they were when they were first seen.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PinnedTools {
    /// The name of the source in the spec.
    #[schemars(length(max = 63))]
    pub name: String,
    /// Where they were found.
    #[schemars(length(max = 1024))]
    pub url: String,
    /// The `pinVersion` of the spec under which they were.
    #[serde(default)]
    pub pin_version: i64,
    /// The tools.
    #[schemars(length(max = 256))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub tools: Vec<PinnedTool>,
}

/// A tool as it was when it was first seen.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PinnedTool {
    /// The server's name for it.
    #[schemars(length(max = 128))]
    pub name: String,
    /// The SHA-256 of its name, description and schemas, in hexadecimal digits.
    #[schemars(length(max = 64))]
    pub digest: String,
}

/// Where to reach an agent.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Endpoints {
    /// The base URL of the REST API.
    pub rest: String,
    /// The URL for MCP clients.
    pub mcp: String,
}

/// A ToolPolicy that selects the agent.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicyRef {
    /// The name of the ToolPolicy.
    pub name: String,
    /// The generation of it whose rules are in force; 0 where none was ever accepted, and every call is refused.
    pub generation: i64,
}
