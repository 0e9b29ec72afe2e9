//! What a wire format is: how a question is written, and how an answer is read, whole or piece by piece.

pub(crate) mod anthropic;
pub(crate) mod openai;

use reqwest::header::HeaderName;
use serde_json::{Map, Value};

use crate::answer::{Answer, Question};
use crate::providers::failure::Failure;
use crate::providers::names::Names;

/// A wire format.
pub(crate) trait Wire: Send + Sync {
    /// The path of questions below a base URL's path, which has no slash at its end.
    fn path(&self, base: &str) -> String;
    /// What a question needs in its head.
    fn headers(&self, key: Option<&str>, settings: &Settings) -> Headers;
    /// The body of a question.
    fn body(&self, asked: &Asked<'_>) -> serde_json::Result<Vec<u8>>;
    /// Reads an answer that came whole.
    fn whole(&self, body: &[u8]) -> Result<Answer, Failure>;
    /// Reads an answer that comes as events.
    fn assembler(&self) -> Box<dyn Assemble>;
}

/// What a question needs in its head: the header that carries the key, and the others.
pub(crate) struct Headers {
    pub(crate) key: Option<(HeaderName, String)>,
    pub(crate) others: &'static [(&'static str, &'static str)],
}

/// An answer in the making.
pub(crate) trait Assemble: Send {
    /// Takes the data of one event, and hands on what text is in it. Says whether it was the last.
    fn event(&mut self, data: &str, tell: &mut dyn FnMut(&str)) -> Result<bool, Failure>;
    /// The answer, once the last event has been taken.
    fn answer(self: Box<Self>) -> Answer;
}

/// All that a question's body is made of.
pub(crate) struct Asked<'a> {
    pub(crate) model: &'a str,
    pub(crate) settings: &'a Settings,
    pub(crate) question: &'a Question,
    pub(crate) names: &'a Names<'a>,
    pub(crate) streamed: bool,
}

/// `model.parameters`, read.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    pub(crate) temperature: Option<f64>,
    pub(crate) top_p: Option<f64>,
    pub(crate) max_output_tokens: Option<u32>,
    pub(crate) seed: Option<u64>,
}

/// The arguments that a model wrote. What is no JSON stays as it is, for the model to be told so: that is no broken answer.
fn arguments(text: String) -> Value {
    if text.trim().is_empty() {
        return Value::Object(Map::new());
    }
    serde_json::from_str(&text).unwrap_or(Value::String(text))
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::json;
    use skreaver_protocol::config::Provider;
    use skreaver_protocol::message::{Message, ToolRequest};

    use super::*;
    use crate::answer::ToolSpec;

    /// A conversation in which everything occurs.
    pub(crate) fn long_question() -> Question {
        let user = |text: &str| Message::User { text: text.into() };
        let request = |id: &str, tool: &str, arguments| ToolRequest { id: id.into(), tool: tool.into(), arguments };
        let result =
            |id: &str, text: &str, failed| Message::Tool { id: id.into(), tool: "any".into(), text: text.into(), failed };
        let requests = vec![request("call_1", "ledger/add", json!({"a": 2})), request("call_2", "gone/tool", json!("{broken"))];
        Question {
            instructions: Some("Be brief.".into()),
            messages: vec![
                user("2 and 3?"),
                Message::Assistant { text: String::new(), tool_requests: requests },
                result("call_1", "5", false),
                result("call_2", "there is no such tool", true),
                Message::Assistant { text: "5".into(), tool_requests: vec![] },
                user("Again."),
            ],
            tools: vec![ToolSpec {
                name: "ledger/add".into(),
                description: "Adds.".into(),
                input_schema: json!({"type": "object"}),
            }],
            output_schema: Some(json!({"type": "object"})),
        }
    }

    pub(crate) fn body(provider: Provider, question: &Question, streamed: bool) -> Value {
        let settings = Settings { temperature: Some(0.5), top_p: Some(0.9), max_output_tokens: Some(100), seed: Some(7) };
        let names = Names::new(&question.tools);
        let asked = Asked { model: "m", settings: &settings, question, names: &names, streamed };
        serde_json::from_slice(&crate::providers::provider::wire(provider).body(&asked).unwrap()).unwrap()
    }
}
