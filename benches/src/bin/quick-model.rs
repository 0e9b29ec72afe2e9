//! A model that takes no time: asked in OpenAI's wire format, it wants 2 and 3 added first, and tells the sum once it has it.
//!
//! Usage: quick-model ADDRESS. Whole or streamed, as asked; every question of a kind gets the same bytes.

use std::net::SocketAddr;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

const JSON: &str = "application/json";
const EVENTS: &str = "text/event-stream";

const WANTS_SUM: &str = r#"{"id":"c1","object":"chat.completion","created":1,"model":"quick","choices":[{"index":0,"finish_reason":"tool_calls","message":{"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function","function":{"name":"add","arguments":"{\"a\":2,\"b\":3}"}}]}}],"usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15}}"#;
const TELLS_SUM: &str = r#"{"id":"c2","object":"chat.completion","created":1,"model":"quick","choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":"The sum is 5."}}],"usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15}}"#;

const STREAMS_WISH: &str = concat!(
    r#"data: {"id":"c1","object":"chat.completion.chunk","created":1,"model":"quick","choices":[{"index":0,"finish_reason":null,"delta":{"role":"assistant","content":null,"tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"add","arguments":"{\"a\":2,\"b\":3}"}}]}}]}"#,
    "\n\n",
    r#"data: {"id":"c1","object":"chat.completion.chunk","created":1,"model":"quick","choices":[{"index":0,"finish_reason":"tool_calls","delta":{}}]}"#,
    "\n\ndata: [DONE]\n\n",
);
const STREAMS_SUM: &str = concat!(
    r#"data: {"id":"c2","object":"chat.completion.chunk","created":1,"model":"quick","choices":[{"index":0,"finish_reason":null,"delta":{"role":"assistant","content":"The sum is 5."}}]}"#,
    "\n\n",
    r#"data: {"id":"c2","object":"chat.completion.chunk","created":1,"model":"quick","choices":[{"index":0,"finish_reason":"stop","delta":{}}]}"#,
    "\n\ndata: [DONE]\n\n",
);

/// Looks only as far as it must: the question is not parsed.
async fn answer(question: String) -> Response {
    let is_set = |name: &str, value: &str| {
        let mut places = question.match_indices(name).map(|(place, name)| &question[place + name.len()..]);
        places.any(|rest| rest.trim_start().trim_start_matches(':').trim_start().starts_with(value))
    };
    let (kind, text) = match (is_set("\"stream\"", "true"), is_set("\"role\"", "\"tool\"")) {
        (false, false) => (JSON, WANTS_SUM),
        (false, true) => (JSON, TELLS_SUM),
        (true, false) => (EVENTS, STREAMS_WISH),
        (true, true) => (EVENTS, STREAMS_SUM),
    };
    ([(CONTENT_TYPE, kind)], text).into_response()
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let address: SocketAddr = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:9100".to_owned()).parse()?;
    let router = Router::new().route("/ready", get(|| async { "ok" })).route("/v1/chat/completions", post(answer));
    axum::serve(tokio::net::TcpListener::bind(address).await?, router).await?;
    Ok(())
}
