//! One session with a server: from the first word to its end.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use rmcp::model::{
    ClientCapabilities, ClientRequest, Implementation, InitializeRequestParams, ListToolsRequest, PaginatedRequestParams,
    ProtocolVersion, ServerResult, SubscriptionFilter, Tool as Announced,
};
use rmcp::service::{
    ClientInitializeError, ClientLifecycleMode, ClientServiceExt, NotificationContext, Peer, RunningService, ServiceError,
};
use rmcp::transport::IntoTransport;
use rmcp::transport::streamable_http_client::{StreamableHttpClientTransport, StreamableHttpClientTransportConfig};
use rmcp::{ClientHandler, RoleClient};
use skreaver_policy::bounds::Ground;
use skreaver_protocol::config::{McpConfig, McpServer};
use tokio::sync::Notify;
use tokio::time::timeout;

use super::failure;
use super::http::{Http, MOST_BYTES};
use super::listing::MOST_TOOLS;
use super::oauth::Tokens;
use crate::World;

/// How long a server may take to say who it is, and to list its tools.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long to wait before a server is asked to tell again.
const PAUSE: Duration = Duration::from_secs(1);
/// How often it is looked at whether the connection has ended.
const LOOK: Duration = Duration::from_millis(200);
/// How much longer than a call the transport waits, so that it is the call that ends first.
const SLACK: Duration = Duration::from_secs(5);
/// The most pages of a list of tools, and the most tools that are looked at.
const MOST_PAGES: usize = 64;
const MOST_LISTED: usize = 16 * MOST_TOOLS;

/// One session with a server. It ends when this is dropped, and a child process with it.
pub(super) struct Session {
    service: RunningService<RoleClient, Listener>,
    #[cfg(feature = "child-process")]
    group: Option<super::child::Group>,
}

/// Hears what the server tells unasked. Asks of its own (sampling, roots, questions to people) it has none granted.
pub(super) struct Listener {
    info: InitializeRequestParams,
    changed: Arc<Notify>,
}

impl ClientHandler for Listener {
    fn get_info(&self) -> InitializeRequestParams {
        self.info.clone()
    }

    async fn on_tool_list_changed(&self, _: NotificationContext<RoleClient>) {
        self.changed.notify_one();
    }
}

impl Session {
    /// Reaches the server. `changed` hears when its tools may be others, or when it may be gone.
    ///
    /// # Errors
    /// A sentence without secrets.
    pub(super) async fn start(config: &McpConfig, world: &World, changed: &Arc<Notify>) -> Result<Self, String> {
        let started = timeout(PATIENCE, Self::connect(config, world, changed)).await;
        started.unwrap_or_else(|_| Err(format!("the server did not say who it is in {} s", PATIENCE.as_secs())))
    }

    async fn connect(config: &McpConfig, world: &World, changed: &Arc<Notify>) -> Result<Self, String> {
        match &config.server {
            McpServer::Http { url, headers, oauth } => {
                let tokens = oauth.clone().map(|oauth| Tokens::new(oauth, url));
                let patience = config.timeout.get() + SLACK;
                let http = Http::new(world.clone(), headers.clone(), tokens, patience, Arc::clone(changed));
                let settings = StreamableHttpClientTransportConfig::with_uri(url.as_str())
                    .max_sse_event_size(MOST_BYTES)
                    .max_json_response_size(MOST_BYTES);
                let transport = StreamableHttpClientTransport::with_client(http, settings);
                let service = serve(transport, changed).await?;
                Ok(Self {
                    service,
                    #[cfg(feature = "child-process")]
                    group: None,
                })
            }
            McpServer::Command { .. } if world.ground == Ground::Cluster => {
                Err("an MCP server is a child process only on a laptop: in a cluster give it a URL".to_owned())
            }
            #[cfg(feature = "child-process")]
            McpServer::Command { command, args, env } => {
                let (group, output, input) = super::child::start(command, args, env)?;
                let transport = rmcp::transport::async_rw::AsyncRwTransport::new(output, input).with_max_line_length(MOST_BYTES);
                Ok(Self { service: serve(transport, changed).await?, group: Some(group) })
            }
            #[cfg(not(feature = "child-process"))]
            McpServer::Command { .. } => {
                Err("this program was built without the feature `child-process`, so an MCP server needs a URL".to_owned())
            }
        }
    }

    /// Through whom calls are made.
    pub(super) fn peer(&self) -> Peer<RoleClient> {
        self.service.peer().clone()
    }

    /// All tools that the server announces.
    ///
    /// # Errors
    /// A sentence without secrets.
    pub(super) async fn tools(&self) -> Result<Vec<Announced>, String> {
        let listed = timeout(PATIENCE, self.pages()).await;
        listed.unwrap_or_else(|_| Err(format!("the server did not list its tools in {} s", PATIENCE.as_secs())))
    }

    async fn pages(&self) -> Result<Vec<Announced>, String> {
        let (mut tools, mut cursor) = (Vec::new(), None);
        for _ in 0..MOST_PAGES {
            let params = PaginatedRequestParams::default().with_cursor(cursor);
            // Not by `list_tools`, which answers from what it remembers, also when the server is gone.
            let request = ListToolsRequest { method: Default::default(), params: Some(params), extensions: Default::default() };
            let answer = self.service.peer().send_request(ClientRequest::ListToolsRequest(request)).await;
            let ServerResult::ListToolsResult(page) = answer.map_err(|error| failure::of_service(&error))? else {
                return Err("the server answers with something else than its tools".to_owned());
            };
            tools.extend(page.tools);
            cursor = page.next_cursor.filter(|cursor| !cursor.is_empty());
            if cursor.is_none() || tools.len() >= MOST_LISTED {
                return Ok(tools);
            }
        }
        Ok(tools)
    }

    /// Lets `changed` hear of tools that become others, where the server has to be asked for that. Never ends: a server may end
    /// what it tells at any time, and is asked again.
    pub(super) async fn listen(&self, changed: &Notify) -> Infallible {
        let peer = self.service.peer();
        let is_asked = peer.peer_info().is_some_and(|info| {
            let tells = info.capabilities.tools.as_ref().is_some_and(|tools| tools.list_changed == Some(true));
            tells && info.protocol_version >= ProtocolVersion::NO_INITIALIZE
        });
        if !is_asked {
            return std::future::pending().await;
        }
        loop {
            match peer.listen(SubscriptionFilter::builder().tools_list_changed().build()).await {
                Ok(mut told) => {
                    while let Ok(Some(_)) = told.next().await {
                        changed.notify_one();
                    }
                }
                // It promised to tell and does not: its tools are listed from time to time, as all are.
                Err(ServiceError::McpError(_)) => return std::future::pending().await,
                Err(_) => {}
            }
            tokio::time::sleep(PAUSE).await;
            // Meanwhile nobody told, and the server may be gone.
            changed.notify_one();
        }
    }

    /// Ends when the connection does.
    pub(super) async fn ended(&self) {
        while !self.is_over() {
            tokio::time::sleep(LOOK).await;
        }
    }

    fn is_over(&self) -> bool {
        #[cfg(feature = "child-process")]
        if self.group.as_ref().is_some_and(super::child::Group::is_over) {
            return true;
        }
        self.service.is_closed() || self.service.peer().is_transport_closed()
    }
}

async fn serve<T, E, A>(transport: T, changed: &Arc<Notify>) -> Result<RunningService<RoleClient, Listener>, String>
where
    T: IntoTransport<RoleClient, E, A>,
    E: std::error::Error + Send + Sync + 'static,
{
    let us = Implementation::new("skreaver", env!("CARGO_PKG_VERSION"));
    let listener =
        Listener { info: InitializeRequestParams::new(ClientCapabilities::default(), us), changed: Arc::clone(changed) };
    let lifecycle = ClientLifecycleMode::Auto { preferred_versions: vec![ProtocolVersion::LATEST], legacy_version: Some(LEGACY) };
    let served = listener.serve_with_lifecycle(transport, lifecycle).await;
    served.map_err(|error: ClientInitializeError| failure::of_start(&error))
}

/// What older servers are asked for; each answers with what it has.
const LEGACY: ProtocolVersion = ProtocolVersion::V_2025_11_25;
