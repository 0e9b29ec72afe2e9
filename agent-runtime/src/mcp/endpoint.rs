//! MCP over streamable HTTP: which hosts it answers to, and what is answered where the SDK has no answer of the protocol.

use std::sync::{Arc, OnceLock};

use axum::Json;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use rmcp::handler::server::ServerHandler;
use rmcp::model::ClientJsonRpcMessage;
use rmcp::transport::streamable_http_server::session::SessionManager;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use skreaver_protocol::problem::Code;
use skreaver_protocol::rest::BODY_LIMIT;

use super::{AgentServer, message};
use crate::agent::{Failure, ServedAgent};
use crate::http::{ProblemResponse, json_bytes};
use crate::runtime::Runtime;

/// One MCP server over HTTP.
pub struct Endpoint<H, S: SessionManager = NeverSessionManager>(StreamableHttpService<H, S>);

impl<H, S: SessionManager> Clone for Endpoint<H, S> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<H: ServerHandler + Clone> Endpoint<H> {
    /// Without sessions: any replica answers any request.
    pub fn stateless(server: H, hosts: &[String]) -> Self {
        Self(StreamableHttpService::new(move || Ok(server.clone()), Arc::default(), stateless(hosts)))
    }
}

impl<H: ServerHandler + Clone> Endpoint<H, LocalSessionManager> {
    /// With sessions in this process for clients of the revisions that had them, so that the server can ask them. Agents are
    /// served without.
    pub fn with_sessions(server: H, hosts: &[String]) -> Self {
        Self(StreamableHttpService::new(move || Ok(server.clone()), Arc::default(), config(hosts)))
    }
}

impl<H: ServerHandler, S: SessionManager> Endpoint<H, S> {
    /// Answers a request of anybody, who may do anything.
    pub async fn handle(&self, request: Request) -> Response {
        self.handle_where(request, |_| Ok(())).await.into_response()
    }

    /// Answers a request, if `may` has nothing against its message.
    pub(crate) async fn handle_where(
        &self,
        request: Request,
        may: impl FnOnce(&ClientJsonRpcMessage) -> Result<(), ProblemResponse>,
    ) -> Result<Response, ProblemResponse> {
        if request.method() != Method::POST {
            return Ok(self.0.handle(request).await.map(Body::new));
        }
        let (parts, body) = request.into_parts();
        let bytes = json_bytes(&parts.headers, body).await?;
        // rmcp reads it again, but tells whoever sent no message that its content type is wrong.
        match message::read(&bytes) {
            Ok(Some(message)) => may(&message)?,
            Ok(None) => return Ok(StatusCode::ACCEPTED.into_response()),
            Err(answer) => return Ok((StatusCode::BAD_REQUEST, Json(answer)).into_response()),
        }
        let mut request = Request::from_parts(parts, Body::from(bytes));
        let refused = Refused::default();
        request.extensions_mut().insert(refused.clone());
        let response = self.0.handle(request).await.map(Body::new);
        if let Some(failure) = refused.0.get() {
            return Err(ProblemResponse::of(failure.clone()));
        }
        refusal(response.status()).map_or(Ok(response), Err)
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

/// Takes the refusal of a full queue past rmcp, which would answer it with 200. It travels with the request; nothing was told
/// of the call before, so that the answer is JSON, not a stream, and this stands here before rmcp returns.
#[derive(Clone, Default)]
pub(super) struct Refused(Arc<OnceLock<Failure>>);

impl Refused {
    pub(super) fn put(&self, failure: Failure) {
        self.0.get_or_init(|| failure);
    }
}

/// Which hosts the endpoints of a runtime's agents answer to: to the names of the Service, to loopback and to `extra_hosts`, and to
/// no other `Host`, so that no web page can reach them by DNS rebinding.
#[derive(Clone)]
pub(crate) struct Hosts(StreamableHttpServerConfig);

impl Hosts {
    pub(crate) fn of(runtime: &Runtime, extra_hosts: &[String]) -> Self {
        let service_names = runtime.cluster().map(|cluster| cluster.hosts.clone()).unwrap_or_default();
        let loopback = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
        let hosts: Vec<String> = loopback.into_iter().chain(service_names).chain(extra_hosts.iter().cloned()).collect();
        Self(stateless(&hosts))
    }

    /// The endpoint of an agent. It holds nothing that lasts, and is made for each request: agents come and go.
    pub(crate) fn endpoint(&self, runtime: &Arc<Runtime>, agent: &Arc<ServedAgent>) -> Endpoint<AgentServer> {
        let server = AgentServer::of_agent(Arc::clone(runtime), Arc::clone(agent));
        Endpoint(StreamableHttpService::new(move || Ok(server.clone()), Arc::default(), self.0.clone()))
    }
}

fn stateless(hosts: &[String]) -> StreamableHttpServerConfig {
    config(hosts).with_legacy_session_mode(false).with_json_response(true)
}

fn config(hosts: &[String]) -> StreamableHttpServerConfig {
    let origins = hosts.iter().flat_map(|host| {
        let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
        [format!("http://{host}:*"), format!("https://{host}:*")]
    });
    StreamableHttpServerConfig::default()
        .with_max_request_body_bytes(BODY_LIMIT)
        .with_allowed_hosts(hosts.iter().cloned())
        .with_allowed_origins(origins)
}
