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
use axum::extract::{FromRequestParts, Request};
use axum::http::header::{CONTENT_TYPE, HeaderValue};
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::Response;
use axum::routing::{get, post};

use super::{App, problem};
use error::Refused;

/// The media type of the HTTP+JSON binding (section 14.1.1).
const A2A_JSON: HeaderValue = HeaderValue::from_static("application/a2a+json");

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

/// A client that speaks our version. It may say so in the query too (section 3.6.1), and one that says nothing speaks 0.3
/// (section 3.6.2), which we do not.
struct Version;

impl<S: Sync> FromRequestParts<S> for Version {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refused> {
        version(parts).map(|()| Self)
    }
}

fn version(parts: &Parts) -> Result<(), Refused> {
    let in_header = parts.headers.get(a2a::SVC_PARAM_VERSION).and_then(|value| value.to_str().ok());
    let mut pairs = parts.uri.query().unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
    let in_query = pairs.find(|(name, _)| name.eq_ignore_ascii_case(a2a::SVC_PARAM_VERSION)).map(|(_, value)| value);
    let asked = in_header.or(in_query).unwrap_or_default().trim();
    let is_ours = asked == a2a::VERSION || asked.strip_prefix(a2a::VERSION).is_some_and(|patch| patch.starts_with('.'));
    if is_ours { Ok(()) } else { Err(a2a::A2AError::version_not_supported(if asked.is_empty() { "0.3" } else { asked }).into()) }
}

/// Gives problems on the paths of A2A the shape of their binding, whoever they come from.
pub(crate) async fn in_its_shape(request: Request, next: Next) -> Response {
    let behind_agent = request.uri().path().strip_prefix("/agents/").and_then(|rest| rest.split_once('/'));
    let is_rpc = match behind_agent {
        Some((_, "a2a")) => true,
        Some((_, path)) if path.starts_with("a2a/") => false,
        Some(_) | None => return next.run(request).await,
    };
    problem::in_shape(next.run(request).await, |problem, parts| {
        let refused = Refused::from(Box::new(problem));
        let media_type = if is_rpc { HeaderValue::from_static("application/json") } else { A2A_JSON };
        parts.headers.insert(CONTENT_TYPE, media_type);
        parts.status = refused.status();
        if is_rpc { refused.rpc_answer() } else { refused.rest() }
    })
    .await
}
