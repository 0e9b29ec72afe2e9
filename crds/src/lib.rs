//! The custom resources of `skreaver.dev/v1alpha1`: types, their CEL rules, and conditions with their reasons. No client.
//!
//! A field stands here only if something reads it. The schemas in `config/crd/` and in the chart are generated from these
//! types; [`validate`](validate::validate) judges a manifest by the same schemas without a cluster.

pub mod agent;
pub mod condition;
pub mod pod_template;
pub mod tool_approval;
pub mod tool_policy;
pub mod validate;

pub use agent::{Agent, AgentSpec, AgentStatus};
pub use tool_approval::{ToolApproval, ToolApprovalSpec, ToolApprovalStatus};
pub use tool_policy::{ToolPolicy, ToolPolicySpec, ToolPolicyStatus};

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;

/// The group of all our resources, also the prefix of our labels and annotations.
pub const GROUP: &str = "skreaver.dev";

/// The label that every child of an Agent carries; its value is the Agent's name.
pub const AGENT_LABEL: &str = "skreaver.dev/agent";

/// The label of the ControllerRevisions that keep a ToolPolicy's accepted rules; its value is the ToolPolicy's name.
pub const TOOL_POLICY_LABEL: &str = "skreaver.dev/tool-policy";

/// Every CustomResourceDefinition, in the order of installation.
pub fn all() -> Vec<CustomResourceDefinition> {
    vec![Agent::crd(), ToolPolicy::crd(), ToolApproval::crd()]
}
