//! A message that comes as events, ended by `message_stop`.

use serde::Deserialize;
use skreaver_protocol::message::{Tokens, ToolRequest};

use super::answer::{Block, Usage};
use super::stop;
use crate::answer::Answer;
use crate::providers::failure::{Complaint, Failure, told_in_stream};
use crate::providers::wire::{Assemble, arguments};

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Event {
    MessageStart {
        message: Begun,
    },
    ContentBlockStart {
        index: u64,
        content_block: Block,
    },
    ContentBlockDelta {
        index: u64,
        delta: Delta,
    },
    MessageDelta {
        delta: Ending,
        #[serde(default)]
        usage: Usage,
    },
    MessageStop,
    Error {
        error: Complaint,
    },
    /// Pings, ends of blocks, and what may come to be.
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Begun {
    #[serde(default)]
    usage: Usage,
}

#[derive(Deserialize)]
struct Ending {
    stop_reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(tag = "type")]
enum Delta {
    #[serde(rename = "text_delta")]
    Text { text: String },
    #[serde(rename = "input_json_delta")]
    Input { partial_json: String },
    #[serde(other)]
    Other,
}

#[derive(Default)]
pub(super) struct Assembler {
    text: String,
    calls: Vec<Call>,
    usage: Usage,
    stop_reason: Option<String>,
}

struct Call {
    index: u64,
    id: String,
    name: String,
    input: String,
}

impl Assemble for Assembler {
    fn event(&mut self, data: &str, tell: &mut dyn FnMut(&str)) -> Result<bool, Failure> {
        match serde_json::from_str(data).map_err(|error| Failure::shape(&error))? {
            Event::MessageStart { message } => self.usage.update(message.usage),
            Event::ContentBlockStart { index: _, content_block: Block::Text { text } }
            | Event::ContentBlockDelta { index: _, delta: Delta::Text { text } } => {
                if !text.is_empty() {
                    tell(&text);
                    self.text.push_str(&text);
                }
            }
            // The input that stands here is empty: it comes in pieces.
            Event::ContentBlockStart { index, content_block: Block::ToolUse { id, name, input: _ } } => {
                self.calls.push(Call { index, id, name, input: String::new() });
            }
            Event::ContentBlockDelta { index, delta: Delta::Input { partial_json } } => {
                if let Some(call) = self.calls.iter_mut().rev().find(|call| call.index == index) {
                    call.input.push_str(&partial_json);
                }
            }
            Event::MessageDelta { delta, usage } => {
                self.usage.update(usage);
                self.stop_reason = delta.stop_reason.or(self.stop_reason.take());
            }
            Event::Error { error } => return Err(told_in_stream(&error)),
            Event::MessageStop => return Ok(true),
            Event::ContentBlockStart { index: _, content_block: Block::Other }
            | Event::ContentBlockDelta { index: _, delta: Delta::Other }
            | Event::Other => {}
        }
        Ok(false)
    }

    fn answer(self: Box<Self>) -> Answer {
        let request = |call: Call| ToolRequest { id: call.id, tool: call.name, arguments: arguments(call.input) };
        let tool_requests: Vec<_> = self.calls.into_iter().map(request).collect();
        let stop = stop(self.stop_reason.as_deref(), !tool_requests.is_empty());
        Answer { text: self.text, tool_requests, tokens: Tokens::from(self.usage), stop }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::answer::StopReason;

    fn answer(events: &[Value]) -> Answer {
        let mut assembler = Box::<Assembler>::default();
        let ended: Vec<_> = events.iter().map(|event| assembler.event(&event.to_string(), &mut |_| ()).unwrap()).collect();
        assert_eq!(ended.iter().position(|ended| *ended), Some(events.len() - 1));
        assembler.answer()
    }

    #[test]
    fn tokens_of_the_cache_count_and_later_counts_replace_earlier_ones() {
        let start =
            json!({"input_tokens": 3, "cache_read_input_tokens": 20, "cache_creation_input_tokens": 100, "output_tokens": 1});
        let found = answer(&[
            json!({"type": "message_start", "message": {"usage": start}}),
            json!({"type": "message_delta", "delta": {"stop_reason": "max_tokens"}, "usage": {"output_tokens": 9}}),
            json!({"type": "message_stop"}),
        ]);
        assert_eq!((found.tokens, found.stop), (Tokens { input: 123, output: 9 }, StopReason::Length));
    }

    #[test]
    fn thoughts_and_what_is_new_are_passed_over() {
        let found = answer(&[
            json!({"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": ""}}),
            json!({"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "hm"}}),
            json!({"type": "content_block_stop", "index": 0}),
            json!({"type": "news_of_tomorrow", "index": 7}),
            json!({"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}}),
            json!({"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "Yes"}}),
            json!({"type": "content_block_start", "index": 2,
                "content_block": {"type": "tool_use", "id": "a", "name": "add", "input": {}}}),
            json!({"type": "message_stop"}),
        ]);
        assert_eq!(found.text, "Yes");
        assert_eq!(found.tool_requests, [ToolRequest { id: "a".into(), tool: "add".into(), arguments: json!({}) }]);
    }
}
