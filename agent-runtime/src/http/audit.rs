//! The records of the audit that an agent keeps: lines of JSON, as `skreaver audit verify` takes them.

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use futures::TryStreamExt;

use super::ProblemResponse;
use super::extract::AgentOfPath;

/// The media type of lines of JSON.
pub(crate) const JSON_LINES: &str = "application/jsonl";

pub(crate) async fn read(AgentOfPath(agent): AgentOfPath) -> Result<Response, ProblemResponse> {
    let records = agent.audit().await.map_err(ProblemResponse::of)?;
    // What has begun can only be cut off: then the end of the body is missing, and clients say so.
    let records = records.map_err(|failure| std::io::Error::other(failure.detail));
    Ok(([(CONTENT_TYPE, JSON_LINES)], Body::from_stream(records)).into_response())
}
