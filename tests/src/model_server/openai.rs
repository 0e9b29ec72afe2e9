//! Chat completions as OpenAI writes them.

pub(super) mod request;

use serde_json::{Value, json};

use super::Answer;
use super::request::{Refusal, halves, pieces};
use super::script::{Stop, ToolCall};

pub(super) fn refusal(refusal: &Refusal) -> Value {
    let kind = match refusal.status {
        429 => "requests",
        500.. => "server_error",
        _ => "invalid_request_error",
    };
    json!({"error": {"message": refusal.message, "type": kind, "param": null, "code": refusal.code}})
}

const fn finish_reason(stop: Stop) -> &'static str {
    match stop {
        Stop::Complete => "stop",
        Stop::Tools => "tool_calls",
        Stop::Length => "length",
        Stop::Filtered => "content_filter",
    }
}

fn usage(answer: &Answer<'_>) -> Value {
    let usage = answer.reply.usage;
    json!({"prompt_tokens": usage.input, "completion_tokens": usage.output, "total_tokens": usage.input + usage.output})
}

fn arguments(call: &ToolCall) -> String {
    match &call.arguments {
        Value::String(text) => text.clone(),
        value => value.to_string(),
    }
}

fn tool_call(answer: &Answer<'_>, index: usize, call: &ToolCall, arguments: &str) -> Value {
    let id = format!("call_{}_{index}", answer.number);
    json!({"id": id, "type": "function", "function": {"name": call.name, "arguments": arguments}})
}

pub(super) fn whole(answer: &Answer<'_>) -> Value {
    let reply = answer.reply;
    let mut message = json!({"role": "assistant", "content": reply.text, "refusal": null});
    if !reply.tool_calls.is_empty() {
        let calls = reply.tool_calls.iter().enumerate();
        message["tool_calls"] = calls.map(|(index, call)| tool_call(answer, index, call, &arguments(call))).collect();
    }
    let choice = json!({"index": 0, "message": message, "logprobs": null, "finish_reason": finish_reason(reply.stop())});
    json!({"id": format!("chatcmpl-{}", answer.number), "object": "chat.completion", "created": 1, "model": answer.body["model"],
        "choices": [choice], "usage": usage(answer)})
}

pub(super) fn frames(answer: &Answer<'_>) -> Vec<String> {
    let reply = answer.reply;
    let chunk = |choices: Value| {
        json!({"id": format!("chatcmpl-{}", answer.number), "object": "chat.completion.chunk", "created": 1,
            "model": answer.body["model"], "choices": choices})
    };
    let delta =
        |delta: Value, finish: Value| chunk(json!([{"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish}]));
    let mut chunks = vec![delta(json!({"role": "assistant", "content": reply.text.as_ref().map(|_| "")}), Value::Null)];
    let text = reply.text.as_deref().unwrap_or_default();
    chunks.extend(pieces(text).map(|piece| delta(json!({"content": piece}), Value::Null)));
    for (index, call) in reply.tool_calls.iter().enumerate() {
        let mut begun = tool_call(answer, index, call, "");
        begun["index"] = index.into();
        chunks.push(delta(json!({"tool_calls": [begun]}), Value::Null));
        for half in halves(&arguments(call)) {
            let more = json!({"index": index, "function": {"arguments": half}});
            chunks.push(delta(json!({"tool_calls": [more]}), Value::Null));
        }
    }
    chunks.push(delta(json!({}), finish_reason(reply.stop()).into()));
    if answer.body["stream_options"]["include_usage"] == true {
        let mut last = chunk(json!([]));
        last["usage"] = usage(answer);
        chunks.push(last);
    }
    let done = "data: [DONE]\n\n".to_owned();
    chunks.into_iter().map(|chunk| format!("data: {chunk}\n\n")).chain([done]).collect()
}

pub(super) fn error_frame(code: &str) -> String {
    let error = json!({"error": {"message": "the scripted error", "type": "server_error", "param": null, "code": code}});
    format!("data: {error}\n\n")
}
