//! The tools of one MCP server, for programs that have no agent: behind the same door as those of agents.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use skreaver_effects::{Guard, http};
use skreaver_policy::bounds::Ground;
use skreaver_protocol::{Caller, ToolName};
use skreaver_remote::mcp::{McpSource, config};
use skreaver_remote::{Source, SourceState, World};
use uuid::Uuid;

use super::{ExecutionResult, Input, ToolCall, Toolbox};
use crate::secrets;
use crate::security::{SecurityConfig, SecurityManager};

/// The source by which the tools of a bridge are named.
const SOURCE: &str = "mcp";
/// How long a server may take to answer for the first time.
const PATIENCE: Duration = Duration::from_secs(30);

/// The tools of an MCP server over streamable HTTP. They are found when it is reached, kept up to date, and called through the
/// one door.
///
/// ```no_run
/// # async fn connect() -> Result<(), Box<dyn std::error::Error>> {
/// let bridge = skreaver::McpBridge::connect("http://127.0.0.1:8000/mcp").await?;
/// let rows = bridge.call_tool("find_rows", serde_json::json!({"name": "amber"})).await?;
/// println!("{:?} {}", bridge.tools(), rows.output);
/// # Ok(()) }
/// ```
pub struct McpBridge {
    toolbox: Arc<Toolbox>,
    source: McpSource,
}

/// Why a server cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BridgeError {
    /// It was not reached, or does not speak MCP.
    #[error("failed to reach the MCP server at {url}: {why}")]
    Unreachable {
        /// Its address.
        url: String,
        /// Why not.
        why: String,
    },
    /// The client cannot be made.
    #[error("failed to make a client: {0}")]
    Client(String),
}

impl McpBridge {
    /// Reaches a server. Its calls are bounded by the safe defaults alone.
    ///
    /// # Errors
    /// [`BridgeError`], within half a minute.
    pub async fn connect(url: &str) -> Result<Self, BridgeError> {
        let manager = SecurityManager::new(SecurityConfig::default()).map_err(|error| BridgeError::Client(error.to_string()))?;
        Self::connect_under(&manager, url).await
    }

    /// Reaches a server. Its calls are decided as the manager decides; rules know its tools as `mcp/NAME`.
    ///
    /// # Errors
    /// [`BridgeError`], within half a minute.
    pub async fn connect_under(manager: &SecurityManager, url: &str) -> Result<Self, BridgeError> {
        let client = http::Client::new().map_err(|error| BridgeError::Client(error.to_string()))?;
        let toolbox = Arc::new(manager.toolbox(BTreeMap::new()));
        let door = Arc::clone(&toolbox);
        let bounds = Arc::new(move || door.bounds());
        let world = World { guard: Guard::new(client), secrets: Arc::new(secrets::read), bounds, ground: Ground::Laptop };
        let source = McpSource::start(ToolName::parse(SOURCE).expect("it is a name"), config(url), world);
        source.set_pins(None);
        let bridge = Self { toolbox, source };
        let unreachable = |why: String| BridgeError::Unreachable { url: url.to_owned(), why };
        match tokio::time::timeout(PATIENCE, bridge.reached()).await {
            Ok(Ok(())) => Ok(bridge),
            Ok(Err(why)) => Err(unreachable(why)),
            Err(_) => Err(unreachable(format!("it did not answer within {}s", PATIENCE.as_secs()))),
        }
    }

    async fn reached(&self) -> Result<(), String> {
        let mut offers = self.source.offers();
        loop {
            match &offers.borrow_and_update().state {
                SourceState::Ready => break,
                SourceState::Lost { why } => return Err(why.clone()),
                SourceState::Connecting => {}
            }
            offers.changed().await.map_err(|_| "its source has ended".to_owned())?;
        }
        self.refresh();
        Ok(())
    }

    fn refresh(&self) {
        let source = ToolName::parse(SOURCE).expect("it is a name");
        self.toolbox.set_source(&source, &self.source.offers().borrow().tools);
    }

    /// The server's names for the tools that it offers now and that may be called.
    pub fn tools(&self) -> Vec<String> {
        self.refresh();
        let own = |name: &ToolName| name.as_str().split_once('/').map(|(_, tool)| tool.to_owned());
        self.toolbox.permitted().iter().filter_map(own).collect()
    }

    /// Calls a tool by the server's name for it.
    ///
    /// # Errors
    /// [`CallError`](super::CallError).
    pub async fn call_tool(&self, tool: &str, arguments: Value) -> ExecutionResult {
        self.refresh();
        let call = ToolCall {
            tool: format!("{SOURCE}/{tool}"),
            input: Input::Arguments(arguments),
            caller: Caller::Anonymous,
            session: None,
            read: None,
            id: Uuid::now_v7().to_string(),
            approved: None,
        };
        self.toolbox.call(call).await
    }
}
