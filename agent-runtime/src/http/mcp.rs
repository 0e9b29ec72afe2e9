//! The agents' MCP endpoints, with problems for what is wrong before there is a message; rmcp answers messages.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::post;
use axum::{Extension, Router};
use rmcp::model::{ClientJsonRpcMessage, ClientRequest, JsonRpcMessage};
use skreaver_protocol::AgentName;
use skreaver_protocol::auth::Permission;
use skreaver_protocol::problem::Code;

use super::asking::Asker;
use super::extract::{AgentOfPath, json_bytes, parse, unknown_agent};
use super::{App, ProblemResponse};
use crate::mcp::{AgentServer, Endpoint, services};
use crate::runtime::Runtime;

type Services = Extension<Arc<BTreeMap<AgentName, Endpoint<AgentServer>>>>;

/// POST only: the endpoints are stateless, so there is no stream to GET and no session to DELETE.
pub(crate) fn routes(runtime: &Arc<Runtime>, extra_hosts: &[String]) -> Router<App> {
    Router::new()
        .route("/agents/{id}/mcp", post(of_agent))
        .route("/mcp", post(of_the_only_agent))
        .layer(Extension(Arc::new(services(runtime, extra_hosts))))
}

async fn of_agent(
    Extension(services): Services,
    AgentOfPath(agent): AgentOfPath,
    asker: Asker,
    request: Request,
) -> Result<Response, ProblemResponse> {
    let name = &agent.config().name;
    let service = services.get(name).ok_or_else(|| unknown_agent(name.as_str()))?;
    let (parts, body) = request.into_parts();
    let bytes = json_bytes(&parts.headers, body).await?;
    // rmcp parses again, but tells the caller of bad JSON that its content type is wrong.
    let message = parse::<ClientJsonRpcMessage>(&bytes)?;
    if let Some(permission) = needed(&message) {
        asker.may(name, permission)?;
    }
    let answer = service.handle(Request::from_parts(parts, Body::from(bytes))).await;
    let response = answer.map_err(ProblemResponse::of)?;
    match refusal(response.status()) {
        Some(problem) => Err(problem),
        None => Ok(response),
    }
}

/// `/mcp` means the agent of the pod. Where several agents share a process there is no such agent.
async fn of_the_only_agent(
    State(app): State<App>,
    services: Services,
    asker: Asker,
    request: Request,
) -> Result<Response, ProblemResponse> {
    let agents = app.runtime.agents();
    match agents.as_slice() {
        [agent] => of_agent(services, AgentOfPath(agent.clone()), asker, request).await,
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

/// What rmcp refuses in plain text before it looks at the message. Absent are its 400 and 406 for headers that only a client
/// which breaks the MCP transport sends; its answers to a message are JSON-RPC, with other statuses.
fn refusal(status: StatusCode) -> Option<ProblemResponse> {
    let (code, detail) = match status {
        StatusCode::FORBIDDEN => (
            Code::ForbiddenHost,
            "use a name of the agent's Service, or localhost, in the headers `Host` and, where it is sent, `Origin`",
        ),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => {
            (Code::UnsupportedMediaType, "MCP takes `Content-Type: application/json` and no other JSON media type")
        }
        _ => return None,
    };
    Some(ProblemResponse::new(code, detail))
}
