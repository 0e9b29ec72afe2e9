//! What is the same in both formats of a request: keys, models, and what a script looks at.

use axum::http::HeaderMap;
use serde_json::Value;

use super::{Answer, Script, anthropic, openai};

/// A wire format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Chat completions.
    OpenAi,
    /// Messages.
    Anthropic,
}

/// Why a request is refused.
pub(super) struct Refusal {
    pub(super) status: u16,
    /// The word of the format for it.
    pub(super) code: &'static str,
    pub(super) message: String,
}

/// What a script looks at.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) model: String,
    pub(super) instructions: String,
    pub(super) last_user: String,
    /// The tool results after the last user message, in order.
    pub(super) tool_results: Vec<String>,
}

impl Seen {
    pub(super) fn user(&mut self, text: String) {
        self.last_user = text;
        self.tool_results.clear();
    }
}

impl Format {
    pub(super) fn seen(self, body: &Value) -> Seen {
        match self {
            Self::OpenAi => openai::request::seen(body),
            Self::Anthropic => anthropic::request::seen(body),
        }
    }

    pub(super) fn refusal(self, refusal: &Refusal) -> Value {
        match self {
            Self::OpenAi => openai::refusal(refusal),
            Self::Anthropic => anthropic::refusal(refusal),
        }
    }

    pub(super) fn whole(self, answer: &Answer<'_>) -> Value {
        match self {
            Self::OpenAi => openai::whole(answer),
            Self::Anthropic => anthropic::whole(answer),
        }
    }

    pub(super) fn frames(self, answer: &Answer<'_>) -> Vec<String> {
        match self {
            Self::OpenAi => openai::frames(answer),
            Self::Anthropic => anthropic::frames(answer),
        }
    }
}

/// Checks a request in the order in which providers do: key, shape, model.
pub(super) fn check(format: Format, script: &Script, headers: &HeaderMap, body: &Value) -> Result<(), Refusal> {
    let bearer = header(headers, "authorization").strip_prefix("Bearer ").unwrap_or_default();
    let key = match (format, header(headers, "x-api-key")) {
        // Anthropic takes both: its documents name the latter, its own client sends the former.
        (Format::OpenAi, _) | (Format::Anthropic, "") => bearer,
        (Format::Anthropic, key) => key,
    };
    if !script.keys.is_empty() && !script.keys.iter().any(|good| good == key) {
        let code = match format {
            Format::OpenAi => "invalid_api_key",
            Format::Anthropic => "authentication_error",
        };
        // As OpenAI does, the key is repeated: whoever writes that into a log has a leak.
        return Err(Refusal { status: 401, code, message: format!("Incorrect API key provided: {key}") });
    }
    let checked = match format {
        Format::OpenAi => openai::request::check(body),
        Format::Anthropic => anthropic::request::check(headers, body),
    };
    checked.map_err(|message| Refusal { status: 400, code: "invalid_request_error", message })?;
    let model = body["model"].as_str().unwrap_or_default();
    if !script.models.iter().any(|known| known == model) {
        let code = match format {
            Format::OpenAi => "model_not_found",
            Format::Anthropic => "not_found_error",
        };
        return Err(Refusal { status: 404, code, message: format!("The model `{model}` does not exist") });
    }
    Ok(())
}

pub(super) fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// Refuses with this message unless the condition holds.
pub(super) fn demand(holds: bool, message: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(message()) }
}

/// Refuses fields that the format does not have.
pub(super) fn only(object: &Value, known: &[&str], path: &str) -> Result<(), String> {
    let fields = object.as_object().ok_or_else(|| format!("{path}: expected an object"))?;
    match fields.keys().find(|field| !known.contains(&field.as_str())) {
        Some(field) => Err(format!("{path}: unrecognized argument `{field}`")),
        None => Ok(()),
    }
}

/// Refuses numbers outside their range; what is absent is fine.
pub(super) fn in_range(body: &Value, field: &str, least: f64, most: f64) -> Result<(), String> {
    let value = &body[field];
    let fits = value.is_null() || value.as_f64().is_some_and(|number| (least..=most).contains(&number));
    demand(fits, || format!("{field}: must be a number from {least} to {most}"))
}

/// Refuses names of tools that providers do not permit.
pub(super) fn tool_name(name: &Value, path: &str) -> Result<(), String> {
    let fits = name.as_str().is_some_and(|name| {
        (1..=64).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
    });
    demand(fits, || format!("{path}: must match ^[a-zA-Z0-9_-]{{1,64}}$"))
}

/// The text of a content: a string, or the text parts of a list.
pub(super) fn text(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().filter_map(|part| part["text"].as_str()).collect(),
        _ => String::new(),
    }
}

/// The text in the pieces in which it is streamed: words with the space behind them.
pub(super) fn pieces(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive(' ')
}

/// Arguments as they are streamed: in two halves.
pub(super) fn halves(text: &str) -> [&str; 2] {
    let middle = (text.len() / 2..=text.len()).find(|place| text.is_char_boundary(*place)).unwrap_or(text.len());
    let (first, second) = text.split_at(middle);
    [first, second]
}
