//! Where decisions are recorded.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where the decisions over tool calls are recorded, each before its effect: a call whose record cannot be written is not made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AuditSection {
    /// Where the records go. Example: `[Stdout, Journal]`.
    #[schemars(length(min = 1, max = 4), extend("x-kubernetes-list-type" = "set"))]
    pub sinks: Vec<AuditSink>,
}

/// A place for records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum AuditSink {
    /// The standard output of the pod: one line of JSON for each decision, chained by hashes, which `skreaver audit verify` judges.
    Stdout,
    /// The memory of the agent, beside the journal of its runs and as durable: `GET /agents/{id}/audit` gives the records. They are kept as
    /// long as `memory.retention` says. Calls of an Agent without memory are refused, for they cannot be recorded.
    Journal,
}
