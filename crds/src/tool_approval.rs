//! The ToolApproval: one tool call that waits for people.

use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};
use skreaver_protocol::approval::{ApprovalState, AskedBy, Vote};

/// One tool call of an agent, and what people are asked about it. The operator makes it, and nobody changes it.
#[derive(CustomResource, KubeSchema, Debug, Clone, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "skreaver.dev",
    version = "v1alpha1",
    kind = "ToolApproval",
    plural = "toolapprovals",
    namespaced,
    status = "ToolApprovalStatus",
    derive = "PartialEq",
    shortname = "tapproval",
    category = "skreaver",
    doc = "A ToolApproval is one tool call of an Agent that waits for people. The operator makes it; who may decide writes a decision into its status.",
    annotation("helm.sh/resource-policy", "keep"),
    printcolumn(name = "Agent", type_ = "string", json_path = ".spec.agent"),
    printcolumn(name = "Tool", type_ = "string", json_path = ".spec.tool"),
    printcolumn(name = "State", type_ = "string", json_path = ".status.state"),
    printcolumn(name = "Quorum", type_ = "integer", json_path = ".spec.quorum"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Expires", type_ = "string", json_path = ".spec.expiresAt", priority = 1),
    printcolumn(name = "Policy", type_ = "string", json_path = ".spec.askedBy[0].policy", priority = 1),
    printcolumn(name = "Preview", type_ = "string", json_path = ".spec.preview", priority = 1),
    validation = Rule::new("self.spec == oldSelf.spec").message("what is asked does not change; delete the ToolApproval, and the operator asks again")
)]
#[serde(rename_all = "camelCase")]
pub struct ToolApprovalSpec {
    /// The Agent whose call it is.
    #[schemars(length(min = 1, max = 52))]
    pub agent: String,

    /// The run, a UUID.
    #[schemars(length(max = 64))]
    pub run: String,

    /// The call, by its place among those of the run.
    pub step: u32,

    /// The session of the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub session: Option<String>,

    /// The tool.
    #[schemars(length(min = 1, max = 128))]
    pub tool: String,

    /// The SHA-256 of Agent, run, step, tool and the exact arguments, in hex. Who approves, approves this and nothing else.
    #[schemars(length(max = 64))]
    pub digest: String,

    /// The arguments as JSON, for people: what policies redact is taken out, and it may be cut off.
    #[schemars(length(max = 8192))]
    pub preview: String,

    /// The ToolPolicies and rules that ask for approval.
    #[schemars(length(max = 64))]
    pub asked_by: Vec<AskedBy>,

    /// How many people have to approve. One who denies ends it.
    #[schemars(range(min = 1, max = 10))]
    pub quorum: u32,

    /// When the call is denied if too few have decided (RFC 3339).
    #[schemars(length(max = 40))]
    pub expires_at: String,
}

/// What people said, and what came of it.
#[derive(KubeSchema, Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ToolApprovalStatus {
    /// What people said, each once and under their own name. Written by them.
    #[serde(default)]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["user".into()]))]
    pub decisions: Vec<Vote>,

    /// How it stands. Written by the operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<ApprovalState>,

    /// Since when it stands so for good (RFC 3339). An hour later the ToolApproval goes. Written by the operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 40))]
    pub ended_at: Option<String>,
}
