//! The model that an agent asks, and those that stand in for it.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};
use skreaver_protocol::GoDuration;
use skreaver_protocol::config::Provider;

use super::DURATION;
use super::reference::SecretKeySource;

/// The model of an agent, and those that stand in for it.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentModel {
    /// The model that is asked first.
    #[serde(flatten)]
    pub first: Model,

    /// Models that are asked, in this order, when those before them cannot answer. Each has the fields of `model` itself.
    /// Example: `[{provider: Anthropic, name: claude-haiku-4-5, apiKey: {secretKeyRef: {name: anthropic, key: token}}}]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 4))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub fallbacks: Vec<Model>,
}

impl AgentModel {
    /// All of them, in the order in which they are asked.
    pub fn all(&self) -> impl Iterator<Item = &Model> {
        let Self { first, fallbacks } = self;
        [first].into_iter().chain(fallbacks)
    }
}

/// A base URL: a scheme, a host, a port from 1 to 65535 and a path. No user, query or fragment.
pub(super) const BASE_URL: &str = r"self.matches('^https?://([A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|\\[[0-9A-Fa-f:.]+\\])(:([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?(/[^?#\\s]*)?$')";

/// One model, and how to ask it.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!(self.provider in ['OpenAICompatible', 'Ollama']) || has(self.baseURL)")
        .message("set baseURL: nobody but you knows where a model of this provider is served, for example http://vllm.models.svc:8000/v1"),
    validation = Rule::new("has(self.baseURL) || has(self.apiKey)")
        .message("set apiKey: at its public address this provider answers nobody without a key")
)]
pub struct Model {
    /// Whose wire format the model speaks. `OpenAICompatible` is for everything that speaks OpenAI's chat completions: vLLM,
    /// LM Studio, gateways. Example: `OpenAICompatible`.
    pub provider: Provider,

    /// The name of the model at its provider. Example: `gpt-4.1-mini`.
    #[schemars(length(min = 1, max = 256))]
    pub name: String,

    /// Where the provider is reached. Default: its public address; `OpenAICompatible` and `Ollama` have none. The agent's pods
    /// may reach this place and no other. Example: `http://vllm.models.svc:8000/v1`.
    #[serde(default, rename = "baseURL", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    #[x_kube(
        validation = Rule::new(BASE_URL)
            .message("write baseURL as http://HOST or https://HOST, with :PORT and /PATH where needed, and without user, query or fragment")
    )]
    pub base_url: Option<String>,

    /// The key for the provider. A changed Secret is in force within a minute or so, without a restart. Default: none is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_key: Option<SecretKeySource>,

    /// How the model answers. Default: as its provider chooses. Example: `{temperature: "0.2", maxOutputTokens: 1024}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameters: Option<Parameters>,

    /// The longest that one answer may take. Default: `60s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", length(max = 32))]
    #[x_kube(
        validation = Rule::new(DURATION)
            .message("write timeout as whole numbers with the units h, m, s and ms, from 1ms to 24h, such as 90s")
    )]
    pub timeout: Option<GoDuration>,

    /// What is done when the model does not answer. Example: `{maxAttempts: 5}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<Retry>,

    /// What the model costs, for `limits.budget.costMicroUSD`. Default: not known. Example: `{input: 400000, output: 1600000}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Price>,
}

/// How a model answers. What is absent is the provider's choice.
#[derive(KubeSchema, Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Parameters {
    /// How much chance is in answers, as a decimal from `0` to `2`. Default: the provider's choice. Example: `"0.2"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 8))]
    #[x_kube(
        validation = Rule::new(r"self.matches('^([01](\\.[0-9]{1,4})?|2(\\.0{1,4})?)$')")
            .message("write temperature as a decimal from 0 to 2 in quotes, with at most four digits behind the point, such as \"0.2\"")
    )]
    pub temperature: Option<String>,

    /// The share of the most probable tokens to choose from, as a decimal from `0` to `1`. Default: the provider's choice.
    /// Example: `"0.9"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 8))]
    #[x_kube(
        validation = Rule::new(r"self.matches('^(0(\\.[0-9]{1,4})?|1(\\.0{1,4})?)$')")
            .message("write topP as a decimal from 0 to 1 in quotes, with at most four digits behind the point, such as \"0.9\"")
    )]
    pub top_p: Option<String>,

    /// The longest answer, in tokens. Default: 4096 under `limits.budget`, else the provider's choice. Example: `1024`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10_000_000))]
    pub max_output_tokens: Option<u32>,

    /// Makes answers repeatable where the provider can. Default: none is sent. Example: `7`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 9_007_199_254_740_991_u64))]
    pub seed: Option<u64>,
}

/// What is done when a model does not answer.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Retry {
    /// How often a question is sent, the first time included, before the next fallback is asked. Default: 3.
    #[serde(default = "three")]
    #[schemars(range(min = 1, max = 10))]
    pub max_attempts: u32,
}

fn three() -> u32 {
    3
}

/// What a model costs, in millionths of a US dollar for a million tokens: 2 dollars a million are `2000000`.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Price {
    /// For a million tokens of questions. Example: `400000`.
    #[schemars(range(min = 0, max = 9_007_199_254_740_991_u64))]
    pub input: u64,
    /// For a million tokens of answers. Example: `1600000`.
    #[schemars(range(min = 0, max = 9_007_199_254_740_991_u64))]
    pub output: u64,
}
