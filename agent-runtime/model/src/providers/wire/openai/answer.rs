//! A chat completion that came whole.

use serde::Deserialize;
use serde_json::Value;
use skreaver_protocol::message::{Tokens, ToolRequest};

use super::stop;
use crate::answer::Answer;
use crate::error::ModelErrorKind;
use crate::providers::failure::Failure;
use crate::providers::wire::arguments;

#[derive(Deserialize)]
struct Completion {
    choices: Vec<Choice>,
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct Choice {
    message: Said,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Said {
    content: Option<Content>,
    refusal: Option<String>,
    tool_calls: Option<Vec<Call>>,
}

#[derive(Deserialize)]
struct Call {
    id: Option<String>,
    function: Function,
}

#[derive(Deserialize)]
struct Function {
    name: String,
    #[serde(default)]
    arguments: Value,
}

/// Text; at Mistral's reasoning models a list whose other parts are thoughts.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Content {
    Text(String),
    Parts(Vec<Part>),
}

#[derive(Deserialize)]
pub(super) struct Part {
    text: Option<String>,
}

impl Content {
    pub(super) fn text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Parts(parts) => parts.into_iter().filter_map(|part| part.text).collect(),
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Usage {
    #[serde(default)]
    prompt_tokens: u64,
    #[serde(default)]
    completion_tokens: u64,
}

impl From<Usage> for Tokens {
    fn from(usage: Usage) -> Self {
        Self { input: usage.prompt_tokens, output: usage.completion_tokens }
    }
}

pub(super) fn whole(body: &[u8]) -> Result<Answer, Failure> {
    let Completion { choices, usage } = serde_json::from_slice(body).map_err(|error| Failure::shape(&error))?;
    let choice = choices.into_iter().next();
    let Choice { message, finish_reason } =
        choice.ok_or_else(|| Failure::new(ModelErrorKind::Garbage, "the answer has no choices"))?;
    let Said { content, refusal, tool_calls } = message;
    let tool_requests: Vec<_> = tool_calls.into_iter().flatten().map(request).collect();
    let stop = stop(finish_reason.as_deref(), refusal.is_some(), !tool_requests.is_empty());
    let text = content.map(Content::text).or(refusal).unwrap_or_default();
    Ok(Answer { text, tool_requests, tokens: usage.map(Tokens::from).unwrap_or_default(), stop })
}

fn request(call: Call) -> ToolRequest {
    let arguments = match call.function.arguments {
        Value::String(text) => arguments(text),
        Value::Null => arguments(String::new()),
        value => value,
    };
    ToolRequest { id: call.id.unwrap_or_default(), tool: call.function.name, arguments }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::answer::StopReason;

    fn read(message: Value, finish_reason: &str) -> Answer {
        whole(json!({"choices": [{"message": message, "finish_reason": finish_reason}]}).to_string().as_bytes()).unwrap()
    }

    #[test]
    fn arguments_may_be_text_an_object_or_nothing() {
        for (arguments, expected) in
            [(json!("{\"n\":1}"), json!({"n": 1})), (json!({"n": 1}), json!({"n": 1})), (json!(""), json!({}))]
        {
            let call = json!({"id": "a", "type": "function", "function": {"name": "add", "arguments": arguments}});
            // Some servers say `stop` where they ask for tools.
            let answer = read(json!({"content": null, "tool_calls": [call]}), "stop");
            assert_eq!((&answer.tool_requests[0].arguments, answer.stop), (&expected, StopReason::Tools));
        }
        assert_eq!(read(json!({"content": "", "tool_calls": null}), "stop").stop, StopReason::Complete);
    }

    #[test]
    fn json_without_an_answer_is_garbage() {
        for body in ["{}", r#"{"choices": []}"#, r#"{"choices": [{}]}"#, "[]", "null", ""] {
            assert_eq!(whole(body.as_bytes()).unwrap_err().kind, ModelErrorKind::Garbage, "{body}");
        }
    }
}
