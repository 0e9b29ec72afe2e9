//! Health and readiness.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use skreaver_protocol::rest::{Health, Readiness};

use super::App;

/// How long a probe that comes too early is held. Below the timeout of the probe; without it, a pod that is ready a few
/// milliseconds after its first probe would wait for a whole period.
const PATIENCE: Duration = Duration::from_millis(1500);

pub(crate) async fn health() -> Json<Health> {
    Json(Health { status: "ok".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() })
}

pub(crate) async fn ready(State(app): State<App>) -> impl IntoResponse {
    answer(app.runtime.readiness())
}

/// As [`ready`], but answers "no" only after some patience.
pub(crate) async fn ready_soon(State(app): State<App>) -> impl IntoResponse {
    answer(app.runtime.ready_within(PATIENCE).await)
}

fn answer(readiness: Readiness) -> impl IntoResponse {
    let status = if readiness.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(readiness))
}
