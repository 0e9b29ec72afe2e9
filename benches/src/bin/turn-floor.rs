//! The floor of a turn: a bare axum handler that asks the model twice through the client that the runtime has, adds in between,
//! and does nothing else.
//!
//! Usage: turn-floor ADDRESS MODEL, where MODEL is the model's base URL.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use reqwest::Url;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use skreaver_model::{Proxies, http_client};

struct Model {
    http: reqwest::Client,
    url: Url,
    tools: Value,
}

#[derive(Deserialize)]
struct Observation {
    input: String,
}

#[derive(Deserialize)]
struct Answer {
    choices: Vec<Choice>,
    usage: Usage,
}

#[derive(Deserialize)]
struct Choice {
    message: Message,
}

#[derive(Deserialize)]
struct Message {
    content: Option<String>,
    #[serde(default)]
    tool_calls: Vec<ToolCall>,
}

#[derive(Deserialize)]
struct ToolCall {
    id: String,
    function: Function,
}

#[derive(Deserialize)]
struct Function {
    name: String,
    arguments: String,
}

#[derive(Deserialize)]
struct Arguments {
    a: i64,
    b: i64,
}

#[derive(Deserialize)]
struct Usage {
    prompt_tokens: u64,
    completion_tokens: u64,
}

#[derive(Serialize)]
struct Question<'a> {
    model: &'a str,
    messages: &'a Value,
    tools: &'a Value,
}

fn tools() -> Value {
    let parameters = json!({
        "type": "object", "additionalProperties": false, "required": ["a", "b"],
        "properties": {
            "a": { "type": "number", "format": "double", "description": "The first number." },
            "b": { "type": "number", "format": "double", "description": "The second number." },
        },
    });
    let function = json!({ "name": "add", "description": "Adds two numbers, exactly.", "parameters": parameters });
    json!([{ "type": "function", "function": function }])
}

impl Model {
    async fn ask(&self, messages: &Value) -> anyhow::Result<Answer> {
        let body = Question { model: "quick", messages, tools: &self.tools };
        let response = self.http.post(self.url.clone()).json(&body).send().await?.error_for_status()?;
        Ok(serde_json::from_slice(&response.bytes().await?)?)
    }

    async fn turn(&self, input: &str) -> anyhow::Result<Value> {
        let mut messages = json!([{ "role": "system", "content": "Use the tool." }, { "role": "user", "content": input }]);
        let (mut asked, mut answered) = (0, 0);
        loop {
            let Answer { choices, usage } = self.ask(&messages).await?;
            (asked, answered) = (asked + usage.prompt_tokens, answered + usage.completion_tokens);
            let Some(Choice { message: Message { content, tool_calls } }) = choices.into_iter().next() else {
                anyhow::bail!("the model has no answer")
            };
            let Some(ToolCall { id, function: Function { name, arguments } }) = tool_calls.into_iter().next() else {
                let usage = json!({ "turns": 2, "input_tokens": asked, "output_tokens": answered });
                let calls = [json!({ "tool": "add", "failed": false })];
                return Ok(json!({ "output": content, "agent": "amber", "run": "-", "usage": usage, "tool_calls": calls }));
            };
            let Arguments { a, b } = serde_json::from_str(&arguments)?;
            let function = json!({ "name": name, "arguments": arguments });
            let call = json!({ "id": id, "type": "function", "function": function });
            let said = messages.as_array_mut().expect("it was made an array");
            said.push(json!({ "role": "assistant", "content": null, "tool_calls": [call] }));
            said.push(json!({ "role": "tool", "tool_call_id": id, "content": (a + b).to_string() }));
        }
    }
}

async fn observe(
    State(model): State<Arc<Model>>,
    Json(Observation { input }): Json<Observation>,
) -> Result<Json<Value>, StatusCode> {
    model.turn(&input).await.map(Json).map_err(|_| StatusCode::BAD_GATEWAY)
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut args = std::env::args().skip(1);
    let address: SocketAddr = args.next().unwrap_or_else(|| "127.0.0.1:3000".to_owned()).parse()?;
    let base = args.next().unwrap_or_else(|| "http://127.0.0.1:9100/v1".to_owned());
    let url = format!("{base}/chat/completions").parse()?;
    let model = Arc::new(Model { http: http_client(Proxies::Ignored)?, url, tools: tools() });
    let router = Router::new().route("/ready", get(|| async { "ok" })).route("/agents/amber/observe", post(observe));
    axum::serve(tokio::net::TcpListener::bind(address).await?, router.with_state(model)).await?;
    Ok(())
}
