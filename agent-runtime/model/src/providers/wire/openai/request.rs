//! A question as a chat completion: written straight from ours, without a tree in between.

use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash, Hasher};

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::Value;
use skreaver_protocol::message::{Message, ToolRequest};

use super::{OpenAi, Schemas, ToolIds};
use crate::answer::ToolSpec;
use crate::providers::schema::{as_instruction, is_closed};
use crate::providers::wire::Asked;

pub(super) fn body(dialect: &OpenAi, asked: &Asked<'_>) -> serde_json::Result<Vec<u8>> {
    serde_json::to_vec(&Request { dialect, asked })
}

struct Request<'a> {
    dialect: &'a OpenAi,
    asked: &'a Asked<'a>,
}

impl Serialize for Request<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { dialect, asked } = self;
        let Asked { model, settings, question, names: _, streamed } = asked;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("model", model)?;
        map.serialize_entry("messages", &self.messages())?;
        if !question.tools.is_empty() {
            map.serialize_entry("tools", &self.tools())?;
        }
        if let Some(schema) = &question.output_schema {
            map.serialize_entry("response_format", &response_format(dialect.schemas, schema))?;
        }
        entry(&mut map, "temperature", settings.temperature)?;
        entry(&mut map, "top_p", settings.top_p)?;
        entry(&mut map, dialect.max_tokens, settings.max_output_tokens)?;
        entry(&mut map, dialect.seed, settings.seed)?;
        if *streamed {
            map.serialize_entry("stream", &true)?;
            if dialect.asks_for_usage {
                map.serialize_entry("stream_options", &StreamOptions { include_usage: true })?;
            }
        }
        map.end()
    }
}

fn entry<M: SerializeMap>(map: &mut M, name: &'static str, value: Option<impl Serialize>) -> Result<(), M::Error> {
    value.map_or(Ok(()), |value| map.serialize_entry(name, &value))
}

#[derive(Serialize)]
struct StreamOptions {
    include_usage: bool,
}

#[derive(Serialize)]
#[serde(tag = "role", rename_all = "lowercase")]
enum Said<'a> {
    System {
        content: Cow<'a, str>,
    },
    User {
        content: &'a str,
    },
    Assistant {
        // Null beside tool calls, as the API itself writes it.
        content: Option<&'a str>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        tool_calls: Vec<Call<'a>>,
    },
    Tool {
        tool_call_id: Cow<'a, str>,
        content: &'a str,
    },
}

#[derive(Serialize)]
struct Call<'a> {
    id: Cow<'a, str>,
    #[serde(rename = "type")]
    kind: &'static str,
    function: Function<'a>,
}

#[derive(Serialize)]
struct Function<'a> {
    name: Cow<'a, str>,
    arguments: Cow<'a, str>,
}

#[derive(Serialize)]
struct Tool<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    function: Offered<'a>,
}

#[derive(Serialize)]
struct Offered<'a> {
    name: Cow<'a, str>,
    description: &'a str,
    parameters: &'a Value,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum ResponseFormat<'a> {
    JsonSchema { json_schema: JsonSchema<'a> },
    JsonObject,
}

#[derive(Serialize)]
struct JsonSchema<'a> {
    name: &'static str,
    schema: &'a Value,
    strict: bool,
}

/// `strict` is refused for schemas that are not closed; without it they guide the model, and the runtime checks the answer.
fn response_format(schemas: Schemas, schema: &Value) -> ResponseFormat<'_> {
    match schemas {
        Schemas::Native => {
            ResponseFormat::JsonSchema { json_schema: JsonSchema { name: "answer", schema, strict: is_closed(schema) } }
        }
        Schemas::JsonObject => ResponseFormat::JsonObject,
    }
}

impl<'a> Request<'a> {
    fn messages(&self) -> Vec<Said<'a>> {
        let question = self.asked.question;
        let mut messages = Vec::with_capacity(question.messages.len() + 1);
        messages.extend(self.instructions().map(|content| Said::System { content }));
        messages.extend(question.messages.iter().map(|message| self.said(message)));
        messages
    }

    fn instructions(&self) -> Option<Cow<'a, str>> {
        let given = self.asked.question.instructions.as_deref();
        let told = match self.dialect.schemas {
            Schemas::Native => None,
            Schemas::JsonObject => self.asked.question.output_schema.as_ref().map(as_instruction),
        };
        match (given, told) {
            (Some(given), Some(told)) => Some(format!("{given}\n\n{told}").into()),
            (given, told) => given.map(Cow::Borrowed).or(told.map(Cow::Owned)),
        }
    }

    fn said(&self, message: &'a Message) -> Said<'a> {
        match message {
            Message::User { text } => Said::User { content: text },
            Message::Assistant { text, tool_requests } => {
                let call = |request: &'a ToolRequest| {
                    let function =
                        Function { name: self.asked.names.wire(&request.tool), arguments: written(&request.arguments) };
                    Call { id: self.id(&request.id), kind: "function", function }
                };
                let content = (!text.is_empty() || tool_requests.is_empty()).then_some(text.as_str());
                Said::Assistant { content, tool_calls: tool_requests.iter().map(call).collect() }
            }
            Message::Tool { id, tool: _, text, failed: _ } => Said::Tool { tool_call_id: self.id(id), content: text },
        }
    }

    fn tools(&self) -> Vec<Tool<'a>> {
        let offered = |tool: &'a ToolSpec| Offered {
            name: self.asked.names.wire(&tool.name),
            description: &tool.description,
            parameters: &tool.input_schema,
        };
        self.asked.question.tools.iter().map(|tool| Tool { kind: "function", function: offered(tool) }).collect()
    }

    fn id(&self, id: &'a str) -> Cow<'a, str> {
        match self.dialect.tool_ids {
            ToolIds::NineLetters if !(id.len() == 9 && id.bytes().all(|byte| byte.is_ascii_alphanumeric())) => {
                nine_letters(id).into()
            }
            ToolIds::NineLetters | ToolIds::Any => id.into(),
        }
    }
}

/// Arguments travel as text. What was no JSON when it came goes back as it came.
fn written(arguments: &Value) -> Cow<'_, str> {
    match arguments {
        Value::String(text) => text.into(),
        value => value.to_string().into(),
    }
}

/// The same nine letters for the same id.
fn nine_letters(id: &str) -> String {
    let mut hasher = DefaultHasher::new();
    id.hash(&mut hasher);
    let mut number = hasher.finish();
    let mut letter = || {
        let digit = u32::try_from(number % 36).unwrap_or_default();
        number /= 36;
        char::from_digit(digit, 36).unwrap_or('0')
    };
    (0..9).map(|_| letter()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use skreaver_protocol::config::Provider;

    use crate::providers::wire::tests::{body, long_question};

    #[test]
    fn a_question_becomes_a_chat_completion() {
        let expected = json!({
            "model": "m",
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": "2 and 3?"},
                {"role": "assistant", "content": null, "tool_calls": [
                    {"id": "call_1", "type": "function", "function": {"name": "ledger_add", "arguments": "{\"a\":2}"}},
                    {"id": "call_2", "type": "function", "function": {"name": "gone_tool", "arguments": "{broken"}},
                ]},
                {"role": "tool", "tool_call_id": "call_1", "content": "5"},
                {"role": "tool", "tool_call_id": "call_2", "content": "there is no such tool"},
                {"role": "assistant", "content": "5"},
                {"role": "user", "content": "Again."},
            ],
            "tools": [{"type": "function", "function":
                {"name": "ledger_add", "description": "Adds.", "parameters": {"type": "object"}}}],
            "response_format": {"type": "json_schema", "json_schema":
                {"name": "answer", "strict": false, "schema": {"type": "object"}}},
            "temperature": 0.5, "top_p": 0.9, "max_tokens": 100, "seed": 7,
            "stream": true, "stream_options": {"include_usage": true},
        });
        assert_eq!(body(Provider::OpenAICompatible, &long_question(), true), expected);
    }

    #[test]
    fn providers_get_the_fields_that_they_know() {
        let openai = body(Provider::OpenAI, &long_question(), false);
        assert_eq!((&openai["max_completion_tokens"], openai.get("max_tokens"), openai.get("stream")), (&json!(100), None, None));
        let mistral = body(Provider::Mistral, &long_question(), false);
        assert_eq!((&mistral["random_seed"], mistral.get("seed")), (&json!(7), None));
        let (asked, answered) = (&mistral["messages"][2]["tool_calls"][0]["id"], &mistral["messages"][3]["tool_call_id"]);
        assert_eq!(asked, answered);
        assert_eq!(asked.as_str().unwrap().len(), 9);
        let cohere = body(Provider::Cohere, &long_question(), true);
        assert_eq!((&cohere["response_format"], cohere.get("stream_options")), (&json!({"type": "json_object"}), None));
        assert!(cohere["messages"][0]["content"].as_str().unwrap().contains(r#"{"type":"object"}"#));
    }
}
