//! An agent's tools over MCP, streamable HTTP: listed and called through the same door as everything else.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use axum::body::Body;
use axum::extract::Request;
use axum::http::request::Parts;
use axum::response::Response;
use rmcp::handler::server::ServerHandler;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ErrorData, Implementation, ListToolsResult,
    PaginatedRequestParams, ServerCapabilities, ServerConfig, Tool,
};
use rmcp::service::{RequestContext, RoleServer};
use rmcp::transport::streamable_http_server::{
    StreamableHttpServerConfig, StreamableHttpService, session::never::NeverSessionManager,
};
use serde_json::Value;
use skreaver_protocol::problem::Code;
use skreaver_protocol::rest::BODY_LIMIT;
use skreaver_protocol::{AgentName, ToolName};
use uuid::Uuid;

use crate::agent::{Failure, ServedAgent};
use crate::coordinator::as_text;
use crate::http::Asker;
use crate::runtime::Runtime;
use crate::tools::{Input, ToolCall, wire_name};

/// The MCP endpoint of one agent. Stateless: any replica answers any request.
#[derive(Clone)]
pub(crate) struct McpService(StreamableHttpService<AgentServer, NeverSessionManager>);

impl McpService {
    /// Answers a POST.
    ///
    /// # Errors
    /// The [`Failure`] of a full queue only; whatever else goes wrong is in the response.
    pub(crate) async fn handle(&self, mut request: Request) -> Result<Response, Failure> {
        let refused = Refused::default();
        request.extensions_mut().insert(refused.clone());
        let response = self.0.handle(request).await.map(Body::new);
        refused.0.get().cloned().map_or(Ok(response), Err)
    }
}

/// Takes the refusal of a full queue past rmcp, which would answer it with 200. It travels with the request; the answer is
/// JSON, not a stream, so that it stands here before rmcp returns.
#[derive(Clone, Default)]
struct Refused(Arc<OnceLock<Failure>>);

/// The endpoints of all agents. They answer to the names of the Service, to loopback and to `extra_hosts`, and to no other
/// `Host`, so that no web page can reach them by DNS rebinding.
pub(crate) fn services(runtime: &Arc<Runtime>, extra_hosts: &[String]) -> BTreeMap<AgentName, McpService> {
    let service_names = runtime.cluster().map(|cluster| cluster.hosts.clone()).unwrap_or_default();
    let loopback = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
    let hosts: Vec<String> = loopback.into_iter().chain(service_names).chain(extra_hosts.iter().cloned()).collect();
    let service = |agent: Arc<ServedAgent>| (agent.config().name.clone(), service(agent, &hosts));
    runtime.agents().into_iter().map(service).collect()
}

fn service(agent: Arc<ServedAgent>, hosts: &[String]) -> McpService {
    let origins = hosts.iter().flat_map(|host| {
        let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
        [format!("http://{host}:*"), format!("https://{host}:*")]
    });
    let config = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(false)
        .with_json_response(true)
        .with_max_request_body_bytes(BODY_LIMIT)
        .with_allowed_hosts(hosts.iter().cloned())
        .with_allowed_origins(origins);
    let server = AgentServer(agent);
    McpService(StreamableHttpService::new(move || Ok(server.clone()), Arc::default(), config))
}

/// An agent as an MCP server.
#[derive(Clone)]
struct AgentServer(Arc<ServedAgent>);

impl ServerHandler for AgentServer {
    fn get_info(&self) -> ServerConfig {
        let config = self.0.config();
        let mut this = Implementation::new(config.name.as_str(), env!("CARGO_PKG_VERSION"));
        this.description = config.description.clone();
        let mut info = ServerConfig::new(ServerCapabilities::builder().enable_tools().build());
        info.server_info = this;
        info.instructions = config.instructions.clone();
        info
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let tools = self.0.toolbox().permitted();
        Ok(ListToolsResult::with_all_items(tools.iter().filter_map(|name| self.describe(name)).collect()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let arguments = Value::Object(request.arguments.unwrap_or_default());
        let (tool, input, id) = (request.name.into_owned(), Input::Arguments(arguments), Uuid::now_v7().to_string());
        let parts = context.extensions.get::<Parts>();
        let asker = parts.and_then(|parts| parts.extensions.get::<Asker>());
        let caller = asker.ok_or_else(|| ErrorData::internal_error("nobody has asked who calls", None))?.caller();
        // It belongs to no run: what the client has read elsewhere is not known.
        let call = ToolCall { tool, input, caller, session: None, read: None, id, approved: None };
        match self.0.call(call).await {
            Ok(result) => Ok(answer(result.output).into()),
            Err(error) if error.code == Code::UnknownTool => Err(ErrorData::invalid_params(error.detail, None)),
            Err(error) if error.code == Code::QueueFull => {
                let text = error.to_string();
                if let Some(refused) = parts.and_then(|parts| parts.extensions.get::<Refused>()) {
                    refused.0.get_or_init(|| error);
                }
                Err(ErrorData::internal_error(text, None))
            }
            // The client's model can do something about these, so it is told.
            Err(error) => Ok(CallToolResult::error(vec![ContentBlock::text(error.to_string())]).into()),
        }
    }
}

impl AgentServer {
    fn describe(&self, name: &ToolName) -> Option<Tool> {
        let (description, schema) = self.0.toolbox().describe(name)?;
        let Value::Object(schema) = schema else { return None };
        let tool = Tool::new(wire_name(name.as_str()).into_owned(), description, Arc::new(schema));
        // MCP knows results that are objects; of others it is not told what they look like.
        match self.0.toolbox().output_schema(name) {
            Some(Value::Object(output)) if output.get("type").is_some_and(|it| it == "object") => {
                Some(tool.with_raw_output_schema(Arc::new(output)))
            }
            _ => Some(tool),
        }
    }
}

/// A tool's answer: always as text, and as structured content where it is an object.
fn answer(output: Value) -> CallToolResult {
    let structured = output.is_object().then(|| output.clone());
    let mut result = CallToolResult::success(vec![ContentBlock::text(as_text(output))]);
    result.structured_content = structured;
    result
}
