//! An MCP server of the official SDK on loopback, and an agent's side of the world.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use rmcp::handler::server::ServerHandler;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, DiscoverResult, ErrorCode, ErrorData, ListToolsResult,
    PaginatedRequestParams, ServerCapabilities, ServerConfig, SubscriptionFilter, Tool as Announced, ToolAnnotations,
};
use rmcp::service::{Peer, RequestContext, RoleServer, SubscriptionContext};
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use serde_json::{Value, json};
use skreaver_effects::{Bounds, Guard, http};
use skreaver_policy::bounds::{Ground, Own};
use skreaver_policy::{Call, Ledger, Permit, Policy};
use skreaver_protocol::config::{McpConfig, SecretSource};
use skreaver_protocol::policy::PolicyBundle;
use skreaver_protocol::{AgentName, Caller, ToolName};
use skreaver_remote::World;
use skreaver_remote::mcp::McpSource;
use skreaver_remote::{Offer, Source, SourceState};
use skreaver_tools::ToolError;
use tokio::net::{TcpListener, TcpSocket};
use tokio::runtime::Runtime;
use tokio::sync::watch;

/// Which revision of MCP a server speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Era {
    Sessions,
    Stateless,
}

/// What a server has, and what it saw.
#[derive(Clone, Default)]
pub(crate) struct Ledgers {
    pub(crate) tools: Arc<Mutex<Vec<Announced>>>,
    pub(crate) calls: Arc<AtomicUsize>,
    pub(crate) ended: Arc<AtomicUsize>,
    peers: Arc<Mutex<Vec<Peer<RoleServer>>>>,
    told: Arc<watch::Sender<u32>>,
    is_silent: bool,
}

#[derive(Clone)]
struct Server {
    has: Ledgers,
    era: Era,
}

pub(crate) fn announced(name: &str, description: &str) -> Announced {
    let schema = json!({"type": "object", "properties": {"q": {"type": "string"}}});
    let Value::Object(schema) = schema else { unreachable!() };
    Announced::new(name.to_owned(), description.to_owned(), Arc::new(schema))
}

impl Ledgers {
    pub(crate) fn new() -> Self {
        let has = Self::default();
        let safe = announced("find_one", "Finds one.").with_annotations(ToolAnnotations::new().read_only(true));
        has.set(vec![safe, announced("pay", "Pays."), announced("hang", "Hangs.")]);
        has
    }

    /// Of a server that does not tell when its tools are others.
    pub(crate) fn silent() -> Self {
        Self { is_silent: true, ..Self::new() }
    }

    pub(crate) fn set(&self, tools: Vec<Announced>) {
        *self.tools.lock().unwrap() = tools;
    }

    /// Tells all who are connected that the tools are others.
    pub(crate) async fn tell(&self) {
        self.told.send_modify(|told| *told += 1);
        let peers = self.peers.lock().unwrap().clone();
        for peer in peers {
            let _ = peer.notify_tool_list_changed().await;
        }
    }
}

/// Counts calls that end, also those that are given up.
struct Ends(Arc<AtomicUsize>);
impl Drop for Ends {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        let has_tools = ServerCapabilities::builder().enable_tools();
        ServerConfig::new(if self.has.is_silent { has_tools.build() } else { has_tools.enable_tool_list_changed().build() })
    }

    async fn discover(&self, context: RequestContext<RoleServer>) -> Result<DiscoverResult, ErrorData> {
        match self.era {
            Era::Sessions => Err(ErrorData::new(ErrorCode::METHOD_NOT_FOUND, "no such method", None)),
            Era::Stateless => {
                let _ = context;
                let versions = self.supported_protocol_versions().into_owned();
                Ok(DiscoverResult::new(versions, self.get_info().capabilities))
            }
        }
    }

    fn accepted_subscription_filter(&self, requested: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        Some(requested.supported_by(&self.get_info().capabilities))
    }

    /// Tells once, and ends: whoever listens has to ask again.
    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        let mut told = self.has.told.subscribe();
        let _ = told.changed().await;
        let _ = context.sink().notify_tool_list_changed().await;
        Ok(())
    }

    async fn list_tools(
        &self,
        page: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        self.has.peers.lock().unwrap().push(context.peer);
        // Two pages, so that whoever reads only the first is found out.
        let tools = self.has.tools.lock().unwrap().clone();
        let half = tools.len() / 2;
        if page.and_then(|page| page.cursor).is_some() {
            return Ok(ListToolsResult::with_all_items(tools[half..].to_vec()));
        }
        let mut first = ListToolsResult::with_all_items(tools[..half].to_vec());
        first.next_cursor = Some("rest".into());
        Ok(first)
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        self.has.calls.fetch_add(1, Ordering::SeqCst);
        let _ends = Ends(Arc::clone(&self.has.ended));
        if !self.has.tools.lock().unwrap().iter().any(|tool| tool.name == request.name) {
            return Err(ErrorData::new(ErrorCode::INVALID_PARAMS, "no such tool", None));
        }
        let text = match &*request.name {
            "hang" => {
                tokio::select! {
                    () = context.ct.cancelled() => {}
                    () = tokio::time::sleep(Duration::from_secs(60)) => {}
                }
                "hung".to_owned()
            }
            "pay" => return Ok(CallToolResult::error(vec![ContentBlock::text("no such account")]).into()),
            "large" => "x".repeat(5 << 20),
            name => format!("{name} {}", Value::Object(request.arguments.unwrap_or_default())),
        };
        Ok(CallToolResult::success(vec![ContentBlock::text(text)]).into())
    }
}

/// A server that runs until this is dropped, and dies with all its connections: it has a runtime of its own.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    runtime: Option<Runtime>,
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

pub(crate) fn service(
    has: &Ledgers,
    era: Era,
    sessions: Arc<LocalSessionManager>,
) -> StreamableHttpService<impl ServerHandler, LocalSessionManager> {
    let server = Server { has: has.clone(), era };
    let config = StreamableHttpServerConfig::default().with_legacy_session_mode(era == Era::Sessions);
    StreamableHttpService::new(move || Ok(server.clone()), sessions, config)
}

pub(crate) async fn serve(has: &Ledgers, era: Era, at: Option<SocketAddr>) -> Running {
    let service = service(has, era, Arc::default());
    serve_router(Router::new().nest_service("/mcp", service), at).await
}

pub(crate) async fn serve_router(router: Router, at: Option<SocketAddr>) -> Running {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let listening = runtime.spawn(async move {
        let bind = || {
            let socket = TcpSocket::new_v4().unwrap();
            socket.set_reuseaddr(true).unwrap();
            socket.bind(at.unwrap_or_else(|| "127.0.0.1:0".parse().unwrap())).map(|()| socket)
        };
        // The port of a server that was just stopped may not be free at once.
        let socket = loop {
            match bind() {
                Ok(socket) => break socket,
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        };
        let listener: TcpListener = socket.listen(64).unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        address
    });
    let address = listening.await.unwrap();
    Running { address, runtime: Some(runtime) }
}

pub(crate) fn world() -> World {
    world_with(Bounds::new(Own { ground: Ground::Laptop, ..Own::default() }, []))
}

pub(crate) fn world_with(bounds: Bounds) -> World {
    let bounds = Arc::new(bounds);
    World {
        guard: Guard::new(http::Client::new().unwrap()),
        bounds: Arc::new(move || Arc::clone(&bounds)),
        secrets: Arc::new(|source: &SecretSource| match source {
            SecretSource::File(path) => {
                let read = std::fs::read_to_string(path).map_err(|error| format!("failed to read `{source}`: {error}"))?;
                Ok(read.trim().into())
            }
            SecretSource::Env(_) => Ok("hush-env".into()),
        }),
        ground: Ground::Laptop,
    }
}

pub(crate) fn config(address: SocketAddr) -> McpConfig {
    McpConfig { timeout: "2s".parse().unwrap(), ..skreaver_remote::mcp::config(format!("http://{address}/mcp")) }
}

pub(crate) fn start(config: McpConfig) -> McpSource {
    McpSource::start(ToolName::parse("ledger").unwrap(), config, world())
}

/// The offer, once it is as it should be.
pub(crate) async fn until(source: &McpSource, is: impl Fn(&Offer) -> bool) -> Offer {
    let mut offers = source.offers();
    match tokio::time::timeout(Duration::from_secs(20), offers.wait_for(|offer| is(offer))).await {
        Ok(offer) => offer.unwrap().clone(),
        Err(_) => {
            let offer = source.offers().borrow().clone();
            panic!("never so: {:?} {:?} {:?}", offer.state, offer.found, offer.drift)
        }
    }
}

pub(crate) async fn ready(source: &McpSource) -> Offer {
    until(source, |offer| offer.state == SourceState::Ready).await
}

pub(crate) async fn lost(source: &McpSource) -> String {
    let offer = until(source, |offer| matches!(offer.state, SourceState::Lost { .. })).await;
    let SourceState::Lost { why } = offer.state else { unreachable!() };
    why
}

pub(crate) fn names(offer: &Offer) -> Vec<&str> {
    offer.tools.keys().map(ToolName::as_str).collect()
}

pub(crate) fn permit(tool: &str) -> Permit {
    let bundle: PolicyBundle = serde_json::from_value(json!({"version": 1})).unwrap();
    let (agent, tool) = (AgentName::parse("amber").unwrap(), ToolName::parse(tool).unwrap());
    let (caller, arguments) = (Caller::Anonymous, json!({}));
    let call = Call {
        agent: &agent,
        tool: &tool,
        arguments: &arguments,
        caller: &caller,
        session: None,
        read: None,
        id: "call-1",
        approved: None,
    };
    Policy::compile(&bundle).unwrap().authorize(&call).settle(&Ledger::default(), Duration::ZERO).verdict.unwrap()
}

pub(crate) async fn call(offer: &Offer, tool: &str, arguments: Value) -> Result<Value, ToolError> {
    offer.tools[&ToolName::parse(tool).unwrap()].run(permit(tool), arguments).await
}
