//! A2A 1.0: agents ask an agent by its card, over JSON-RPC or HTTP+JSON. With memory a task is a run, by the same id, and a
//! context a session; without, an agent answers with a message and there are no tasks.

mod card;
mod error;
mod operations;
mod rest;
mod rpc;
mod stream;
mod tasks;

use axum::Router;
use axum::http::HeaderMap;
use axum::routing::{get, post};

use super::App;
use error::Refused;

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/.well-known/agent-card.json", get(card::of_the_only_agent))
        .route("/agents/{id}/.well-known/agent-card.json", get(card::of_agent))
        .route("/agents/{id}/a2a", post(rpc::call))
        .route("/agents/{id}/a2a/message:send", post(rest::send))
        .route("/agents/{id}/a2a/message:stream", post(rest::stream))
        .route("/agents/{id}/a2a/tasks", get(rest::list))
        .route("/agents/{id}/a2a/tasks/{task}", get(rest::get_task).post(rest::act))
        .route("/agents/{id}/a2a/tasks/{task}/pushNotificationConfigs", get(rest::push).post(rest::push))
        .route("/agents/{id}/a2a/tasks/{task}/pushNotificationConfigs/{config}", get(rest::push).delete(rest::push))
        .route("/agents/{id}/a2a/extendedAgentCard", get(rest::extended_card))
}

/// A client that names no version speaks 0.3 (section 3.6.2), which we do not.
fn version(headers: &HeaderMap) -> Result<(), Refused> {
    let asked = headers.get(a2a::SVC_PARAM_VERSION).and_then(|value| value.to_str().ok()).unwrap_or_default().trim();
    let is_ours = asked == a2a::VERSION || asked.strip_prefix(a2a::VERSION).is_some_and(|patch| patch.starts_with('.'));
    if is_ours { Ok(()) } else { Err(a2a::A2AError::version_not_supported(if asked.is_empty() { "0.3" } else { asked }).into()) }
}
