//! How long an answer may take that waits for no run: longer than the memory's own deadlines, shorter than callers wait.

use std::time::Duration;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use skreaver_protocol::problem::Code;

use super::ProblemResponse;

/// Above what a body may take, which has a problem of its own.
const DEADLINE: Duration = Duration::from_secs(40);

/// Ends a request that takes too long. Not for runs, which have a timeout of their own, nor for what streams.
pub(crate) async fn held(request: Request, next: Next) -> Response {
    match tokio::time::timeout(DEADLINE, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            ProblemResponse::new(Code::Overdue, format!("there is no answer after {}s", DEADLINE.as_secs())).into_response()
        }
    }
}
