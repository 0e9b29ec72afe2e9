//! The runs and sessions that agents keep.

use axum::Json;
use axum::http::StatusCode;
use skreaver_protocol::SessionId;
use skreaver_protocol::rest::{RunList, RunStatus, SessionHistory, SessionList};
use uuid::Uuid;

use super::ProblemResponse;
use super::asking::{Asker, RunOfPath, SessionsOf};
use super::extract::{AgentOfPath, Page, PathPart};

pub(crate) async fn list(
    AgentOfPath(agent): AgentOfPath,
    asker: Asker,
    Page { from, limit }: Page<Uuid>,
) -> Result<Json<RunList>, ProblemResponse> {
    let runs = match asker.only(&agent.config().name) {
        Some(caller) => agent.list_runs_of(caller, from, limit).await,
        None => agent.list_runs(from, limit).await,
    };
    runs.map(Json).map_err(ProblemResponse::of)
}

pub(crate) async fn status(RunOfPath { agent, run }: RunOfPath) -> Result<Json<RunStatus>, ProblemResponse> {
    agent.run_status(run).await.map(Json).map_err(ProblemResponse::of)
}

/// Accepted, not done: the run ends where it is worked on.
pub(crate) async fn cancel(RunOfPath { agent, run }: RunOfPath) -> Result<StatusCode, ProblemResponse> {
    agent.cancel_run(run).await.map(|()| StatusCode::ACCEPTED).map_err(ProblemResponse::of)
}

pub(crate) async fn sessions(
    AgentOfPath(agent): AgentOfPath,
    SessionsOf(owner): SessionsOf,
    page: Page<SessionId>,
) -> Result<Json<SessionList>, ProblemResponse> {
    agent.list_sessions(&owner, page.from, page.limit).await.map(Json).map_err(ProblemResponse::of)
}

pub(crate) async fn session(
    AgentOfPath(agent): AgentOfPath,
    SessionsOf(owner): SessionsOf,
    PathPart(session): PathPart<SessionId>,
) -> Result<Json<SessionHistory>, ProblemResponse> {
    agent.session(&owner, &session).await.map(Json).map_err(ProblemResponse::of)
}

pub(crate) async fn delete_session(
    AgentOfPath(agent): AgentOfPath,
    SessionsOf(owner): SessionsOf,
    PathPart(session): PathPart<SessionId>,
) -> Result<StatusCode, ProblemResponse> {
    agent.delete_session(&owner, &session).await.map(|()| StatusCode::NO_CONTENT).map_err(ProblemResponse::of)
}
