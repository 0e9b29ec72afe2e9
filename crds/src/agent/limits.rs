//! The bounds of an agent.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};
use skreaver_protocol::GoDuration;
use skreaver_protocol::config::OnExceeded;

use super::DURATION;

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
        validation = Rule::new(DURATION)
            .message("write runTimeout as whole numbers with the units h, m, s and ms, from 1ms to 24h, such as 90s")
    )]
    pub run_timeout: Option<GoDuration>,

    /// Questions to the model in one run; a run that needs more ends with an error. Default: 16.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10_000))]
    pub max_turns: Option<u32>,

    /// Tool calls in one run; a run that needs more ends with an error. Default: 64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100_000))]
    pub max_tool_calls: Option<u32>,

    /// What one run may spend at its models. Default: no bound. Example: `{tokens: 50000, onExceeded: Downgrade}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<Budget>,
}

/// What one run may spend. It is reserved before each question to a model, and settled after its answer.
#[derive(KubeSchema, Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("has(self.tokens) || has(self.costMicroUSD)").message("set tokens or costMicroUSD, or both: this budget bounds nothing")
)]
pub struct Budget {
    /// Tokens, of questions and answers together. Example: `50000`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 9_007_199_254_740_991_u64))]
    pub tokens: Option<u64>,

    /// Money, in millionths of a US dollar, at the prices that `model.price` tells. Example: `20000`, which is two cents.
    #[serde(default, rename = "costMicroUSD", skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 9_007_199_254_740_991_u64))]
    pub cost_micro_usd: Option<u64>,

    /// What becomes of a question that the rest of the budget does not cover. `Deny`: the run ends. `Downgrade`: the next
    /// fallback that the rest covers is asked; without one the run ends. Default: Deny.
    #[serde(default)]
    pub on_exceeded: OnExceeded,
}
