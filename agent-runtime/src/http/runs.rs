//! The runs and sessions that agents keep.

use axum::Json;
use axum::http::StatusCode;
use skreaver_protocol::SessionId;
use skreaver_protocol::rest::{RunList, RunStatus, SessionHistory, SessionList};
use uuid::Uuid;

use super::ProblemResponse;
use super::extract::{AgentOfPath, Page, PathPart};

pub(crate) async fn list(AgentOfPath(agent): AgentOfPath, page: Page<Uuid>) -> Result<Json<RunList>, ProblemResponse> {
    agent.list_runs(page.from, page.limit).await.map(Json).map_err(ProblemResponse::of)
}

pub(crate) async fn status(
    AgentOfPath(agent): AgentOfPath,
    PathPart(run): PathPart<Uuid>,
) -> Result<Json<RunStatus>, ProblemResponse> {
    agent.run_status(run).await.map(Json).map_err(ProblemResponse::of)
}

/// Accepted, not done: the run ends where it is worked on.
pub(crate) async fn cancel(
    AgentOfPath(agent): AgentOfPath,
    PathPart(run): PathPart<Uuid>,
) -> Result<StatusCode, ProblemResponse> {
    agent.cancel_run(run).await.map(|()| StatusCode::ACCEPTED).map_err(ProblemResponse::of)
}

pub(crate) async fn sessions(
    AgentOfPath(agent): AgentOfPath,
    page: Page<SessionId>,
) -> Result<Json<SessionList>, ProblemResponse> {
    agent.list_sessions(page.from, page.limit).await.map(Json).map_err(ProblemResponse::of)
}

pub(crate) async fn session(
    AgentOfPath(agent): AgentOfPath,
    PathPart(session): PathPart<SessionId>,
) -> Result<Json<SessionHistory>, ProblemResponse> {
    agent.session(&session).await.map(Json).map_err(ProblemResponse::of)
}

pub(crate) async fn delete_session(
    AgentOfPath(agent): AgentOfPath,
    PathPart(session): PathPart<SessionId>,
) -> Result<StatusCode, ProblemResponse> {
    agent.delete_session(&session).await.map(|()| StatusCode::NO_CONTENT).map_err(ProblemResponse::of)
}
