//! Which model an agent asks, and how.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::SecretSource;
use crate::GoDuration;

/// One model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ModelConfig {
    /// Whose wire format it speaks.
    pub provider: Provider,
    /// Its name at the provider.
    #[schemars(length(min = 1, max = 256))]
    pub name: String,
    /// Where the provider is reached; its public address where there is none.
    #[serde(default, rename = "baseURL", skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    /// Where the key is found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_key: Option<SecretSource>,
    /// How it answers.
    #[serde(default)]
    pub parameters: ModelParameters,
    /// The longest that one answer may take.
    pub timeout: GoDuration,
    /// How often a question is sent before it counts as failed.
    #[schemars(range(min = 1, max = 10))]
    pub max_attempts: u32,
    /// What it costs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Price>,
}

/// Whose wire format a model speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Provider {
    /// OpenAI's chat completions at OpenAI.
    OpenAI,
    /// OpenAI's chat completions elsewhere: vLLM, LM Studio, gateways. Needs a base URL.
    OpenAICompatible,
    /// Anthropic's messages.
    Anthropic,
    /// Ollama, through its chat completions.
    Ollama,
    /// Google's Gemini, through its chat completions.
    Gemini,
    /// Mistral's chat completions.
    Mistral,
    /// Groq's chat completions.
    Groq,
    /// DeepSeek's chat completions.
    DeepSeek,
    /// xAI's chat completions.
    #[serde(rename = "XAI")]
    Xai,
    /// Cohere, through its chat completions.
    Cohere,
}

/// How a model answers. What is absent is the provider's choice.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct ModelParameters {
    /// How much chance is in it, as a decimal from `0` to `2`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^[0-2](\.[0-9]{1,4})?$"))]
    pub temperature: Option<String>,
    /// The share of the most probable tokens to choose from, as a decimal from `0` to `1`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^[01](\.[0-9]{1,4})?$"))]
    pub top_p: Option<String>,
    /// The longest answer, in tokens. Where it is not given, 4096 under a budget, otherwise the provider's choice.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub max_output_tokens: Option<u32>,
    /// Makes answers repeatable where the provider can.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
}

/// What a model costs, in millionths of a US dollar for a million tokens: 2 dollars a million are `2000000`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Price {
    /// For tokens of questions.
    pub input: u64,
    /// For tokens of answers.
    pub output: u64,
}
