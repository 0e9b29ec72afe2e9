//! The HTTP surface: which path leads where.

#[cfg(feature = "a2a")]
mod a2a;
mod agents;
mod approvals;
mod asking;
mod audit;
mod deadline;
#[cfg(feature = "streaming")]
mod events;
mod extract;
mod framing;
mod health;
#[cfg(feature = "mcp")]
mod mcp;
#[cfg(feature = "metrics")]
mod metrics;
#[cfg(feature = "openai")]
mod openai;
#[cfg(feature = "openapi")]
mod openapi;
mod origin;
#[cfg(feature = "playground")]
mod page;
mod permissions;
mod problem;
mod runs;
mod trace_context;
#[cfg(feature = "unstable-websocket")]
pub(crate) mod websocket;

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::Method;
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::Response;
use axum::routing::{get, post};
use skreaver_protocol::problem::Code;
use tower_http::catch_panic::CatchPanicLayer;

use crate::runtime::Runtime;
#[cfg(any(feature = "a2a", feature = "mcp", feature = "openai", feature = "unstable-websocket"))]
pub(crate) use asking::Asker;
#[cfg(feature = "mcp")]
pub(crate) use extract::json_bytes;
pub use origin::{NoOrigin, Origin};
pub(crate) use problem::ProblemResponse;

/// What handlers share.
#[derive(Clone)]
pub(crate) struct App {
    runtime: Arc<Runtime>,
}

/// The API: what callers see.
pub(crate) fn api(runtime: Arc<Runtime>, extra_hosts: &[String]) -> Router {
    let app = App { runtime: Arc::clone(&runtime) };
    let router = routes(&runtime, extra_hosts)
        .method_not_allowed_fallback(method_not_allowed)
        .fallback(not_found)
        .layer(from_fn_with_state(app.clone(), asking::ask))
        .layer(CatchPanicLayer::custom(problem::panicked))
        .layer(from_fn(framing::check));
    // Whoever answers a client of another protocol answers it in its own shape.
    #[cfg(feature = "openai")]
    let router = router.layer(from_fn(openai::in_its_shape));
    #[cfg(feature = "a2a")]
    let router = router.layer(from_fn(a2a::in_its_shape));
    // Events stay as they are: who compresses them holds them back.
    #[cfg(feature = "compression")]
    let router = router.layer(tower_http::compression::CompressionLayer::new());
    let router = router.layer(from_fn_with_state(Arc::clone(&runtime), measure)).layer(from_fn(trace_context::follow));
    let router = match origin::cors(&runtime.cors_origins) {
        Some(cors) => router.layer(cors),
        None => router,
    };
    router.with_state(app)
}

/// The routes, each with the permissions of which it needs one.
#[cfg(feature = "testing")]
pub(crate) fn needed() -> Vec<(&'static str, &'static str, Vec<skreaver_protocol::auth::Permission>)> {
    permissions::TABLE.iter().map(|(method, path, needs)| (*method, *path, needs.permissions())).collect()
}

fn routes(runtime: &Arc<Runtime>, extra_hosts: &[String]) -> Router<App> {
    built_in(runtime, extra_hosts)
        .route("/agents/{id}/observe", post(agents::observe))
        .route("/agents/{id}/audit", get(audit::read))
        .merge(prompt().layer(from_fn(deadline::held)))
}

/// What is answered at once: no runs are waited for here, and nothing streams.
fn prompt() -> Router<App> {
    Router::new()
        .route("/health", get(health::health))
        .route("/ready", get(health::ready))
        .route("/agents", get(agents::list).post(agents::add))
        .route("/agents/{id}", axum::routing::delete(agents::remove))
        .route("/agents/{id}/status", get(agents::status))
        .route("/agents/{id}/runs", get(runs::list))
        .route("/agents/{id}/runs/{run}", get(runs::status))
        .route("/agents/{id}/runs/{run}/cancel", post(runs::cancel))
        .route("/agents/{id}/approvals", get(approvals::list))
        .route("/agents/{id}/approvals/{approval}", post(approvals::decide))
        .route("/agents/{id}/sessions", get(runs::sessions))
        .route("/agents/{id}/sessions/{session}", get(runs::session).delete(runs::delete_session))
}

/// What cargo features add to the API.
#[cfg_attr(not(feature = "mcp"), expect(unused_variables, reason = "only MCP asks which hosts it answers to"))]
fn built_in(runtime: &Arc<Runtime>, extra_hosts: &[String]) -> Router<App> {
    let routes = counted();
    #[cfg(feature = "openapi")]
    let routes = routes.route("/openapi.json", get(openapi::serve));
    #[cfg(feature = "openapi-ui")]
    let routes = routes.merge(openapi::ui());
    #[cfg(feature = "streaming")]
    let routes = routes.route("/agents/{id}/runs/{run}/events", get(events::follow));
    #[cfg(feature = "unstable-websocket")]
    let routes = routes.merge(websocket::routes());
    #[cfg(feature = "playground")]
    let routes = routes.merge(page::routes());
    #[cfg(feature = "a2a")]
    let routes = routes.merge(a2a::routes());
    #[cfg(feature = "openai")]
    let routes = routes.merge(openai::routes());
    #[cfg(feature = "mcp")]
    let routes = routes.merge(mcp::routes(runtime, extra_hosts));
    routes
}

fn counted() -> Router<App> {
    let routes = Router::new();
    #[cfg(feature = "metrics")]
    let routes = routes.route("/metrics", get(metrics::serve));
    routes
}

/// Health, readiness and metrics for kubelet and Prometheus.
pub(crate) fn admin(runtime: Arc<Runtime>) -> Router {
    let app = App { runtime };
    counted()
        .route("/health", get(health::health))
        .route("/ready", get(health::ready_soon))
        .method_not_allowed_fallback(method_not_allowed)
        .fallback(not_found)
        .layer(from_fn(framing::check))
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
    runtime.metrics.http(route.as_ref().map_or("other", MatchedPath::as_str), method, started.elapsed());
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use axum::body::Body;
    use tower::ServiceExt;

    use super::permissions::{TABLE, methods};
    use super::*;

    fn routes() -> Router {
        let config = serde_json::from_value(serde_json::json!({"agents": [{"name": "amber"}]})).unwrap();
        api(Arc::new(Runtime::builder().config(config).build().unwrap()), &[])
    }

    /// The paths of the router, which tells them to those who debug it.
    fn paths(router: &Router) -> BTreeSet<String> {
        let told = format!("{router:?}");
        // The fallback has a name of axum's own.
        let quoted = told.split('"').filter(|text| text.starts_with('/') && !text.contains("axum"));
        quoted.map(str::to_owned).collect()
    }

    #[tokio::test]
    async fn every_route_says_which_permission_it_needs() {
        let routes = routes();
        let paths = paths(&routes);
        let of_table: BTreeSet<_> = TABLE.iter().map(|(_, path, _)| (*path).to_owned()).collect();
        assert_eq!(paths, of_table, "http/permissions.rs has the table");
        for path in paths {
            let filled =
                ["{id}", "{run}", "{approval}", "{session}"].iter().fold(path.clone(), |path, part| path.replace(part, "x"));
            let request = Request::builder().method("OPTIONS").uri(filled).body(Body::empty()).unwrap();
            let response = routes.clone().oneshot(request).await.unwrap();
            let allowed = response.headers()["allow"].to_str().unwrap();
            let (mut taken, mut named) = (allowed.split(',').collect::<Vec<_>>(), methods(&path));
            taken.sort_unstable();
            named.sort_unstable();
            assert_eq!(taken, named, "{path}");
        }
    }
}
