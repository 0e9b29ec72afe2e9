//! Messages as Anthropic writes them.

pub(super) mod request;

use serde_json::{Value, json};

use super::Answer;
use super::request::{Refusal, halves, pieces};
use super::script::{Stop, ToolCall};

pub(super) fn refusal(refusal: &Refusal) -> Value {
    json!({"type": "error", "error": {"type": refusal.code, "message": refusal.message}, "request_id": "req_1"})
}

const fn stop_reason(stop: Stop) -> &'static str {
    match stop {
        Stop::Complete => "end_turn",
        Stop::Tools => "tool_use",
        Stop::Length => "max_tokens",
        Stop::Filtered => "refusal",
    }
}

fn message(answer: &Answer<'_>, content: Value, stop: Value, output: u64) -> Value {
    json!({"id": format!("msg_{}", answer.number), "type": "message", "role": "assistant", "model": answer.body["model"],
        "content": content, "stop_reason": stop, "stop_sequence": null,
        "usage": {"input_tokens": answer.reply.usage.input, "output_tokens": output,
            "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}})
}

fn tool_use(answer: &Answer<'_>, index: usize, call: &ToolCall, input: &Value) -> Value {
    json!({"type": "tool_use", "id": format!("toolu_{}_{index}", answer.number), "name": call.name, "input": input})
}

pub(super) fn whole(answer: &Answer<'_>) -> Value {
    let reply = answer.reply;
    let text = reply.text.iter().filter(|text| !text.is_empty()).map(|text| json!({"type": "text", "text": text}));
    let calls = reply.tool_calls.iter().enumerate().map(|(index, call)| tool_use(answer, index, call, &call.arguments));
    message(answer, text.chain(calls).collect(), stop_reason(reply.stop()).into(), reply.usage.output)
}

pub(super) fn frames(answer: &Answer<'_>) -> Vec<String> {
    let reply = answer.reply;
    let mut events =
        vec![json!({"type": "message_start", "message": message(answer, json!([]), Value::Null, 1)}), json!({"type": "ping"})];
    let mut block = |begun: Value, deltas: Vec<Value>| {
        let index = events.iter().filter(|event| event["type"] == "content_block_stop").count();
        events.push(json!({"type": "content_block_start", "index": index, "content_block": begun}));
        events.extend(deltas.into_iter().map(|delta| json!({"type": "content_block_delta", "index": index, "delta": delta})));
        events.push(json!({"type": "content_block_stop", "index": index}));
    };
    if let Some(text) = reply.text.as_deref().filter(|text| !text.is_empty()) {
        block(
            json!({"type": "text", "text": ""}),
            pieces(text).map(|piece| json!({"type": "text_delta", "text": piece})).collect(),
        );
    }
    for (index, call) in reply.tool_calls.iter().enumerate() {
        let input = call.arguments.to_string();
        let deltas = halves(&input).map(|half| json!({"type": "input_json_delta", "partial_json": half}));
        block(tool_use(answer, index, call, &json!({})), deltas.into());
    }
    let ending = json!({"stop_reason": stop_reason(reply.stop()), "stop_sequence": null});
    events.push(json!({"type": "message_delta", "delta": ending, "usage": {"output_tokens": reply.usage.output}}));
    events.push(json!({"type": "message_stop"}));
    events.iter().map(frame).collect()
}

fn frame(event: &Value) -> String {
    format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap_or_default())
}

pub(super) fn error_frame(code: &str) -> String {
    frame(&json!({"type": "error", "error": {"type": code, "message": "the scripted error"}}))
}
