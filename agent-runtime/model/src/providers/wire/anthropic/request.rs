//! A question as Anthropic's messages, which alternate between user and assistant: tool results are the user's.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::{Value, json};
use skreaver_protocol::message::{Message, ToolRequest};

use crate::answer::{Question, ToolSpec};
use crate::providers::names::Names;
use crate::providers::schema::{as_instruction, is_closed};
use crate::providers::wire::Asked;

/// The format demands a limit; this one every model since Claude 3.5 can keep.
const MAX_TOKENS: u32 = 8192;

#[derive(Serialize)]
struct Request<'a> {
    model: &'a str,
    max_tokens: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    system: Option<Cow<'a, str>>,
    messages: Vec<Turn<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Tool<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_config: Option<OutputConfig<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    stream: bool,
}

#[derive(Serialize)]
struct Turn<'a> {
    role: Role,
    content: Vec<Block<'a>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Role {
    User,
    Assistant,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Block<'a> {
    Text {
        text: &'a str,
    },
    ToolUse {
        id: &'a str,
        name: Cow<'a, str>,
        input: Cow<'a, Value>,
    },
    ToolResult {
        tool_use_id: &'a str,
        content: &'a str,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        is_error: bool,
    },
}

#[derive(Serialize)]
struct Tool<'a> {
    name: Cow<'a, str>,
    description: &'a str,
    input_schema: &'a Value,
}

#[derive(Serialize)]
struct OutputConfig<'a> {
    format: Format<'a>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Format<'a> {
    JsonSchema { schema: &'a Value },
}

pub(super) fn body(asked: &Asked<'_>) -> serde_json::Result<Vec<u8>> {
    // There is no seed in this format.
    let Asked { model, settings, question, names, streamed } = asked;
    // Schemas that are not closed are refused; such a one is told in the instructions instead.
    let (native, told) = match &question.output_schema {
        Some(schema) if is_closed(schema) => (Some(schema), None),
        schema => (None, schema.as_ref().map(as_instruction)),
    };
    let system = match (question.instructions.as_deref(), told) {
        (Some(given), Some(told)) => Some(format!("{given}\n\n{told}").into()),
        (given, told) => given.map(Cow::Borrowed).or(told.map(Cow::Owned)),
    };
    serde_json::to_vec(&Request {
        model,
        max_tokens: settings.max_output_tokens.unwrap_or(MAX_TOKENS),
        system,
        messages: turns(&question.messages, names),
        tools: tools(question, names),
        output_config: native.map(|schema| OutputConfig { format: Format::JsonSchema { schema } }),
        temperature: settings.temperature,
        top_p: settings.top_p,
        stream: *streamed,
    })
}

fn tools<'a>(question: &'a Question, names: &'a Names<'a>) -> Vec<Tool<'a>> {
    let tool = |tool: &'a ToolSpec| Tool {
        name: names.wire(&tool.name),
        description: &tool.description,
        input_schema: &tool.input_schema,
    };
    question.tools.iter().map(tool).collect()
}

/// What follows each other in the same role is one turn. Empty texts are refused, and say nothing.
fn turns<'a>(messages: &'a [Message], names: &'a Names<'a>) -> Vec<Turn<'a>> {
    let mut turns: Vec<Turn<'a>> = Vec::with_capacity(messages.len());
    for message in messages {
        let (role, blocks) = blocks(message, names);
        match turns.last_mut() {
            Some(turn) if turn.role == role => turn.content.extend(blocks),
            _ if blocks.is_empty() => {}
            _ => turns.push(Turn { role, content: blocks }),
        }
    }
    turns
}

fn blocks<'a>(message: &'a Message, names: &'a Names<'a>) -> (Role, Vec<Block<'a>>) {
    let said = |text: &'a str| (!text.is_empty()).then_some(Block::Text { text });
    match message {
        Message::User { text } => (Role::User, said(text).into_iter().collect()),
        Message::Assistant { text, tool_requests } => {
            let calls = tool_requests.iter().map(|request| call(request, names));
            (Role::Assistant, said(text).into_iter().chain(calls).collect())
        }
        Message::Tool { id, tool: _, text, failed } => {
            (Role::User, vec![Block::ToolResult { tool_use_id: id, content: text, is_error: *failed }])
        }
    }
}

fn call<'a>(request: &'a ToolRequest, names: &'a Names<'a>) -> Block<'a> {
    let input = match &request.arguments {
        object @ Value::Object(_) => Cow::Borrowed(object),
        // Only objects are taken. What the model wrote instead is shown to it as such.
        other => Cow::Owned(json!({ "arguments": other })),
    };
    Block::ToolUse { id: &request.id, name: names.wire(&request.tool), input }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use skreaver_protocol::config::Provider;

    use crate::providers::schema::as_instruction;
    use crate::providers::wire::tests::{body, long_question};

    #[test]
    fn a_question_becomes_messages() {
        let expected = json!({
            "model": "m",
            "max_tokens": 100,
            "system": format!("Be brief.\n\n{}", as_instruction(&json!({"type": "object"}))),
            "messages": [
                {"role": "user", "content": [{"type": "text", "text": "2 and 3?"}]},
                {"role": "assistant", "content": [
                    {"type": "tool_use", "id": "call_1", "name": "ledger_add", "input": {"a": 2}},
                    {"type": "tool_use", "id": "call_2", "name": "gone_tool", "input": {"arguments": "{broken"}},
                ]},
                {"role": "user", "content": [
                    {"type": "tool_result", "tool_use_id": "call_1", "content": "5"},
                    {"type": "tool_result", "tool_use_id": "call_2", "content": "there is no such tool", "is_error": true},
                ]},
                {"role": "assistant", "content": [{"type": "text", "text": "5"}]},
                {"role": "user", "content": [{"type": "text", "text": "Again."}]},
            ],
            "tools": [{"name": "ledger_add", "description": "Adds.", "input_schema": {"type": "object"}}],
            "temperature": 0.5, "top_p": 0.9, "stream": true,
        });
        assert_eq!(body(Provider::Anthropic, &long_question(), true), expected);
    }

    #[test]
    fn a_closed_schema_is_left_to_the_provider() {
        let mut question = long_question();
        let schema = json!({"type": "object", "properties": {"sum": {}}, "required": ["sum"], "additionalProperties": false});
        question.output_schema = Some(schema.clone());
        let body = body(Provider::Anthropic, &question, false);
        assert_eq!(body["output_config"], json!({"format": {"type": "json_schema", "schema": schema}}));
        assert_eq!((&body["system"], body.get("stream")), (&json!("Be brief."), None));
    }
}
