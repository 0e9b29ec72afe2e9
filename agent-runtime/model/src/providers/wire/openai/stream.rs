//! A chat completion that comes in chunks, ended by `[DONE]`.

use serde::Deserialize;
use skreaver_protocol::message::{Tokens, ToolRequest};

use super::answer::{Content, Usage};
use super::stop;
use crate::answer::Answer;
use crate::providers::failure::{Complaint, Failure, told_in_stream};
use crate::providers::wire::{Assemble, arguments};

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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::answer::StopReason;
    use crate::error::ModelErrorKind;

    fn answer(events: &[Value]) -> Answer {
        let mut assembler = Box::<Assembler>::default();
        for event in events {
            assert_eq!(assembler.event(&event.to_string(), &mut |_| ()), Ok(false), "{event}");
        }
        assert_eq!(assembler.event("[DONE]", &mut |_| ()), Ok(true));
        assembler.answer()
    }

    /// The tool calls that these pieces make.
    fn check(pieces: &[Value], expected: &[(&str, &str, Value)]) {
        let event = |piece: &Value| json!({"choices": [{"delta": {"tool_calls": [piece]}}]});
        let answer = answer(&pieces.iter().map(event).collect::<Vec<_>>());
        let found = answer.tool_requests.iter().map(|call| (call.id.as_str(), call.tool.as_str(), call.arguments.clone()));
        assert_eq!(found.collect::<Vec<_>>(), expected);
        assert_eq!(answer.stop, StopReason::Tools);
    }

    #[test]
    fn pieces_of_calls_find_each_other_whatever_servers_make_of_the_index() {
        let both = [("a", "add", json!({"n": 1})), ("b", "sub", json!({"n": 2}))];
        let whole = |index: Value, id: &str, name: &str, arguments: &str| {
            let function = json!({"name": name, "arguments": arguments});
            json!({"index": index, "id": id, "function": function})
        };
        let begin = |index, id, name| whole(index, id, name, "");
        let more = |index: Value, arguments: &str| json!({"index": index, "function": {"arguments": arguments}});
        // OpenAI's way, interleaved.
        check(
            &[begin(json!(0), "a", "add"), begin(json!(1), "b", "sub"), more(json!(1), "{\"n\":2}"), more(json!(0), "{\"n\":1}")],
            &both,
        );
        // Every call whole, at index 0.
        check(&[whole(json!(0), "a", "add", "{\"n\":1}"), whole(json!(0), "b", "sub", "{\"n\":2}")], &both);
        // No index.
        check(
            &[begin(json!(null), "a", "add"), more(json!(null), "{\"n\":1}"), whole(json!(null), "b", "sub", "{\"n\":2}")],
            &both,
        );
        // The id in every piece.
        check(
            &[whole(json!(0), "a", "add", "{\"n\""), json!({"index": 0, "id": "a", "function": {"arguments": ":1}"}})],
            &both[..1],
        );
        // An index is no place in memory.
        check(&[whole(json!(u64::MAX), "a", "add", "{\"n\":1}")], &both[..1]);
        check(&[begin(json!(0), "a", "add")], &[("a", "add", json!({}))]);
    }

    #[test]
    fn usage_is_found_where_providers_put_it() {
        let usage = json!({"prompt_tokens": 3, "completion_tokens": 4});
        for event in [json!({"choices": [], "usage": usage}), json!({"choices": [], "x_groq": {"usage": usage}})] {
            assert_eq!(answer(&[event]).tokens, Tokens { input: 3, output: 4 });
        }
    }

    #[test]
    fn thoughts_are_no_text_and_refusals_are() {
        let thought = json!([{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}]);
        let text = json!([{"type": "text", "text": "Yes"}]);
        let delta = |delta: Value| json!({"choices": [{"delta": delta, "finish_reason": null}]});
        assert_eq!(answer(&[delta(json!({"content": thought})), delta(json!({"content": text}))]).text, "Yes");
        let refused = answer(&[delta(json!({"refusal": "No"}))]);
        assert_eq!((refused.text.as_str(), refused.stop), ("No", StopReason::Filtered));
    }

    #[test]
    fn an_error_in_the_stream_has_its_kind() {
        let mut assembler = Assembler::default();
        let error = json!({"error": {"message": "amber", "type": "server_error", "code": "rate_limit_exceeded"}});
        let failure = assembler.event(&error.to_string(), &mut |_| ()).unwrap_err();
        assert_eq!(failure.kind, ModelErrorKind::RateLimited);
        assert!(!failure.what.contains("amber"));
    }
}
