//! What a runtime serves: the file that the operator renders, and that `skreaver run` makes from the same manifests.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::auth::AuthConfig;
use crate::{AgentName, GoDuration};

mod memory;
mod model;
mod secret;
mod tool;

pub use memory::{CompactionConfig, Durability, MemoryConfig, StoreConfig};
pub use model::{ModelConfig, ModelParameters, Price, Provider};
pub use secret::SecretSource;
pub use tool::{
    AgentToolConfig, ClientCredentials, HeaderConfig, HttpMethod, HttpToolConfig, McpConfig, McpServer, OpenApiConfig, Pin,
    ToolConfig, ToolSource,
};

/// The configuration of one runtime process. A change of it rolls the pods; policies are not part of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RuntimeConfig {
    /// The agents to serve: one in a pod, any number on a laptop.
    #[schemars(length(min = 1, max = 1000))]
    pub agents: Vec<AgentConfig>,
    /// What is known of the cluster around; absent on a laptop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<ClusterConfig>,
    /// How callers are known, and what they may do. Absent: they are not asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<AuthConfig>,
}

/// One agent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AgentConfig {
    /// Its name, and its id in the API.
    pub name: AgentName,
    /// What it is for, told to callers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Handed to MCP clients, whose models call the tools.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instructions: Option<String>,
    /// The tools that it may use.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<ToolConfig>,
    /// The models that it asks, in the order of preference: each stands in for those before it. Without any it is a rule agent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<ModelConfig>,
    /// The JSON Schema (2020-12) that every answer must have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_schema: Option<serde_json::Value>,
    /// What its runs are to reach.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub goal: Option<GoalConfig>,
    /// Its bounds.
    #[serde(default)]
    pub limits: LimitsConfig,
    /// What it remembers and where; without it the agent is stateless.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<MemoryConfig>,
    /// The directory of its own in which tools of files work, absolute. Without it there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<PathBuf>,
    /// Which components may turn readiness off.
    #[serde(default)]
    pub readiness: ReadinessMode,
}

impl AgentConfig {
    /// An agent with these tools, the usual limits and nothing else.
    pub fn of_tools(name: AgentName, tools: Vec<ToolConfig>) -> Self {
        Self {
            name,
            description: None,
            instructions: None,
            tools,
            models: Vec::new(),
            output_schema: None,
            goal: None,
            limits: LimitsConfig::default(),
            memory: None,
            files: None,
            readiness: ReadinessMode::default(),
        }
    }
}

/// What the runs of an agent are to reach.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GoalConfig {
    /// The goal in words, for the model.
    pub text: String,
    /// A CEL expression over `output` (text), `turns` and `toolCalls` (numbers), `tools` (names of the tools that answered): a
    /// run ends when it is true.
    pub until: String,
}

/// Which components may turn readiness off.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ReadinessMode {
    /// A required component gates the first readiness; afterwards only what is bound to the pod does: config, policy, memory.
    #[default]
    Lenient,
    /// Every required component counts always.
    Strict,
}

/// Bounds of an agent. Whatever goes over one is refused visibly.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct LimitsConfig {
    /// Runs at the same time.
    #[schemars(range(min = 1, max = 10_000))]
    pub concurrency: u32,
    /// Runs that wait for their turn; the next one gets 429.
    #[schemars(range(min = 0, max = 100_000))]
    pub queue_length: u32,
    /// The longest a run may take, its wait in the queue included.
    pub run_timeout: GoDuration,
    /// Questions to the model in one run.
    #[schemars(range(min = 1, max = 10_000))]
    pub max_turns: u32,
    /// Tool calls in one run.
    #[schemars(range(min = 0, max = 100_000))]
    pub max_tool_calls: u32,
    /// What one run may spend.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget: Option<BudgetConfig>,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self {
            concurrency: 16,
            queue_length: 256,
            run_timeout: GoDuration::from_secs(60),
            max_turns: 16,
            max_tool_calls: 64,
            budget: None,
        }
    }
}

/// What one run may spend. Reserved before each question to a model, settled after its answer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BudgetConfig {
    /// Tokens, of questions and answers together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
    /// Money, in millionths of a US dollar, at the prices that the models' configuration tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_micro_usd: Option<u64>,
    /// What becomes of a question that does not fit.
    #[serde(default)]
    pub on_exceeded: OnExceeded,
}

/// What becomes of a question that the rest of the budget does not cover.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum OnExceeded {
    /// The run ends.
    #[default]
    Deny,
    /// The next model that the rest covers is asked; without one the run ends.
    Downgrade,
}

/// What a runtime in a pod knows of its cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClusterConfig {
    /// The namespace of the Agent.
    pub namespace: String,
    /// The names under which the Service is reached. MCP answers to no other `Host`, against DNS rebinding.
    pub hosts: Vec<String>,
    /// The file with the agent's [`PolicyBundle`](crate::policy::PolicyBundle) at the pod's start.
    pub policies_file: PathBuf,
    /// The stream to the operator; absent where the operator serves none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control: Option<ControlConfig>,
}

/// Where and as whom a pod reaches the operator's control channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ControlConfig {
    /// The host name of the `control` Service, for which its certificate stands.
    pub host: String,
    /// Its TCP port.
    pub port: u16,
    /// The PEM certificate of the authority that signed the operator's certificate.
    pub ca: String,
    /// The file with the projected ServiceAccount token of audience `skreaver.dev/control`.
    pub token_file: PathBuf,
}
