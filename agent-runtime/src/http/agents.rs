//! The agents: list, status, observe, remove, and their MCP endpoints.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
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

pub(crate) async fn mcp(
    State(app): State<App>,
    AgentOfPath(agent): AgentOfPath,
    request: Request,
) -> Result<Response, ProblemResponse> {
    let name = &agent.config().name;
    let service = app.mcp.get(name).ok_or_else(|| unknown_agent(name.as_str()))?;
    Ok(service.handle(request).await)
}

/// `/mcp` means the agent of the pod. Where several agents share a process there is no such agent.
pub(crate) async fn mcp_of_the_only_agent(State(app): State<App>, request: Request) -> Result<Response, ProblemResponse> {
    let agents = app.runtime.agents();
    match agents.as_slice() {
        [agent] => mcp(State(app.clone()), AgentOfPath(agent.clone()), request).await,
        _ => {
            let paths: Vec<_> = agents.iter().map(|agent| format!("/agents/{}/mcp", agent.config().name)).collect();
            let detail = format!("{} agents are served here; choose one: {}", agents.len(), paths.join(", "));
            Err(ProblemResponse::new(Code::NotFound, detail))
        }
    }
}
