//! What Anthropic takes as a message, and what it refuses with 400.

use axum::http::HeaderMap;
use serde_json::Value;

use crate::model_server::request::{Seen, demand, header, in_range, only, text, tool_name};

const FIELDS: [&str; 14] = [
    "model",
    "messages",
    "max_tokens",
    "system",
    "tools",
    "tool_choice",
    "output_config",
    "stop_sequences",
    "stream",
    "metadata",
    "thinking",
    "service_tier",
    "cache_control",
    "container",
];
/// What version 2026-10-21 does not know any more.
const SAMPLING: [&str; 3] = ["temperature", "top_p", "top_k"];

pub(in crate::model_server) fn check(headers: &HeaderMap, body: &Value) -> Result<(), String> {
    match header(headers, "anthropic-version") {
        "2023-06-01" => only(body, &[&FIELDS[..], &SAMPLING].concat(), "body")?,
        "2026-10-21" => only(body, &FIELDS, "body")?,
        other => return Err(format!("anthropic-version: `{other}` is not a valid version")),
    }
    demand(body["model"].is_string(), || "model: field required".into())?;
    demand(body["max_tokens"].is_u64(), || "max_tokens: field required".into())?;
    let messages = body["messages"].as_array().ok_or("messages: field required")?;
    demand(!messages.is_empty(), || "messages: at least one message is required".into())?;
    conversation(messages)?;
    for (index, tool) in body["tools"].as_array().into_iter().flatten().enumerate() {
        let path = format!("tools.{index}");
        only(tool, &["name", "description", "input_schema", "type", "cache_control", "strict"], &path)?;
        tool_name(&tool["name"], &format!("{path}.name"))?;
        demand(tool["input_schema"]["type"] == "object", || format!("{path}.input_schema.type: must be `object`"))?;
    }
    let format = &body["output_config"]["format"];
    let closed = format["type"] == "json_schema" && format["schema"]["additionalProperties"] == false;
    demand(format.is_null() || closed, || "output_config.format.schema: `additionalProperties` must be false".into())?;
    in_range(body, "temperature", 0.0, 1.0)?;
    in_range(body, "top_p", 0.0, 1.0)
}

/// Roles, contents, and that each `tool_use` is answered at the beginning of the next message.
fn conversation(messages: &[Value]) -> Result<(), String> {
    let mut open: Vec<&str> = Vec::new();
    for (index, message) in messages.iter().enumerate() {
        let path = format!("messages.{index}");
        only(message, &["role", "content"], &path)?;
        let role = message["role"].as_str().unwrap_or_default();
        demand(role == "user" || (role == "assistant" && index > 0), || format!("{path}.role: unexpected `{role}`"))?;
        let blocks = match &message["content"] {
            Value::String(text) => {
                demand(!text.is_empty(), || format!("{path}: all messages must have non-empty content"))?;
                &[]
            }
            content => content.as_array().map(Vec::as_slice).ok_or_else(|| format!("{path}.content: field required"))?,
        };
        demand(message["content"].is_string() || !blocks.is_empty(), || {
            format!("{path}: all messages must have non-empty content")
        })?;
        let answered = std::mem::take(&mut open);
        let mut results = Vec::new();
        for (place, block) in blocks.iter().enumerate() {
            let path = format!("{path}.content.{place}");
            match (block["type"].as_str().unwrap_or_default(), role) {
                ("text", _) => {
                    demand(block["text"].as_str().is_some_and(|text| !text.is_empty()), || {
                        format!("{path}: text must be non-empty")
                    })?;
                }
                ("tool_use", "assistant") => {
                    tool_name(&block["name"], &format!("{path}.name"))?;
                    demand(block["input"].is_object(), || format!("{path}.input: must be an object"))?;
                    let id = block["id"].as_str().ok_or_else(|| format!("{path}.id: field required"))?;
                    demand(!open.contains(&id), || format!("{path}: `tool_use` ids must be unique"))?;
                    open.push(id);
                }
                ("tool_result", "user") => {
                    let id = block["tool_use_id"].as_str().unwrap_or_default();
                    demand(answered.contains(&id), || format!("{path}: unexpected `tool_use_id` `{id}`"))?;
                    demand(results.len() == place, || format!("{path}: tool results come first"))?;
                    results.push(id);
                }
                (kind, role) => return Err(format!("{path}.type: `{kind}` in a message of role {role}")),
            }
        }
        demand(answered.iter().all(|id| results.contains(id)), || {
            format!("{path}: `tool_use` ids were found without `tool_result` blocks immediately after: {answered:?}")
        })?;
    }
    demand(open.is_empty(), || format!("these `tool_use` ids have no result: {open:?}"))
}

pub(in crate::model_server) fn seen(body: &Value) -> Seen {
    let mut seen = Seen { model: text(&body["model"]), instructions: text(&body["system"]), ..Seen::default() };
    for message in body["messages"].as_array().into_iter().flatten().filter(|message| message["role"] == "user") {
        let blocks = message["content"].as_array().map(Vec::as_slice).unwrap_or_default();
        let said = text(&message["content"]);
        if !said.is_empty() {
            seen.user(said);
        }
        let results = blocks.iter().filter(|block| block["type"] == "tool_result");
        seen.tool_results.extend(results.map(|result| text(&result["content"])));
    }
    seen
}
