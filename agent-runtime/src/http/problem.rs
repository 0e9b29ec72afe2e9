//! Errors as answers: RFC 9457 problem details.

use std::any::Any;

use axum::body::Body;
#[cfg(any(feature = "a2a", feature = "openai"))]
use axum::http::response::Parts;
use axum::http::{HeaderName, HeaderValue, Response, StatusCode, header};
use axum::response::IntoResponse;
use skreaver_protocol::problem::{CONTENT_TYPE, Code, Problem};

use crate::agent::Failure;
use crate::auth::Refusal;
use crate::panics;
use crate::trace::error;

/// A problem on its way to the caller.
#[derive(Debug)]
pub(crate) struct ProblemResponse {
    problem: Box<Problem>,
    headers: Vec<(HeaderName, HeaderValue)>,
    /// Why who asks is refused, where that is what is wrong. It goes with the answer to whoever logs it, and not to the caller.
    refusal: Option<Refusal>,
}

impl ProblemResponse {
    pub(crate) fn new(code: Code, detail: impl Into<String>) -> Self {
        Box::new(Problem::new(code, detail)).into()
    }

    /// The problem where it travels in something else than an answer of its own, and why who asks is refused.
    #[cfg(any(feature = "a2a", feature = "mcp", feature = "unstable-websocket"))]
    pub(super) fn into_parts(self) -> (Box<Problem>, Option<Refusal>) {
        (self.problem, self.refusal)
    }

    /// A failure outside of runs.
    pub(crate) fn of(failure: Failure) -> Self {
        Box::new(Problem::from(failure)).into()
    }

    /// Who asks is not known, or may not.
    pub(crate) fn refused(refusal: Refusal) -> Self {
        let code = match refusal.status() {
            401 => Code::Unauthenticated,
            404 => Code::NotFound,
            503 => Code::KeysUnavailable,
            _ => Code::Forbidden,
        };
        let mut problem = Problem::new(code, refusal.told());
        problem.retry_after = (code == Code::KeysUnavailable).then_some(1);
        let challenge = refusal.challenge().and_then(|challenge| HeaderValue::try_from(challenge).ok());
        let headers = challenge.map(|challenge| (header::WWW_AUTHENTICATE, challenge)).into_iter().collect();
        Self { problem: Box::new(problem), headers, refusal: Some(refusal) }
    }

    /// As if what they ask for were not there.
    pub(crate) fn hidden(refusal: Refusal, absent: Failure) -> Self {
        Self { refusal: Some(refusal), ..Self::of(absent) }
    }

    /// The same with a header.
    pub(crate) fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }
}

impl From<Box<Problem>> for ProblemResponse {
    fn from(problem: Box<Problem>) -> Self {
        Self { problem, headers: Vec::new(), refusal: None }
    }
}

impl IntoResponse for ProblemResponse {
    fn into_response(self) -> axum::response::Response {
        let Self { problem, headers, refusal } = self;
        let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&problem).expect("a problem is JSON");
        let mut response = (status, [(header::CONTENT_TYPE, CONTENT_TYPE)], body).into_response();
        if let Some(seconds) = problem.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response.headers_mut().extend(headers);
        response.extensions_mut().insert(problem.code);
        if let Some(refusal) = refusal {
            response.extensions_mut().insert(refusal);
        }
        response
    }
}

/// No problem of ours is larger.
#[cfg(any(feature = "a2a", feature = "openai"))]
const LARGEST: usize = 1 << 20;

/// A problem on its way out in the shape that clients of another protocol know; any other answer as it is.
#[cfg(any(feature = "a2a", feature = "openai"))]
pub(super) async fn in_shape(
    response: axum::response::Response,
    shape: impl FnOnce(Problem, &mut Parts) -> serde_json::Value,
) -> axum::response::Response {
    if response.headers().get(header::CONTENT_TYPE).is_none_or(|value| value != CONTENT_TYPE) {
        return response;
    }
    let (mut parts, bytes) = response.into_parts();
    let bytes = axum::body::to_bytes(bytes, LARGEST).await.unwrap_or_default();
    if bytes.is_empty() {
        // To HEAD, which is told the status alone.
        return Response::from_parts(parts, Body::empty());
    }
    let problem = serde_json::from_slice(&bytes).ok();
    let problem = problem.unwrap_or_else(|| Problem::new(Code::Internal, "the answer could not be read"));
    parts.headers.remove(header::CONTENT_LENGTH);
    let body = shape(problem, &mut parts);
    Response::from_parts(parts, Body::from(body.to_string()))
}

/// A bug of ours ends one request, never the process; its text goes to the log, not to the caller.
pub(crate) fn panicked(payload: Box<dyn Any + Send>) -> Response<Body> {
    error!(panic = panics::text(&*payload), "a handler panicked");
    ProblemResponse::new(Code::Internal, "this is a bug; the log of the runtime tells more").into_response()
}
