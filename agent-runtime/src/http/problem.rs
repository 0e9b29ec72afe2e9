//! Errors as answers: RFC 9457 problem details.

use std::any::Any;

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use axum::response::IntoResponse;
use skreaver_protocol::problem::{CONTENT_TYPE, Code, Problem};
use tracing::error;
use uuid::Uuid;

use crate::agent::RunError;
use crate::panics;
use crate::tools::{CallError, ToolError};

/// After how many seconds a refused caller may try again. Runs of an agent without a model take far less.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");

/// A problem on its way to the caller.
#[derive(Debug)]
pub(crate) struct ProblemResponse(Box<Problem>);

impl ProblemResponse {
    pub(crate) fn new(code: Code, detail: impl Into<String>) -> Self {
        Self(Box::new(Problem::new(code, detail)))
    }

    /// The problem of a run that failed.
    pub(crate) fn of_run(run: Uuid, error: &RunError) -> Self {
        let mut problem = Problem::new(code(error), error.to_string());
        problem.run = Some(run.to_string());
        if let RunError::Call(CallError::Denied(denial)) = error {
            problem.policy = denial.policy().map(str::to_owned);
            problem.rule = denial.rule().map(str::to_owned);
        }
        Self(Box::new(problem))
    }
}

fn code(error: &RunError) -> Code {
    match error {
        RunError::QueueFull { .. } => Code::QueueFull,
        RunError::Timeout(_) => Code::RunTimeout,
        RunError::Call(CallError::UnknownTool { .. }) => Code::UnknownTool,
        RunError::Call(CallError::Denied(_)) => Code::ToolDenied,
        RunError::Call(CallError::Tool { error: ToolError::InvalidArguments(_), .. }) => Code::InvalidArguments,
        RunError::Call(CallError::Tool { error: ToolError::Failed(_), .. }) => Code::ToolFailed,
    }
}

impl IntoResponse for ProblemResponse {
    fn into_response(self) -> axum::response::Response {
        let status = StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self.0).expect("a problem is JSON");
        let mut response = (status, [(header::CONTENT_TYPE, CONTENT_TYPE)], body).into_response();
        if status == StatusCode::TOO_MANY_REQUESTS {
            response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER);
        }
        response
    }
}

/// A bug of ours ends one request, never the process; its text goes to the log, not to the caller.
pub(crate) fn panicked(payload: Box<dyn Any + Send>) -> Response<Body> {
    error!(panic = panics::text(&*payload), "a handler panicked");
    ProblemResponse::new(Code::Internal, "this is a bug; the log of the runtime tells more").into_response()
}
