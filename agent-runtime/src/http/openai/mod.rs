//! The API of OpenAI: an agent is a model by its name. What it does with tools happens inside, and is not shown.

mod chat;
mod error;
mod models;
mod request;
mod responses;
mod stream;

use axum::Router;
use axum::routing::{get, post};
use skreaver_protocol::rest::Usage;
use uuid::Uuid;

use super::App;
pub(crate) use error::in_its_shape;

/// The header by which its clients name a request when something was wrong with it.
const REQUEST_ID: &str = "x-request-id";

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/v1/models", get(models::list))
        .route("/v1/models/{id}", get(models::one))
        .route("/v1/chat/completions", post(chat::complete))
        .route("/v1/responses", post(responses::create))
}

/// What was asked of an agent, once it is known which and what.
struct Asked {
    run: Uuid,
    model: String,
    created: u64,
}

impl Asked {
    fn new(model: &str) -> Self {
        let run = Uuid::now_v7();
        let created = run.get_timestamp().map_or(0, |timestamp| timestamp.to_unix().0);
        Self { run, model: model.to_owned(), created }
    }
}

/// Tokens as each of the two operations names them: of questions, of answers, together.
fn tokens(usage: &Usage) -> (u64, u64, u64) {
    let Usage { input_tokens, output_tokens, .. } = *usage;
    (input_tokens, output_tokens, input_tokens.saturating_add(output_tokens))
}
