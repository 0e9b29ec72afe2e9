//! A chat completion that comes in chunks, ended by `[DONE]`.

use serde::Deserialize;
use skreaver_protocol::message::{Tokens, ToolRequest};

use super::answer::{Content, Usage};
use super::stop;
use crate::answer::Answer;
use crate::failure::{Complaint, Failure, told_in_stream};
use crate::wire::{Assemble, arguments};

#[derive(Deserialize)]
struct Chunk {
    #[serde(default)]
    choices: Vec<Choice>,
    usage: Option<Usage>,
    error: Option<Complaint>,
    /// Where Groq has its usage.
    x_groq: Option<Groq>,
}

#[derive(Deserialize)]
struct Groq {
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(default)]
    delta: Delta,
    finish_reason: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Delta {
    content: Option<Content>,
    refusal: Option<String>,
    tool_calls: Option<Vec<Piece>>,
}

#[derive(Deserialize)]
struct Piece {
    index: Option<u64>,
    id: Option<String>,
    function: Option<Function>,
}

#[derive(Deserialize)]
struct Function {
    name: Option<String>,
    arguments: Option<String>,
}

#[derive(Default)]
pub(super) struct Assembler {
    text: String,
    calls: Vec<Call>,
    tokens: Tokens,
    refused: bool,
    finish_reason: Option<String>,
}

struct Call {
    index: Option<u64>,
    id: String,
    name: String,
    arguments: String,
}

impl Assemble for Assembler {
    fn event(&mut self, data: &str, tell: &mut dyn FnMut(&str)) -> Result<bool, Failure> {
        if data == "[DONE]" {
            return Ok(true);
        }
        let Chunk { choices, usage, error, x_groq } = serde_json::from_str(data).map_err(|error| Failure::shape(&error))?;
        if let Some(complaint) = error {
            return Err(told_in_stream(&complaint));
        }
        if let Some(usage) = usage.or(x_groq.and_then(|groq| groq.usage)) {
            self.tokens = usage.into();
        }
        if let Some(Choice { delta, finish_reason }) = choices.into_iter().next() {
            self.refused |= delta.refusal.is_some();
            let text = delta.content.map(Content::text).or(delta.refusal).unwrap_or_default();
            if !text.is_empty() {
                tell(&text);
                self.text.push_str(&text);
            }
            delta.tool_calls.into_iter().flatten().for_each(|piece| self.piece(piece));
            self.finish_reason = finish_reason.or(self.finish_reason.take());
        }
        Ok(false)
    }

    fn answer(self: Box<Self>) -> Answer {
        let request = |call: Call| ToolRequest { id: call.id, tool: call.name, arguments: arguments(call.arguments) };
        let tool_requests: Vec<_> = self.calls.into_iter().map(request).collect();
        let stop = stop(self.finish_reason.as_deref(), self.refused, !tool_requests.is_empty());
        Answer { text: self.text, tool_requests, tokens: self.tokens, stop }
    }
}

impl Assembler {
    /// A piece of a tool call. It belongs to the call with its index, unless it brings another id: some servers give all calls
    /// the index 0, or none. The index only tells calls apart; it is never a place in memory.
    fn piece(&mut self, piece: Piece) {
        let Piece { index, id, function } = piece;
        let id = id.unwrap_or_default();
        let Function { name, arguments } = function.unwrap_or(Function { name: None, arguments: None });
        let begun = match index {
            Some(_) => self.calls.iter_mut().rev().find(|call| call.index == index),
            None if id.is_empty() && name.is_none() => self.calls.last_mut(),
            None => None,
        };
        match begun.filter(|call| id.is_empty() || call.id.is_empty() || call.id == id) {
            Some(call) => {
                if call.id.is_empty() {
                    call.id = id;
                }
                if call.name.is_empty() {
                    call.name = name.unwrap_or_default();
                }
                call.arguments.push_str(&arguments.unwrap_or_default());
            }
            None => {
                self.calls.push(Call { index, id, name: name.unwrap_or_default(), arguments: arguments.unwrap_or_default() });
            }
        }
    }
}
