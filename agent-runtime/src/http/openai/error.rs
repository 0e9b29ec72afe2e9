//! Errors as clients of OpenAI know them: `{"error": {"message", "type", "code", "param"}}`.

use axum::extract::Request;
use axum::http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use skreaver_protocol::problem::{Code, Problem};

use crate::http::{ProblemResponse, problem};

/// Its clients try again by themselves at 409, 429 and 5xx, unless this says otherwise: a run that failed may have done something.
const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");

/// Why a request came to nothing.
#[derive(Debug)]
pub(super) enum Refused {
    /// As any other operation says it.
    Problem(ProblemResponse),
    /// Something in the body cannot be done; `param` says where.
    Unsupported { param: &'static str, message: String },
}

impl Refused {
    pub(super) fn unsupported(param: &'static str, message: impl Into<String>) -> Self {
        Self::Unsupported { param, message: message.into() }
    }
}

impl From<ProblemResponse> for Refused {
    fn from(problem: ProblemResponse) -> Self {
        Self::Problem(problem)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        match self {
            // It gets its shape on its way out, with those that never came here.
            Self::Problem(problem) => problem.into_response(),
            Self::Unsupported { param, message } => {
                let error = body(StatusCode::BAD_REQUEST, &message, "unsupported_value", Some(param));
                let json = [(CONTENT_TYPE, "application/json"), (SHOULD_RETRY, "false")];
                (StatusCode::BAD_REQUEST, json, error.to_string()).into_response()
            }
        }
    }
}

/// Gives problems on the paths of OpenAI's API its shape, whoever they come from.
pub(crate) async fn in_its_shape(request: Request, next: Next) -> Response {
    if !request.uri().path().starts_with("/v1/") {
        return next.run(request).await;
    }
    problem::in_shape(next.run(request).await, |problem, parts| {
        parts.status = status(&problem);
        dress(&mut parts.headers, &problem);
        of(&problem)
    })
    .await
}

fn dress(headers: &mut HeaderMap, problem: &Problem) {
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let again = if problem.retry_after.is_some() { "true" } else { "false" };
    headers.insert(SHOULD_RETRY, HeaderValue::from_static(again));
    if let Some(run) = problem.run.as_deref().and_then(|run| HeaderValue::from_str(run).ok()) {
        headers.insert(super::REQUEST_ID, run);
    }
}

/// A problem in its shape.
pub(super) fn of(problem: &Problem) -> Value {
    let code = problem.kind.rsplit(':').next().unwrap_or_default();
    match problem.code {
        Code::UnknownAgent => body(status(problem), &problem.detail, "model_not_found", Some("model")),
        _ => body(status(problem), &problem.detail, code, None),
    }
}

/// What is wrong with a body is 400 there, whatever is wrong with it.
fn status(problem: &Problem) -> StatusCode {
    match problem.code {
        Code::InvalidRequest | Code::MemoryRequired | Code::KeyReused => StatusCode::BAD_REQUEST,
        _ => StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

fn body(status: StatusCode, message: &str, code: &str, param: Option<&str>) -> Value {
    let kind = match status.as_u16() {
        401 => "authentication_error",
        403 => "permission_error",
        429 => "rate_limit_error",
        500.. => "server_error",
        _ => "invalid_request_error",
    };
    json!({ "error": { "message": message, "type": kind, "code": code, "param": param } })
}
