//! A message that came whole.

use serde::Deserialize;
use serde_json::Value;
use skreaver_protocol::message::{Tokens, ToolRequest};

use super::stop;
use crate::answer::Answer;
use crate::providers::failure::Failure;

#[derive(Deserialize)]
struct Said {
    content: Vec<Block>,
    stop_reason: Option<String>,
    #[serde(default)]
    usage: Usage,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Block {
    Text {
        #[serde(default)]
        text: String,
    },
    ToolUse {
        id: String,
        name: String,
        #[serde(default)]
        input: Value,
    },
    /// Thoughts, and what the provider's own tools did.
    #[serde(other)]
    Other,
}

/// Tokens read from the cache or written to it are not among `input_tokens`.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub(super) struct Usage {
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    cache_creation_input_tokens: Option<u64>,
    cache_read_input_tokens: Option<u64>,
}

impl Usage {
    /// What is said later in a stream counts from then on.
    pub(super) fn update(&mut self, later: Self) {
        *self = Self {
            input_tokens: later.input_tokens.or(self.input_tokens),
            output_tokens: later.output_tokens.or(self.output_tokens),
            cache_creation_input_tokens: later.cache_creation_input_tokens.or(self.cache_creation_input_tokens),
            cache_read_input_tokens: later.cache_read_input_tokens.or(self.cache_read_input_tokens),
        };
    }
}

impl From<Usage> for Tokens {
    fn from(usage: Usage) -> Self {
        let Usage { input_tokens, output_tokens, cache_creation_input_tokens, cache_read_input_tokens } = usage;
        let input = [input_tokens, cache_creation_input_tokens, cache_read_input_tokens].into_iter().flatten();
        Self { input: input.fold(0, u64::saturating_add), output: output_tokens.unwrap_or_default() }
    }
}

pub(super) fn whole(body: &[u8]) -> Result<Answer, Failure> {
    let Said { content, stop_reason, usage } = serde_json::from_slice(body).map_err(|error| Failure::shape(&error))?;
    let (mut text, mut tool_requests) = (String::new(), Vec::new());
    for block in content {
        match block {
            Block::Text { text: more } => text.push_str(&more),
            Block::ToolUse { id, name, input } => tool_requests.push(ToolRequest { id, tool: name, arguments: input }),
            Block::Other => {}
        }
    }
    let stop = stop(stop_reason.as_deref(), !tool_requests.is_empty());
    Ok(Answer { text, tool_requests, tokens: usage.into(), stop })
}
