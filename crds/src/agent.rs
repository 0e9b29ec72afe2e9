//! The Agent: what a developer asks for.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};
use skreaver_protocol::GoDuration;
use skreaver_protocol::config::ToolSource;
use skreaver_protocol::rest::Component;

use crate::pod_template::PodTemplate;

/// What the agent is and what it may use.
#[derive(CustomResource, KubeSchema, Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "skreaver.dev",
    version = "v1alpha1",
    kind = "Agent",
    namespaced,
    status = "AgentStatus",
    derive = "PartialEq",
    shortname = "agt",
    category = "skreaver",
    doc = "An Agent is an AI agent that runs as a service: it answers REST on /agents/NAME/observe and offers its tools over MCP on /mcp.",
    annotation("helm.sh/resource-policy", "keep"),
    scale(spec_replicas_path = ".spec.replicas", status_replicas_path = ".status.replicas", label_selector_path = ".status.selector"),
    printcolumn(name = "Ready", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].status"#),
    printcolumn(name = "Reason", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].reason"#),
    printcolumn(name = "Replicas", type_ = "integer", json_path = ".status.replicas"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Endpoint", type_ = "string", json_path = ".status.endpoints.rest", priority = 1),
    printcolumn(name = "Message", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].message"#, priority = 1),
    validation = Rule::new("self.metadata.name.size() <= 52 && self.metadata.name.matches('^[a-z]([a-z0-9-]*[a-z0-9])?$')")
        .message("name the Agent with at most 52 lower-case letters, digits and '-', starting with a letter and ending with a letter or digit: its Service carries the same name")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!(has(self.instructions) && has(self.instructionsFrom))")
        .message("set instructions or instructionsFrom, not both")
)]
pub struct AgentSpec {
    /// What the agent is for, in a sentence. Told to callers. Example: `Shouts whatever it hears.`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub description: Option<String>,

    /// How to use the agent. An Agent without a model hands this to MCP clients, whose models call its tools.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 65536))]
    pub instructions: Option<String>,

    /// Takes the instructions from elsewhere. The Agent follows when they change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instructions_from: Option<InstructionsSource>,

    /// The tools that the agent may use. An input `NAME:TEXT` runs the tool NAME on TEXT; any other input is echoed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub tools: Vec<AgentTool>,

    /// Bounds of the agent. Whatever goes over one is refused visibly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<Limits>,

    /// How many pods serve the agent. Default: 1.
    #[serde(default = "one")]
    #[schemars(range(min = 0, max = 1000))]
    pub replicas: i32,

    /// Stops the agent: no pod runs, everything else stays. Default: false.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub suspend: bool,

    /// What of its pods is yours to set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod_template: Option<PodTemplate>,
}

fn one() -> i32 {
    1
}

/// One tool of an agent.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentTool {
    /// The name under which callers and policies know the tool; for a Builtin one its name in the image.
    /// Example: `uppercase`.
    #[schemars(length(max = 63))]
    #[x_kube(
        validation = Rule::new("self.matches('^[a-z][a-z0-9_-]*$')")
            .message("write a tool name of lower-case letters, digits, '-' and '_', starting with a letter")
    )]
    pub name: String,

    /// Where the tool comes from. `Builtin`: the runtime image itself, which has `uppercase`, `lowercase`, `reverse`,
    /// `split`, `analyze` and `search`.
    #[serde(rename = "type")]
    pub source: ToolSource,
}

/// Where instructions come from.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InstructionsSource {
    /// A key of a ConfigMap in the Agent's namespace.
    pub config_map_key_ref: KeyRef,
}

/// A key of an object in the same namespace.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyRef {
    /// The name of the object. Example: `clerk-instructions`.
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(
        validation = Rule::new("self.matches('^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$')")
            .message("write the name of an object in the same namespace: lower-case letters, digits, '-' and '.'")
    )]
    pub name: String,
    /// The key in it. Example: `instructions.md`.
    #[schemars(length(min = 1, max = 253))]
    pub key: String,
}

/// Bounds of an agent.
#[derive(KubeSchema, Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Limits {
    /// Runs at the same time in one pod. Default: 16.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10_000))]
    pub concurrency: Option<u32>,

    /// Runs that wait for their turn in one pod; the next one gets 429 with Retry-After. Default: 256.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100_000))]
    pub queue_length: Option<u32>,

    /// The longest a run may take, its wait in the queue included. Default: `60s`.
    // As a bare string, because a sentence of our own says more than the pattern that the type would bring.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", length(max = 32))]
    #[x_kube(
        validation = Rule::new("self.matches('^([0-9]{1,9}(ms|s|m|h))+$') && duration(self) >= duration('1ms') && duration(self) <= duration('24h')")
            .message("write runTimeout as whole numbers with the units h, m, s and ms, from 1ms to 24h, such as 90s")
    )]
    pub run_timeout: Option<GoDuration>,
}

/// What the operator has seen of the agent.
#[derive(KubeSchema, Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentStatus {
    /// The generation of the spec that the rest of the status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,

    /// Accepted, ResolvedRefs, PolicyApplied, Progressing, Available, Ready.
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
