//! Agents as MCP servers: their tools, themselves as a tool, what they keep as resources; over HTTP and over stdio. Every call
//! goes through the same door as everything else.

mod agents;
mod approval;
mod ask;
mod endpoint;
mod lines;
mod message;
mod prompts;
mod resources;
mod server;
mod stdio;
mod tools;

use std::sync::Arc;

use skreaver_protocol::AgentName;
use skreaver_protocol::config::{AgentConfig, RuntimeConfig, ToolConfig};

use crate::runtime::Runtime;
use crate::tools::InMemoryToolRegistry;

pub use endpoint::Endpoint;
pub(crate) use endpoint::Hosts;
use server::AgentServer;
pub use stdio::StdioError;

/// The name under which bare tools are served.
const SERVER: &str = "skreaver";

/// An MCP server for one client: of tools, or of an agent.
///
/// ```no_run
/// use skreaver::mcp::McpServer;
/// use skreaver::tools::{FunctionTool, InMemoryToolRegistry, Text};
///
/// # async fn serve() -> Result<(), Box<dyn std::error::Error>> {
/// let shout = FunctionTool { description: "Shouts.", from_text: Text::arguments, run: |Text { text }| (text + "!").into() };
/// let mut tools = InMemoryToolRegistry::new();
/// tools.register("shout", shout)?;
/// McpServer::new(&tools).serve_stdio().await?;
/// # Ok(())
/// # }
/// ```
pub struct McpServer(AgentServer);

impl McpServer {
    /// A server of these tools and nothing else.
    ///
    /// # Panics
    /// Never: tools alone make a runtime.
    pub fn new(tools: &InMemoryToolRegistry) -> Self {
        let name = AgentName::parse(SERVER).expect("it is a DNS label");
        let listed = tools.iter().map(|(name, _)| ToolConfig::builtin(name.clone())).collect();
        let config = RuntimeConfig { agents: vec![AgentConfig::of_tools(name, listed)], cluster: None, auth: None };
        let runtime = Runtime::builder().config(config).tools(tools.clone()).build().expect("every tool is registered");
        Self::of_tools(&Arc::new(runtime), SERVER).expect("the agent was configured")
    }

    /// A server of the tools of an agent, but not of the agent; nothing where the runtime has none of this name.
    pub fn of_tools(runtime: &Arc<Runtime>, agent: &str) -> Option<Self> {
        Some(Self(AgentServer::of_tools(Arc::clone(runtime), runtime.agent(agent)?)))
    }

    /// A server of an agent: its tools, itself, and what it keeps; nothing where the runtime has none of this name.
    pub fn of_agent(runtime: &Arc<Runtime>, agent: &str) -> Option<Self> {
        Some(Self(AgentServer::of_agent(Arc::clone(runtime), runtime.agent(agent)?)))
    }
}
