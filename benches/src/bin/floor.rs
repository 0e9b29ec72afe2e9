//! The floor: a bare axum handler that parses the same JSON, does the same work and answers the same shape, and nothing else.

use std::convert::Infallible;
use std::net::SocketAddr;

use axum::response::sse::{Event, Sse};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

async fn observe(Json(request): Json<Value>) -> Json<Value> {
    let input = request["input"].as_str().unwrap_or_default();
    let text = input.split_once(':').map_or(input, |(_, text)| text);
    Json(json!({ "output": text.to_uppercase(), "agent": "amber", "run": "-", "usage": {}, "tool_calls": [] }))
}

async fn events(Json(_): Json<Value>) -> Sse<impl futures::Stream<Item = Result<Event, Infallible>>> {
    Sse::new(futures::stream::once(async { Ok(Event::default().event("started").data("{}")) }))
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let address: SocketAddr = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:3000".to_owned()).parse()?;
    let router = Router::new()
        .route("/ready", get(|| async { "ok" }))
        .route("/events", post(events))
        .route("/agents/amber/observe", post(observe));
    let listener = tokio::net::TcpListener::bind(address).await?;
    axum::serve(listener, router).await?;
    Ok(())
}
