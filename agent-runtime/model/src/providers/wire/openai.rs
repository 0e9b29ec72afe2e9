//! OpenAI's chat completions, and what those who speak them do otherwise.

mod answer;
mod request;
mod stream;

use reqwest::header::AUTHORIZATION;

use super::{Asked, Assemble, Headers, Settings, Wire};
use crate::answer::{Answer, StopReason};
use crate::providers::failure::Failure;

/// The format, with the peculiarities of one provider.
#[derive(Clone, Copy)]
pub(crate) struct OpenAi {
    /// The field of `maxOutputTokens`.
    pub(crate) max_tokens: &'static str,
    /// The field of `seed`.
    pub(crate) seed: &'static str,
    pub(crate) schemas: Schemas,
    pub(crate) tool_ids: ToolIds,
    /// Whether streams carry usage only when asked.
    pub(crate) asks_for_usage: bool,
}

/// What a provider makes of a schema for its answers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Schemas {
    /// It takes it.
    Native,
    /// It can only be held to JSON; the schema stands in the instructions.
    JsonObject,
}

/// Which ids of tool calls a provider takes back.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum ToolIds {
    Any,
    /// Nine letters or digits. Ids of other providers come here when this one is their fallback.
    NineLetters,
}

impl Wire for OpenAi {
    fn path(&self, base: &str) -> String {
        match base {
            "" => "/v1/chat/completions".to_owned(),
            whole if whole.ends_with("/chat/completions") => whole.to_owned(),
            base => format!("{base}/chat/completions"),
        }
    }

    fn headers(&self, key: Option<&str>, _: &Settings) -> Headers {
        Headers { key: key.map(|key| (AUTHORIZATION, format!("Bearer {key}"))), others: &[] }
    }

    fn body(&self, asked: &Asked<'_>) -> serde_json::Result<Vec<u8>> {
        request::body(self, asked)
    }

    fn whole(&self, body: &[u8]) -> Result<Answer, Failure> {
        answer::whole(body)
    }

    fn assembler(&self) -> Box<dyn Assemble> {
        Box::<stream::Assembler>::default()
    }
}

/// Why an answer ended. Some servers say `stop` where they ask for tools.
fn stop(finish_reason: Option<&str>, refused: bool, asks_for_tools: bool) -> StopReason {
    match finish_reason {
        Some("length" | "max_tokens" | "model_length") => StopReason::Length,
        Some("content_filter") => StopReason::Filtered,
        _ if refused => StopReason::Filtered,
        _ if asks_for_tools => StopReason::Tools,
        _ => StopReason::Complete,
    }
}
