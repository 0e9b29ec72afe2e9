//! Errors of A2A, as each of the two bindings tells them (sections 9.5 and 11.6).

use a2a::{A2AError, JsonRpcError, JsonRpcId, JsonRpcResponse};
use axum::Json;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{Extensions, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use skreaver_protocol::problem::{Code, Problem};

use super::A2A_JSON;
use crate::agent::Failure;
use crate::auth::Refusal;
use crate::http::ProblemResponse;

/// Who may not ask is told so by a code of JSON-RPC for errors of a server's own; A2A has none (section 3.3.2).
const NOT_LET_IN: i32 = -32000;

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
        let code = match problem.code {
            Code::UnknownRun => a2a::error_code::TASK_NOT_FOUND,
            Code::RunEnded => a2a::error_code::TASK_NOT_CANCELABLE,
            Code::MemoryRequired => a2a::error_code::UNSUPPORTED_OPERATION,
            Code::InputDenied | Code::InvalidRequest => a2a::error_code::INVALID_PARAMS,
            Code::MalformedJson => a2a::error_code::PARSE_ERROR,
            Code::UnsupportedMediaType | Code::BodyTooLarge | Code::RequestTimeout => a2a::error_code::INVALID_REQUEST,
            Code::UnknownAgent | Code::NotFound | Code::MethodNotAllowed => a2a::error_code::METHOD_NOT_FOUND,
            Code::Unauthenticated | Code::Forbidden | Code::ForbiddenHost => NOT_LET_IN,
            _ => a2a::error_code::INTERNAL_ERROR,
        };
        Self { error: Box::new(A2AError::new(code, problem.detail.clone())), problem: Some(problem), refusal: None }
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
            if self.error.code == NOT_LET_IN {
                // The crate takes what it does not know for a fault of ours.
                *details = vec![error_info(self.grpc())];
            }
            details.push(self::problem(problem));
        }
        error
    }

    /// The same to a request whose id is not known.
    pub(super) fn rpc_answer(&self) -> Value {
        json!(JsonRpcResponse::error(JsonRpcId::Null, self.rpc()))
    }

    /// For HTTP+JSON: a `google.rpc.Status`.
    pub(super) fn rest(&self) -> Value {
        let error = self.rpc();
        let status = self.status().as_u16();
        json!({ "error": { "code": status, "status": self.grpc(), "message": error.message, "details": error.data } })
    }

    /// A2A says the statuses of its own errors (section 5.4); those of others are ours.
    pub(super) fn status(&self) -> StatusCode {
        let is_of_a2a = matches!(self.error.code, -32099..=-32001 | a2a::error_code::INVALID_PARAMS);
        let own = self.problem.as_ref().filter(|_| !is_of_a2a);
        let status = own.map_or_else(|| self.error.http_status_code(), |problem| problem.status);
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The name of the status as gRPC has it (section 5.4).
    fn grpc(&self) -> &'static str {
        match (self.error.code, self.status().as_u16()) {
            (a2a::error_code::CONTENT_TYPE_NOT_SUPPORTED, _) => "INVALID_ARGUMENT",
            (-32099..=-32001, 400) => "FAILED_PRECONDITION",
            (_, 400 | 413 | 415) => "INVALID_ARGUMENT",
            (_, 401) => "UNAUTHENTICATED",
            (_, 403) => "PERMISSION_DENIED",
            (_, 404) => "NOT_FOUND",
            (_, 409) => "ABORTED",
            (_, 429) => "RESOURCE_EXHAUSTED",
            (_, 405 | 501) => "UNIMPLEMENTED",
            (_, 503) => "UNAVAILABLE",
            (_, 408 | 504) => "DEADLINE_EXCEEDED",
            _ => "INTERNAL",
        }
    }
}

fn error_info(reason: &str) -> Value {
    json!({ "@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": "skreaver.dev" })
}

fn problem(problem: &Problem) -> Value {
    json!({ "@type": "type.googleapis.com/google.protobuf.Struct", "value": problem })
}

impl Refused {
    /// An answer of JSON-RPC, which is 200 whatever it says, but for who may not ask.
    pub(super) fn into_rpc(self, id: JsonRpcId) -> Response {
        let mut response = Json(JsonRpcResponse::error(id, self.rpc())).into_response();
        if self.error.code == NOT_LET_IN {
            *response.status_mut() = self.status();
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
        let mut response = (self.status(), [(CONTENT_TYPE, A2A_JSON)], Json(self.rest())).into_response();
        if let Some(seconds) = self.problem.as_ref().and_then(|problem| problem.retry_after) {
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        response.extensions_mut().extend(told(self.refusal));
        response
    }
}
