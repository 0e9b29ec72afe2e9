//! The Agent: what a developer asks for.

use kube::{CustomResource, KubeSchema};
use schemars::{Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use skreaver_protocol::config::{Durability, ReadinessMode};

use crate::pod_template::PodTemplate;

mod expose;
mod limits;
mod memory;
mod model;
mod reference;
mod status;
mod tool;

pub use expose::{ApiKeySecret, Auth, AuthType, Expose, SecretRef};
pub use limits::{Budget, Limits};
pub use memory::{AgentMemory, Backend, Compaction, Server};
pub use model::{AgentModel, Model, Parameters, Price, Retry};
pub use reference::{InstructionsSource, KeyRef, SecretKeySource};
pub use status::{AgentStatus, Endpoints, PinnedTool, PinnedTools, PolicyRef};
pub use tool::{
    AgentTool, DocumentSource, EnvVar, Header, HeaderValue, HttpTool, McpLink, McpTool, OAuth, OpenApiTool, PeerAgent, ToolType,
};

/// From a millisecond to a day, in the notation of Go.
const DURATION: &str =
    "self.matches('^([0-9]{1,9}(ms|s|m|h))+$') && duration(self) >= duration('1ms') && duration(self) <= duration('24h')";

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
        .message("name the Agent with at most 52 lower-case letters, digits and '-', starting with a letter and ending with a letter or digit: its Service carries the same name"),
    validation = Rule::new("!has(self.spec.tools) || self.spec.tools.all(tool, !has(tool.agent) || tool.agent.name != self.metadata.name)")
        .message("an Agent is no tool of its own: name another one in tools[].agent")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!(has(self.instructions) && has(self.instructionsFrom))")
        .message("set instructions or instructionsFrom, not both"),
    validation = Rule::new("has(self.model) || !has(self.outputSchema)")
        .message("outputSchema shapes the answers of a model: set model, or leave outputSchema out"),
    validation = Rule::new("has(self.model) || !has(self.goal)")
        .message("a goal is for a model to reach: set model, or leave goal out"),
    validation = Rule::new("has(self.model) || !has(self.limits) || !has(self.limits.budget)")
        .message("a budget is spent at models: set model, or leave limits.budget out"),
    validation = Rule::new("has(self.model) || !has(self.memory) || !has(self.memory.compaction)")
        .message("conversations are summed up by the model: set model, or leave memory.compaction out"),
    validation = Rule::new("!has(self.limits) || !has(self.limits.budget) || !has(self.limits.budget.costMicroUSD) || !has(self.model) || (has(self.model.price) && (!has(self.model.fallbacks) || self.model.fallbacks.all(fallback, has(fallback.price))))")
        .message("limits.budget.costMicroUSD counts at model.price: set price for the model and each fallback"),
    validation = Rule::new("has(self.memory) || !has(self.durability)")
        .message("durability says how memory is kept: set memory, or leave durability out"),
    validation = Rule::new("!has(self.memory) || self.memory.backend != 'InMemory' || !has(self.durability) || self.durability == 'Ephemeral'")
        .message("InMemory is gone with its pod, so it keeps nothing Buffered or Durable: choose another memory.backend, or durability Ephemeral"),
    validation = Rule::new("!has(self.memory) || self.memory.backend in ['PostgreSQL', 'Redis'] || self.replicas <= 1")
        .message("memory of the backends InMemory, File and SQLite belongs to one pod: set replicas to 1, or keep memory in PostgreSQL or Redis"),
    validation = Rule::new("has(self.memory) || !has(self.tools) || self.tools.all(tool, tool.type != 'Builtin' || !(tool.name in ['remember', 'recall']))")
        .message("the tools remember and recall use the agent's memory: set memory, or leave them out"),
    validation = Rule::new("(has(self.memory) && self.memory.backend in ['File', 'SQLite']) == (has(oldSelf.memory) && oldSelf.memory.backend in ['File', 'SQLite'])")
        .message("an Agent with memory on a volume (File, SQLite) stays one, and one without stays without: delete the Agent and create it anew, or give the new one another name")
)]
pub struct AgentSpec {
    /// What the agent is for, in a sentence. Told to callers. Example: `Shouts whatever it hears.`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub description: Option<String>,

    /// The model that thinks for the agent. Default: none, and the agent follows a rule: an input `NAME:TEXT` runs the tool NAME
    /// on TEXT, any other is echoed.
    /// Example: `{provider: OpenAI, name: gpt-4.1-mini, apiKey: {secretKeyRef: {name: openai, key: token}}}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<AgentModel>,

    /// What the model is told of its task before anything else. MCP clients get it too. Default: nothing. Example: `Be brief.`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 65536))]
    pub instructions: Option<String>,

    /// Takes the instructions from elsewhere. The Agent follows when they change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instructions_from: Option<InstructionsSource>,

    /// The shape of every answer: a JSON Schema (2020-12), of at most 64 KiB and without references to other documents. An answer
    /// of another shape is sent back to the model once, and then ends the run with an error. Default: any text.
    /// Example: `{type: object, required: [city], properties: {city: {type: string}}}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "any_object")]
    pub output_schema: Option<Value>,

    /// What each run is to reach. Default: a run ends with the model's first answer that calls no tool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub goal: Option<Goal>,

    /// The tools that the agent may use. Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub tools: Vec<AgentTool>,

    /// Bounds of the agent. Whatever goes over one is refused visibly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<Limits>,

    /// What the agent remembers, and where. Default: nothing; the agent has no sessions then and answers while the caller waits.
    /// Example: `{backend: SQLite}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<AgentMemory>,

    /// What an acknowledgement of the agent means. `Ephemeral`: what was accepted is gone with the pod. `Buffered`: it survives
    /// every process. `Durable`: it survives the machine, for it was on the disk before. A server that cannot keep what is asked
    /// is told by the condition Accepted. Default: Ephemeral for InMemory, Buffered for every other backend.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub durability: Option<Durability>,

    /// Which components may take the agent out of its Service. `Lenient`: once it was ready, only what is bound to the pod:
    /// config, policy, memory; a lost model answers runs with 503 and the condition Degraded says so. `Strict`: each of them.
    /// Default: Lenient.
    #[serde(default)]
    pub readiness: ReadinessMode,

    /// How callers reach the agent.
    /// Example: `{auth: {apiKeys: {secretRef: {name: clerk-keys}}}}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expose: Option<Expose>,

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

/// Any JSON object: its fields are nobody's but the user's.
fn any_object(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "object", "x-kubernetes-preserve-unknown-fields": true})
}

/// What the runs of an agent are to reach.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Goal {
    /// The goal in words, for the model. Example: `Find the invoice and name its total.`
    #[schemars(length(min = 1, max = 4096))]
    pub text: String,

    /// A CEL expression that is true when the goal is met. It sees `output`, the last answer as a text, `turns` and `toolCalls`,
    /// which count, and `tools`, the names of the tools that have answered. A run ends when it is true or a limit is reached.
    /// Example: `output.contains("total:") && "find_invoice" in tools`.
    #[schemars(length(min = 1, max = 1024))]
    pub until: String,
}
