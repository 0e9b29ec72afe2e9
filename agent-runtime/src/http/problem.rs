//! Errors as answers: RFC 9457 problem details.

use std::any::Any;

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use axum::response::IntoResponse;
use skreaver_protocol::problem::{CONTENT_TYPE, Code, Problem};

use crate::agent::Failure;
use crate::panics;
use crate::trace::error;

/// A problem on its way to the caller.
#[derive(Debug)]
pub(crate) struct ProblemResponse(Box<Problem>);

impl ProblemResponse {
    pub(crate) fn new(code: Code, detail: impl Into<String>) -> Self {
        Self(Box::new(Problem::new(code, detail)))
    }

    /// A failure outside of runs.
    pub(crate) fn of(failure: Failure) -> Self {
        Self(Box::new(failure.into()))
    }
}

impl From<Box<Problem>> for ProblemResponse {
    fn from(problem: Box<Problem>) -> Self {
        Self(problem)
    }
}

impl IntoResponse for ProblemResponse {
    fn into_response(self) -> axum::response::Response {
        let status = StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self.0).expect("a problem is JSON");
        let mut response = (status, [(header::CONTENT_TYPE, CONTENT_TYPE)], body).into_response();
        if let Some(seconds) = self.0.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// A bug of ours ends one request, never the process; its text goes to the log, not to the caller.
pub(crate) fn panicked(payload: Box<dyn Any + Send>) -> Response<Body> {
    error!(panic = panics::text(&*payload), "a handler panicked");
    ProblemResponse::new(Code::Internal, "this is a bug; the log of the runtime tells more").into_response()
}
