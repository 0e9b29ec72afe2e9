//! What may follow what in a run: data of untrusted sources does not reach named sinks.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ApprovalTerms;

/// Tools whose results nobody vouches for, and tools that are denied, or need approval, once a run has seen such a result: in the run itself, or
/// before it in its session. Calls outside of runs, such as those over MCP, come from a client of whom it is not known what it has
/// seen: sinks are denied to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "!has(self.approval) || self.action == 'RequireApproval'",
    "message": "approval is for calls that need one: write it with action RequireApproval",
}]))]
pub struct DataFlow {
    /// The tools that read what strangers wrote, by name or glob. Example: `["search", "http_get"]`.
    #[schemars(length(min = 1, max = 64), inner(length(min = 1, max = 128)), extend("x-kubernetes-list-type" = "set"))]
    pub sources: Vec<String>,
    /// The tools that are closed then, by name or glob. Absent: none; conditions see what was read as `taint`.
    /// Example: `["send_*", "http_post"]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 128)), extend("x-kubernetes-list-type" = "set"))]
    pub sinks: Vec<String>,
    /// What becomes of calls to them then. Default: Deny.
    #[serde(default)]
    pub action: FlowAction,
    /// How such a call gets the approval that it needs. Absent: one person approves within an hour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<ApprovalTerms>,
}

/// What becomes of a call to a sink by a run that has read an untrusted source.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum FlowAction {
    /// It is refused.
    #[default]
    Deny,
    /// It waits for people; what else the policy says of it holds as well.
    RequireApproval,
}
