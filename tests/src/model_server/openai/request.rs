//! What OpenAI takes as a chat completion, and what it refuses with 400.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::model_server::request::{Seen, demand, in_range, only, text, tool_name};

const FIELDS: [&str; 20] = [
    "model",
    "messages",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "response_format",
    "temperature",
    "top_p",
    "max_tokens",
    "max_completion_tokens",
    "seed",
    "stream",
    "stream_options",
    "stop",
    "n",
    "user",
    "metadata",
    "store",
    "frequency_penalty",
    "presence_penalty",
];

pub(in crate::model_server) fn check(body: &Value) -> Result<(), String> {
    only(body, &FIELDS, "body")?;
    demand(body["model"].is_string(), || "you must provide a model parameter".into())?;
    let messages = body["messages"].as_array().ok_or("messages: expected an array")?;
    demand(!messages.is_empty(), || "messages: array too short".into())?;
    conversation(messages)?;
    for (index, tool) in body["tools"].as_array().into_iter().flatten().enumerate() {
        let path = format!("tools[{index}]");
        only(tool, &["type", "function"], &path)?;
        demand(tool["type"] == "function", || format!("{path}.type: must be `function`"))?;
        only(&tool["function"], &["name", "description", "parameters", "strict"], &path)?;
        tool_name(&tool["function"]["name"], &format!("{path}.function.name"))?;
        let parameters = &tool["function"]["parameters"];
        demand(parameters.is_null() || parameters["type"] == "object", || {
            format!("{path}.function.parameters: no object's schema")
        })?;
    }
    response_format(&body["response_format"])?;
    in_range(body, "temperature", 0.0, 2.0)?;
    in_range(body, "top_p", 0.0, 1.0)?;
    in_range(body, "max_tokens", 1.0, 1e9)?;
    in_range(body, "max_completion_tokens", 1.0, 1e9)?;
    demand(body["stream_options"].is_null() || body["stream"] == true, || {
        "stream_options: only allowed when `stream` is enabled".into()
    })
}

fn response_format(format: &Value) -> Result<(), String> {
    match format["type"].as_str() {
        None => demand(format.is_null(), || "response_format.type: missing".into()),
        Some("text" | "json_object") => Ok(()),
        Some("json_schema") => {
            let schema = &format["json_schema"];
            tool_name(&schema["name"], "response_format.json_schema.name")?;
            demand(schema["schema"].is_object(), || "response_format.json_schema.schema: expected an object".into())?;
            let closed = schema["schema"]["additionalProperties"] == false;
            demand(schema["strict"] != true || closed, || {
                "`additionalProperties` is required to be false where strict is true".into()
            })
        }
        Some(other) => Err(format!("response_format.type: `{other}`")),
    }
}

/// Roles, contents, and that each tool call is answered by its id before anything else is said.
fn conversation(messages: &[Value]) -> Result<(), String> {
    let mut open = BTreeSet::new();
    for (index, message) in messages.iter().enumerate() {
        let path = format!("messages[{index}]");
        let role = message["role"].as_str().unwrap_or_default();
        let content = &message["content"];
        let said = content.is_string() || content.as_array().is_some_and(|parts| !parts.is_empty());
        demand(role == "tool" || open.is_empty(), || {
            format!("an assistant message with tool_calls must be followed by tool messages for each id; missing: {open:?}")
        })?;
        match role {
            "system" | "developer" | "user" => demand(said, || format!("{path}.content: invalid type"))?,
            "assistant" => {
                let calls = message["tool_calls"].as_array().map(Vec::as_slice).unwrap_or_default();
                demand(message["tool_calls"].is_null() || !calls.is_empty(), || format!("{path}.tool_calls: array too short"))?;
                demand(said || !calls.is_empty(), || format!("{path}.content: expected a string, got null"))?;
                for call in calls {
                    demand(call["type"] == "function", || format!("{path}.tool_calls: type must be `function`"))?;
                    tool_name(&call["function"]["name"], &format!("{path}.tool_calls.function.name"))?;
                    demand(call["function"]["arguments"].is_string(), || format!("{path}.tool_calls.arguments: not a string"))?;
                    let id = call["id"].as_str().ok_or_else(|| format!("{path}.tool_calls.id: missing"))?;
                    demand(open.insert(id), || format!("{path}.tool_calls.id: `{id}` occurs twice"))?;
                }
            }
            "tool" => {
                demand(said, || format!("{path}.content: invalid type"))?;
                let id = message["tool_call_id"].as_str().ok_or_else(|| format!("{path}.tool_call_id: missing"))?;
                demand(open.remove(id), || format!("{path}: `{id}` answers no preceding message with tool_calls"))?;
            }
            other => return Err(format!("{path}.role: `{other}` is none")),
        }
    }
    demand(open.is_empty(), || format!("these tool calls have no answer: {open:?}"))
}

pub(in crate::model_server) fn seen(body: &Value) -> Seen {
    let mut seen = Seen { model: text(&body["model"]), ..Seen::default() };
    for message in body["messages"].as_array().into_iter().flatten() {
        let said = text(&message["content"]);
        match message["role"].as_str() {
            Some("system" | "developer") => seen.instructions.push_str(&said),
            Some("user") => seen.user(said),
            Some("tool") => seen.tool_results.push(said),
            _ => {}
        }
    }
    seen
}
