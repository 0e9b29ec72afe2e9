//! What rmcp's errors say, in words that may be shown: without what stood in requests and answers.

use rmcp::service::{ClientInitializeError, ServiceError};
use rmcp::transport::DynamicTransportError;
use rmcp::transport::streamable_http_client::StreamableHttpError;
use skreaver_policy::bounds::shown;

use super::problem::Problem;

/// Why there is no session, or no list of tools.
pub(super) fn of_start(error: &ClientInitializeError) -> String {
    match error {
        ClientInitializeError::TransportError { error, .. } => of_transport(error),
        ClientInitializeError::JsonRpcError(error) => format!("the server says {}: {}", error.code.0, shown(&error.message)),
        ClientInitializeError::NoCompatibleProtocolVersion { .. } => {
            "the server speaks no version of MCP that we speak".to_owned()
        }
        ClientInitializeError::LegacyFallbackFailed { fallback, .. } => of_start(fallback),
        ClientInitializeError::ConnectionClosed(_) => "the server closed the connection before it said who it is".to_owned(),
        _ => "the server answers with JSON that is not MCP".to_owned(),
    }
}

/// Why a request has no answer.
pub(super) fn of_service(error: &ServiceError) -> String {
    match error {
        ServiceError::TransportSend(error) => of_transport(error),
        ServiceError::TransportClosed => "the connection was closed".to_owned(),
        ServiceError::McpError(error) => format!("the server says {}: {}", error.code.0, shown(&error.message)),
        ServiceError::Timeout { timeout } => format!("the server gave no answer in {} ms", timeout.as_millis()),
        ServiceError::Cancelled { .. } => "the request was given up".to_owned(),
        _ => "the server answers with something else than what was asked for".to_owned(),
    }
}

/// Our own reason for a request that failed.
pub(super) fn problem(error: &ServiceError) -> Option<&Problem> {
    let ServiceError::TransportSend(error) = error else { return None };
    match error.error.downcast_ref::<StreamableHttpError<Problem>>()? {
        StreamableHttpError::Client(problem) => Some(problem),
        _ => None,
    }
}

fn of_transport(error: &DynamicTransportError) -> String {
    match error.error.downcast_ref::<StreamableHttpError<Problem>>() {
        Some(StreamableHttpError::Client(problem)) => problem.to_string(),
        Some(StreamableHttpError::SessionExpired) => "the server has forgotten the session".to_owned(),
        Some(StreamableHttpError::SessionRecoveryTimeout) => {
            "the server has forgotten the session and takes no new one".to_owned()
        }
        Some(StreamableHttpError::UnexpectedEndOfStream) => "the answer broke off".to_owned(),
        Some(_) => "the connection broke".to_owned(),
        // Of a child process: an error of the machine.
        None => shown(&error.error.to_string()),
    }
}
