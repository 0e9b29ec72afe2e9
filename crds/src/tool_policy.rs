//! The ToolPolicy: what the platform team lets tool calls do.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, LabelSelector};
use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};
use skreaver_protocol::policy::{
    Action, AuditSection, ContentRule, DataFlow, FsSection, HttpSection, Mode, ResourcesSection, Rule as ToolRule, SecretsSection,
};

/// Which agents the policy is for, and what their tool calls may do.
#[derive(CustomResource, KubeSchema, Debug, Clone, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "skreaver.dev",
    version = "v1alpha1",
    kind = "ToolPolicy",
    plural = "toolpolicies",
    namespaced,
    status = "ToolPolicyStatus",
    derive = "PartialEq",
    shortname = "tpol",
    category = "skreaver",
    doc = "A ToolPolicy says what the tool calls of the Agents it selects may do. Each Enforce policy decides alone and the strictest answer wins: adding a policy never permits more.",
    annotation("helm.sh/resource-policy", "keep"),
    printcolumn(name = "Mode", type_ = "string", json_path = ".spec.mode"),
    printcolumn(name = "Default", type_ = "string", json_path = ".spec.defaultAction"),
    printcolumn(name = "Accepted", type_ = "string", json_path = r#".status.conditions[?(@.type=="Accepted")].status"#),
    printcolumn(name = "Reason", type_ = "string", json_path = r#".status.conditions[?(@.type=="Accepted")].reason"#),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Message", type_ = "string", json_path = r#".status.conditions[?(@.type=="Accepted")].message"#, priority = 1),
    validation = Rule::new("self.metadata.name.size() <= 52 && self.metadata.name.matches('^[a-z]([a-z0-9-]*[a-z0-9])?$')")
        .message("name the ToolPolicy with at most 52 lower-case letters, digits and '-', starting with a letter and ending with a letter or digit")
)]
#[serde(rename_all = "camelCase")]
pub struct ToolPolicySpec {
    /// The Agents of the namespace that the policy is for, by label. Empty or absent: all of them.
    #[serde(default)]
    pub agent_selector: LabelSelector,

    /// `Enforce`: the policy decides. `Audit`: what it would refuse is logged and counted, and runs. Default: Enforce.
    #[serde(default)]
    pub mode: Mode,

    /// What becomes of calls that no rule names. Default: Deny.
    #[serde(default = "deny")]
    pub default_action: Action,

    /// The rules. A Deny beats every Allow, whatever their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub rules: Vec<ToolRule>,

    /// What may follow what in a run: once it has seen what an untrusted source answered, the sinks are denied to it, and to the
    /// later runs of its session. Absent: any tool may follow any other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_flow: Option<DataFlow>,

    /// What permitted calls may reach over HTTP. Absent: every public host, and the places that the Agent's spec names for tools.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<HttpSection>,

    /// Which files permitted calls may touch. Absent: those in the agent's own directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fs: Option<FsSection>,

    /// What permitted calls may use up. Absent: safe defaults.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<ResourcesSection>,

    /// What becomes of secrets in the arguments and results of calls, in what agents are told and in what they remember. Absent: they
    /// pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secrets: Option<SecretsSection>,

    /// What becomes of content that looks like an attack on whoever reads it: commands, templates, control sequences, hidden text.
    /// Of several rules the strictest counts. Absent: it passes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    pub suspicious_content: Vec<ContentRule>,

    /// Where the decisions over calls of the selected Agents are recorded, also those of other policies. Absent: nowhere, as far as
    /// this policy is concerned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audit: Option<AuditSection>,
}

fn deny() -> Action {
    Action::Deny
}

/// What the operator made of the policy.
#[derive(KubeSchema, Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ToolPolicyStatus {
    /// The generation of the spec that the conditions speak of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,

    /// The generation whose rules are in force: the last that compiled. Absent: none ever did, and the Agents that the
    /// policy selects may call no tool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted_generation: Option<i64>,

    /// Accepted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
}
