//! Errors of A2A, as each of the two bindings tells them (sections 9.5 and 11.6).

use a2a::{A2AError, JsonRpcError, JsonRpcId, JsonRpcResponse};
use axum::Json;
use axum::http::header::RETRY_AFTER;
use axum::http::{Extensions, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use skreaver_protocol::problem::{Code, Problem};

use crate::agent::Failure;
use crate::auth::Refusal;
use crate::http::ProblemResponse;

/// Why an operation came to nothing.
#[derive(Debug)]
pub(super) struct Refused {
    error: Box<A2AError>,
    /// Where it is none of A2A's own, but one of ours.
    problem: Option<Box<Problem>>,
    /// Why who asks is refused, where that is what is wrong.
    refusal: Option<Refusal>,
}

impl From<A2AError> for Refused {
    fn from(error: A2AError) -> Self {
        Self { error: Box::new(error), problem: None, refusal: None }
    }
}

impl From<Box<Problem>> for Refused {
    fn from(problem: Box<Problem>) -> Self {
        let error = match problem.code {
            Code::UnknownRun => A2AError::task_not_found(&problem.detail),
            Code::RunEnded => A2AError::new(a2a::error_code::TASK_NOT_CANCELABLE, problem.detail.clone()),
            Code::MemoryRequired => A2AError::unsupported_operation(problem.detail.clone()),
            Code::InputDenied | Code::InvalidRequest => A2AError::invalid_params(problem.detail.clone()),
            _ => A2AError::internal(problem.detail.clone()),
        };
        Self { error: Box::new(error), problem: Some(problem), refusal: None }
    }
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        Self::from(Box::new(Problem::from(failure)))
    }
}

impl From<ProblemResponse> for Refused {
    fn from(problem: ProblemResponse) -> Self {
        let (problem, refusal) = problem.into_parts();
        Self { refusal, ..Self::from(problem) }
    }
}

impl Refused {
    pub(super) fn invalid(detail: impl Into<String>) -> Self {
        A2AError::invalid_params(detail).into()
    }

    /// For JSON-RPC; what our own code is goes with the details.
    pub(super) fn rpc(&self) -> JsonRpcError {
        let mut error = self.error.to_jsonrpc_error();
        if let (Some(problem), Some(Value::Array(details))) = (&self.problem, &mut error.data) {
            details.push(self::problem(problem));
        }
        error
    }

    /// For HTTP+JSON: a `google.rpc.Status`.
    pub(super) fn rest(&self) -> Value {
        let status = self.status();
        let error = self.rpc();
        json!({ "error": { "code": status.as_u16(), "status": grpc(status), "message": error.message, "details": error.data } })
    }

    fn status(&self) -> StatusCode {
        let own = self.problem.as_ref().filter(|_| self.error.code == a2a::error_code::INTERNAL_ERROR);
        let status = own.map_or_else(|| self.error.http_status_code(), |problem| problem.status);
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

fn problem(problem: &Problem) -> Value {
    json!({ "@type": "type.googleapis.com/google.protobuf.Struct", "value": problem })
}

fn grpc(status: StatusCode) -> &'static str {
    match status.as_u16() {
        400 => "INVALID_ARGUMENT",
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        409 => "ABORTED",
        429 => "RESOURCE_EXHAUSTED",
        501 => "UNIMPLEMENTED",
        503 => "UNAVAILABLE",
        504 => "DEADLINE_EXCEEDED",
        _ => "INTERNAL",
    }
}

impl Refused {
    /// An answer of JSON-RPC, which is 200 whatever it says, but for who may not ask.
    pub(super) fn into_rpc(self, id: JsonRpcId) -> Response {
        let mut response = Json(JsonRpcResponse::error(id, self.rpc())).into_response();
        if self.problem.is_some_and(|problem| problem.code == Code::Forbidden) {
            *response.status_mut() = StatusCode::FORBIDDEN;
        }
        response.extensions_mut().extend(told(self.refusal));
        response
    }
}

/// It goes with the answer to whoever logs it.
fn told(refusal: Option<Refusal>) -> Extensions {
    let mut extensions = Extensions::new();
    if let Some(refusal) = refusal {
        extensions.insert(refusal);
    }
    extensions
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let mut response = (self.status(), Json(self.rest())).into_response();
        if let Some(seconds) = self.problem.as_ref().and_then(|problem| problem.retry_after) {
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        response.extensions_mut().extend(told(self.refusal));
        response
    }
}
