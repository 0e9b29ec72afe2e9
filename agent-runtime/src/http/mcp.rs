//! The agents' MCP endpoints: where they are, and who may send them what.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::post;
use axum::{Extension, Router};
use rmcp::model::{ClientJsonRpcMessage, ClientRequest, JsonRpcMessage};
use skreaver_protocol::auth::Permission;
use skreaver_protocol::problem::Code;

use super::asking::Asker;
use super::extract::AgentOfPath;
use super::{App, ProblemResponse};
use crate::mcp::Hosts;
use crate::runtime::Runtime;

/// POST only: the endpoints are stateless, so there is no stream to GET and no session to DELETE.
pub(crate) fn routes(runtime: &Arc<Runtime>, extra_hosts: &[String]) -> Router<App> {
    Router::new()
        .route("/agents/{id}/mcp", post(of_agent))
        .route("/mcp", post(of_the_only_agent))
        .layer(Extension(Arc::new(Hosts::of(runtime, extra_hosts))))
}

async fn of_agent(
    State(app): State<App>,
    Extension(hosts): Extension<Arc<Hosts>>,
    AgentOfPath(agent): AgentOfPath,
    asker: Asker,
    request: Request,
) -> Result<Response, ProblemResponse> {
    let name = &agent.config().name;
    let may = |message: &_| needed(message).map_or(Ok(()), |permission| asker.may(name, permission));
    hosts.endpoint(&app.runtime, &agent).handle_where(request, may).await
}

/// `/mcp` means the agent of the pod. Where several agents share a process there is no such agent.
async fn of_the_only_agent(
    State(app): State<App>,
    hosts: Extension<Arc<Hosts>>,
    asker: Asker,
    request: Request,
) -> Result<Response, ProblemResponse> {
    let agents = app.runtime.agents();
    match agents.as_slice() {
        [agent] => of_agent(State(app.clone()), hosts, AgentOfPath(agent.clone()), asker, request).await,
        _ => {
            let paths: Vec<_> = agents.iter().map(|agent| format!("/agents/{}/mcp", agent.config().name)).collect();
            let detail = format!("{} agents are served here; choose one: {}", agents.len(), paths.join(", "));
            Err(ProblemResponse::new(Code::NotFound, detail))
        }
    }
}

/// What a message needs, besides being let in at all.
fn needed(message: &ClientJsonRpcMessage) -> Option<Permission> {
    let JsonRpcMessage::Request(request) = message else { return None };
    match &request.request {
        ClientRequest::CallToolRequest(_) => Some(Permission::Observe),
        // To begin, and to ask whether somebody is there.
        ClientRequest::InitializeRequest(_) | ClientRequest::PingRequest(_) | ClientRequest::DiscoverRequest(_) => None,
        // To know what there is.
        _ => Some(Permission::Read),
    }
}
