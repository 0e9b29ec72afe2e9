//! Anthropic's messages.

mod answer;
mod request;
mod stream;

use reqwest::header::HeaderName;

use super::{Asked, Assemble, Headers, Settings, Wire};
use crate::answer::{Answer, StopReason};
use crate::providers::failure::Failure;

/// The format. It has no peculiarities: only Anthropic defines it.
pub(crate) struct Anthropic;

impl Wire for Anthropic {
    fn path(&self, base: &str) -> String {
        match base {
            whole if whole.ends_with("/v1/messages") => whole.to_owned(),
            base if base.ends_with("/v1") => format!("{base}/messages"),
            base => format!("{base}/v1/messages"),
        }
    }

    fn headers(&self, key: Option<&str>, settings: &Settings) -> Headers {
        let key = key.map(|key| (HeaderName::from_static("x-api-key"), key.to_owned()));
        // The newer version refuses parameters of sampling; nothing else that we write or read differs.
        let samples = settings.temperature.is_some() || settings.top_p.is_some();
        let others = if samples { &[("anthropic-version", "2023-06-01")] } else { &[("anthropic-version", "2026-10-21")] };
        Headers { key, others }
    }

    fn body(&self, asked: &Asked<'_>) -> serde_json::Result<Vec<u8>> {
        request::body(asked)
    }

    fn whole(&self, body: &[u8]) -> Result<Answer, Failure> {
        answer::whole(body)
    }

    fn assembler(&self) -> Box<dyn Assemble> {
        Box::<stream::Assembler>::default()
    }
}

fn stop(stop_reason: Option<&str>, asks_for_tools: bool) -> StopReason {
    match stop_reason {
        Some("max_tokens" | "model_context_window_exceeded") => StopReason::Length,
        Some("refusal") => StopReason::Filtered,
        _ if asks_for_tools => StopReason::Tools,
        _ => StopReason::Complete,
    }
}
