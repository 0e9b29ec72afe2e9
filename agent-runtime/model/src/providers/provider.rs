//! The one place that knows the providers: which of the two wire formats each speaks, where, and with which peculiarities.

use reqwest::Url;
use skreaver_protocol::config::{ModelConfig, Provider};

use crate::providers::wire::Wire;
use crate::providers::wire::anthropic::Anthropic;
use crate::providers::wire::openai::{OpenAi, Schemas, ToolIds};

/// Why a configuration names no model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// There is no public address to fall back to.
    #[error("provider {0:?} needs model.baseURL")]
    NoBaseUrl(Provider),
    /// It is no address.
    #[error("model.baseURL is no http or https URL: {0}")]
    BaseUrl(String),
    /// It is no number.
    #[error("model.parameters.{0} is no decimal number")]
    Parameter(&'static str),
}

/// Where a provider is reached when a configuration does not say so; nothing for those that are somewhere else for everyone.
pub const fn default_base_url(provider: Provider) -> Option<&'static str> {
    match provider {
        Provider::OpenAI => Some("https://api.openai.com/v1"),
        Provider::OpenAICompatible => None,
        Provider::Anthropic => Some("https://api.anthropic.com/v1"),
        Provider::Ollama => Some("http://localhost:11434/v1"),
        Provider::Gemini => Some("https://generativelanguage.googleapis.com/v1beta/openai"),
        Provider::Mistral => Some("https://api.mistral.ai/v1"),
        Provider::Groq => Some("https://api.groq.com/openai/v1"),
        Provider::DeepSeek => Some("https://api.deepseek.com/v1"),
        Provider::Xai => Some("https://api.x.ai/v1"),
        Provider::Cohere => Some("https://api.cohere.ai/compatibility/v1"),
    }
}

/// How a provider is spoken to.
pub(crate) fn wire(provider: Provider) -> Box<dyn Wire> {
    let common =
        OpenAi { max_tokens: "max_tokens", seed: "seed", schemas: Schemas::Native, tool_ids: ToolIds::Any, asks_for_usage: true };
    match provider {
        Provider::Anthropic => Box::new(Anthropic),
        // Reasoning models refuse the older field.
        Provider::OpenAI => Box::new(OpenAi { max_tokens: "max_completion_tokens", ..common }),
        Provider::Mistral => Box::new(OpenAi { seed: "random_seed", tool_ids: ToolIds::NineLetters, ..common }),
        Provider::DeepSeek => Box::new(OpenAi { schemas: Schemas::JsonObject, ..common }),
        // Refuses `stream_options`, and streams usage without being asked.
        Provider::Cohere => Box::new(OpenAi { schemas: Schemas::JsonObject, asks_for_usage: false, ..common }),
        Provider::OpenAICompatible | Provider::Ollama | Provider::Gemini | Provider::Groq | Provider::Xai => Box::new(common),
    }
}

/// Where questions go. A base URL may be written with or without a slash at its end, and without the version when it has no path.
pub(crate) fn endpoint(config: &ModelConfig, wire: &dyn Wire) -> Result<Url, ConfigError> {
    let base = config.base_url.as_deref().or(default_base_url(config.provider));
    let base = base.ok_or(ConfigError::NoBaseUrl(config.provider))?;
    let mut url = Url::parse(base).map_err(|error| ConfigError::BaseUrl(error.to_string()))?;
    if !["http", "https"].contains(&url.scheme()) {
        return Err(ConfigError::BaseUrl(format!("the scheme is `{}`", url.scheme())));
    }
    let path = wire.path(url.path().trim_end_matches('/'));
    url.set_path(&path);
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(provider: &str, base: Option<&str>, expected: &str) {
        let mut json = serde_json::json!({"provider": provider, "name": "m", "timeout": "1s", "maxAttempts": 1});
        if let Some(base) = base {
            json["baseURL"] = base.into();
        }
        let config: ModelConfig = serde_json::from_value(json).unwrap();
        let found = endpoint(&config, wire(config.provider).as_ref());
        assert_eq!(found.map_or_else(|error| error.to_string(), String::from), expected, "{provider} {base:?}");
    }

    #[test]
    fn base_urls_work_with_and_without_slash_and_version() {
        let chat = "http://model:8080/v1/chat/completions";
        for base in ["http://model:8080", "http://model:8080/", "http://model:8080/v1", "http://model:8080/v1/", chat] {
            check("OpenAICompatible", Some(base), chat);
            check("Ollama", Some(base), chat);
        }
        let messages = "http://model:8080/v1/messages";
        for base in ["http://model:8080", "http://model:8080/", "http://model:8080/v1", "http://model:8080/v1/", messages] {
            check("Anthropic", Some(base), messages);
        }
        check("Anthropic", Some("https://gateway/anthropic"), "https://gateway/anthropic/v1/messages");
        check("OpenAI", Some("https://gateway/openai/?api-version=2"), "https://gateway/openai/chat/completions?api-version=2");
    }

    #[test]
    fn every_provider_has_a_public_address_or_asks_for_one() {
        check("OpenAI", None, "https://api.openai.com/v1/chat/completions");
        check("Anthropic", None, "https://api.anthropic.com/v1/messages");
        check("Gemini", None, "https://generativelanguage.googleapis.com/v1beta/openai/chat/completions");
        check("OpenAICompatible", None, "provider OpenAICompatible needs model.baseURL");
        check("OpenAI", Some("model:8080"), "model.baseURL is no http or https URL: the scheme is `model`");
        check("OpenAI", Some("//"), "model.baseURL is no http or https URL: relative URL without a base");
    }
}
