//! Our providers against the scripted model, in both wire formats: what is answered, and how each fault ends.

mod answers;
mod faults;
mod retries;

use std::sync::{Arc, Mutex};

use secrecy::SecretString;
use serde_json::{Value, json};
use skreaver_model::{Answer, Key, Model, ModelError, Proxies, Question, ToolSpec, http_client, model};
use skreaver_protocol::message::Message;
use skreaver_tests::model_server::{Format, ModelServer};

const FORMATS: [Format; 2] = [Format::OpenAi, Format::Anthropic];

/// How an answer is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Whole,
    Streamed,
}

const WAYS: [Way; 2] = [Way::Whole, Way::Streamed];

/// Every format in every way.
fn combinations() -> impl Iterator<Item = (Format, Way)> {
    FORMATS.into_iter().flat_map(|format| WAYS.map(|way| (format, way)))
}

/// A model at the server, with these fields of its configuration besides.
fn connect(server: &ModelServer, format: Format, more: Value) -> Arc<dyn Model> {
    connect_with(server, format, more, no_key())
}

fn connect_with(server: &ModelServer, format: Format, more: Value, key: Key) -> Arc<dyn Model> {
    let provider = match format {
        Format::OpenAi => "OpenAICompatible",
        Format::Anthropic => "Anthropic",
    };
    let mut config = json!({"provider": provider, "name": "mock", "baseURL": server.url(), "timeout": "60s", "maxAttempts": 1});
    config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let client = http_client(Proxies::Ignored).unwrap();
    model(&serde_json::from_value(config).unwrap(), key, &client).unwrap()
}

fn no_key() -> Key {
    Arc::new(|| Ok(None))
}

fn this_key(key: &'static str) -> Key {
    Arc::new(move || Ok(Some(SecretString::from(key))))
}

fn user(text: &str) -> Message {
    Message::User { text: text.into() }
}

fn question(text: &str) -> Question {
    let schema = json!({"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}});
    let add = ToolSpec { name: "add".into(), description: "Adds two numbers.".into(), input_schema: schema };
    Question { instructions: Some("Be brief.".into()), messages: vec![user(text)], tools: vec![add], output_schema: None }
}

/// Asks, and returns the pieces of text that were told besides.
async fn ask(model: &dyn Model, question: &Question, way: Way) -> (Result<Answer, ModelError>, Vec<String>) {
    let told = Mutex::new(Vec::new());
    let tell = |text: &str| told.lock().unwrap().push(text.to_owned());
    let outcome = match way {
        Way::Whole => model.ask(question, None).await,
        Way::Streamed => model.ask(question, Some(&tell)).await,
    };
    (outcome, told.into_inner().unwrap())
}
