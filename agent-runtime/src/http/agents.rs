//! The agents: list, status, observe, remove.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use skreaver_protocol::Caller;
use skreaver_protocol::problem::Code;
use skreaver_protocol::rest::{AgentList, AgentStatus, ObserveRequest, ObserveResponse};
use uuid::Uuid;

use super::extract::{AgentOfPath, JsonBody, id, unknown_agent};
use super::{App, ProblemResponse};
use crate::runtime::RemoveError;

pub(crate) async fn list(State(app): State<App>) -> Json<AgentList> {
    Json(AgentList { agents: app.runtime.agents().iter().map(|agent| agent.summary()).collect() })
}

pub(crate) async fn status(AgentOfPath(agent): AgentOfPath) -> Json<AgentStatus> {
    Json(agent.status())
}

pub(crate) async fn observe(
    AgentOfPath(agent): AgentOfPath,
    JsonBody(request): JsonBody<ObserveRequest>,
) -> Result<Json<ObserveResponse>, ProblemResponse> {
    let run = Uuid::now_v7();
    let outcome = agent.observe(run, Caller::Anonymous, request.input).await;
    outcome.map(Json).map_err(|error| ProblemResponse::of_run(run, &error))
}

pub(crate) async fn remove(State(app): State<App>, request: Request) -> Result<StatusCode, ProblemResponse> {
    let (mut parts, _) = request.into_parts();
    let name = id(&mut parts, &app).await;
    app.runtime.remove(&name).map(|()| StatusCode::NO_CONTENT).map_err(|error| match error {
        RemoveError::Unknown => unknown_agent(&name),
        RemoveError::ManagedByKubernetes { namespace } => {
            let detail = format!("delete the Agent instead: kubectl delete agent {name} --namespace {namespace}");
            ProblemResponse::new(Code::ManagedByKubernetes, detail)
        }
    })
}
