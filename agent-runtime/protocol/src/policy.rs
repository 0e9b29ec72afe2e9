//! Rules about tool calls as they travel: from a ToolPolicy through the operator into each runtime, which compiles them.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ToolName;

mod approval;
mod audit;
mod content;
mod data_flow;
mod rule;
mod secrets;
mod sections;

pub use approval::ApprovalTerms;
pub use audit::{AuditSection, AuditSink};
pub use content::{ContentAction, ContentClass, ContentConfidence, ContentPlace, ContentRule};
pub use data_flow::{DataFlow, FlowAction};
pub use rule::{Per, RateLimit, Redact, Rule};
pub use secrets::{SecretsAction, SecretsSection};
pub use sections::{FsSection, HttpSection, ResourcesSection};

/// What becomes of a tool call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Action {
    /// It runs.
    Allow,
    /// It runs once people approve it, and waits for them. Calls outside of runs cannot wait, and are refused.
    RequireApproval,
    /// It is refused, and the refusal names policy and rule.
    Deny,
}

/// Whether a policy decides or only looks on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum Mode {
    /// Its answer counts.
    #[default]
    Enforce,
    /// What it would refuse is logged and counted, and runs.
    Audit,
}

/// One policy as the runtime gets it: already selected for its agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PolicyRules {
    /// The name of the ToolPolicy.
    pub name: String,
    /// Whether it decides or only looks on.
    pub mode: Mode,
    /// What becomes of calls that no rule names.
    pub default_action: Action,
    /// Its rules.
    #[serde(default)]
    pub rules: Vec<Rule>,
    /// What may follow what.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_flow: Option<DataFlow>,
    /// What permitted calls may reach over HTTP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<HttpSection>,
    /// Which files they may touch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fs: Option<FsSection>,
    /// What they may use up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<ResourcesSection>,
    /// What becomes of secrets that pass by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secrets: Option<SecretsSection>,
    /// What becomes of content that looks like an attack.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub suspicious_content: Vec<ContentRule>,
    /// Where decisions are recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audit: Option<AuditSection>,
}

/// What conditions see of the agent besides its name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AgentFacts {
    /// The namespace of the Agent.
    pub namespace: String,
    /// Its labels, by which policies select it too.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
}

/// All policies of one agent at one moment. Replaced whole, never in parts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PolicyBundle {
    /// Rises with every change; a runtime never goes back to a lower one.
    pub version: u64,
    /// Whether calls are refused when no Enforce policy selects the agent.
    #[serde(default)]
    pub required: bool,
    /// The agent, for policies with conditions. Where it is absent, a condition that asks for its namespace or labels cannot be
    /// decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<AgentFacts>,
    /// The policies that select the agent, by name.
    #[serde(default)]
    pub policies: Vec<PolicyRules>,
    /// The tools of remote sources as they were when they were first seen: of each source, the digest of each tool by the
    /// server's name for it. A source that is absent has not been seen.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub pins: BTreeMap<ToolName, BTreeMap<String, String>>,
}
