//! Rules about tool calls as they travel: from a ToolPolicy through the operator into each runtime, which compiles them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

mod sections;

pub use sections::{FsSection, HttpSection, ResourcesSection};

/// What becomes of a tool call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Action {
    /// It runs.
    Allow,
    /// It is refused, and the refusal names policy and rule.
    Deny,
}

/// Whether a policy decides or only looks on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Mode {
    /// Its answer counts.
    #[default]
    Enforce,
    /// What it would refuse is logged and counted, and runs.
    Audit,
}

/// One rule: what becomes of calls to the tools it names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rule {
    /// Named in refusals and audit records. Example: `no-writes`.
    #[schemars(length(min = 1, max = 63))]
    pub name: String,
    /// Tool names or globs: `*` stands for any text, `?` for one character, `[ab]` for one of them, `{a,b}` for either.
    /// Example: `["uppercase", "find_*"]`.
    // The same type stands in the CRD, so the schema carries the list type.
    #[schemars(length(min = 1, max = 64), inner(length(min = 1, max = 128)), extend("x-kubernetes-list-type" = "set"))]
    pub tools: Vec<String>,
    /// `Allow` or `Deny`. A `Deny` beats every `Allow` of the same policy, whatever their order.
    pub action: Action,
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
    /// The policies that select the agent, by name.
    #[serde(default)]
    pub policies: Vec<PolicyRules>,
}
