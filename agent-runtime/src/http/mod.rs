//! The HTTP surface: which path leads where.

mod agents;
mod events;
mod extract;
mod health;
mod mcp;
mod openapi;
mod problem;
mod runs;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::Method;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::{get, post};
use skreaver_protocol::AgentName;
use skreaver_protocol::problem::Code;
use tower_http::catch_panic::CatchPanicLayer;

use crate::mcp::{McpService, services};
use crate::runtime::Runtime;
pub(crate) use problem::ProblemResponse;

/// What handlers share.
#[derive(Clone)]
pub(crate) struct App {
    runtime: Arc<Runtime>,
    mcp: Arc<BTreeMap<AgentName, McpService>>,
}

/// The API: what callers see. MCP takes POST only: it is stateless, so there is no stream to GET and no session to DELETE.
pub(crate) fn api(runtime: Arc<Runtime>, extra_hosts: &[String]) -> Router {
    let mcp = Arc::new(services(&runtime, extra_hosts));
    let app = App { runtime: Arc::clone(&runtime), mcp };
    Router::new()
        .route("/health", get(health::health))
        .route("/ready", get(health::ready))
        .route("/metrics", get(health::metrics))
        .route("/openapi.json", get(openapi::serve))
        .route("/agents", get(agents::list))
        .route("/agents/{id}", axum::routing::delete(agents::remove))
        .route("/agents/{id}/status", get(agents::status))
        .route("/agents/{id}/observe", post(agents::observe))
        .route("/agents/{id}/runs", get(runs::list))
        .route("/agents/{id}/runs/{run}", get(runs::status))
        .route("/agents/{id}/runs/{run}/cancel", post(runs::cancel))
        .route("/agents/{id}/runs/{run}/events", get(events::follow))
        .route("/agents/{id}/sessions", get(runs::sessions))
        .route("/agents/{id}/sessions/{session}", get(runs::session).delete(runs::delete_session))
        .route("/agents/{id}/mcp", post(mcp::of_agent))
        .route("/mcp", post(mcp::of_the_only_agent))
        .method_not_allowed_fallback(method_not_allowed)
        .fallback(not_found)
        .layer(CatchPanicLayer::custom(problem::panicked))
        .layer(from_fn_with_state(runtime, measure))
        .with_state(app)
}

/// Health, readiness and metrics for kubelet and Prometheus.
pub(crate) fn admin(runtime: Arc<Runtime>) -> Router {
    let app = App { runtime, mcp: Arc::default() };
    Router::new()
        .route("/health", get(health::health))
        .route("/ready", get(health::ready_soon))
        .route("/metrics", get(health::metrics))
        .method_not_allowed_fallback(method_not_allowed)
        .fallback(not_found)
        .with_state(app)
}

async fn not_found(request: Request) -> ProblemResponse {
    ProblemResponse::new(Code::NotFound, format!("`{}` leads nowhere; /openapi.json lists what does", request.uri().path()))
}

async fn method_not_allowed(request: Request) -> ProblemResponse {
    let detail = format!("`{}` does not take {}; the Allow header lists what it takes", request.uri().path(), request.method());
    ProblemResponse::new(Code::MethodNotAllowed, detail)
}

async fn measure(State(runtime): State<Arc<Runtime>>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().cloned();
    let method = method_label(request.method());
    let started = Instant::now();
    let response = next.run(request).await;
    runtime.metrics().http(route.as_ref().map_or("other", MatchedPath::as_str), method, started.elapsed());
    response
}

/// A caller may invent methods, but not labels.
fn method_label(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "POST" => "POST",
        "DELETE" => "DELETE",
        "HEAD" => "HEAD",
        "OPTIONS" => "OPTIONS",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        _ => "other",
    }
}
