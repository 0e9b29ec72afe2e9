//! An agent as an MCP server: what it can do, and who answers which request.

use std::sync::Arc;

use axum::http::request::Parts;
use rmcp::handler::server::ServerHandler;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CompleteRequestMethod, CompleteRequestParams, CompleteResult, ErrorData,
    GetPromptRequestParams, GetPromptResponse, Implementation, ListPromptsRequestMethod, ListPromptsResult,
    ListResourceTemplatesRequestMethod, ListResourceTemplatesResult, ListResourcesRequestMethod, ListResourcesResult,
    ListToolsResult, PaginatedRequestParams, ReadResourceRequestMethod, ReadResourceRequestParams, ReadResourceResponse,
    ServerCapabilities, ServerConfig,
};
use rmcp::service::{RequestContext, RoleServer};
use skreaver_protocol::AgentName;
use skreaver_protocol::auth::Permission;

use super::{ask, prompts, resources, tools};
use crate::agent::ServedAgent;
use crate::http::Asker;
use crate::runtime::Runtime;

/// An agent as an MCP server, for any number of clients.
#[derive(Clone)]
pub(crate) struct AgentServer {
    pub(super) runtime: Arc<Runtime>,
    pub(super) agent: Arc<ServedAgent>,
    offers: Offers,
}

/// What stands before the name of an agent where a tool has it.
const ASK: &str = "ask-";

/// What is offered besides tools.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Offers {
    ToolsAlone,
    TheAgent,
}

impl AgentServer {
    pub(crate) fn of_agent(runtime: Arc<Runtime>, agent: Arc<ServedAgent>) -> Self {
        Self { runtime, agent, offers: Offers::TheAgent }
    }

    pub(crate) fn of_tools(runtime: Arc<Runtime>, agent: Arc<ServedAgent>) -> Self {
        Self { runtime, agent, offers: Offers::ToolsAlone }
    }

    /// Whether a person sits at this machine, who decides for it. In a cluster people decide by ToolApproval.
    pub(super) fn is_local(&self) -> bool {
        self.runtime.cluster().is_none()
    }

    /// The agents that are tools of this server, by the name of the tool: this one, and the others of a process on a laptop.
    /// In a cluster every agent has a Service of its own.
    pub(super) fn agents(&self) -> Vec<(String, Arc<ServedAgent>)> {
        if self.offers == Offers::ToolsAlone {
            return Vec::new();
        }
        let this = &self.agent.config().name;
        let is_other = |agent: &Arc<ServedAgent>| self.is_local() && agent.config().name != *this;
        let others = self.runtime.agents().into_iter().filter(is_other);
        let agents = std::iter::once(Arc::clone(&self.agent)).chain(others);
        agents.map(|agent| (self.name_of(&agent.config().name), agent)).collect()
    }

    /// Those of them that somebody may ask.
    fn agents_for(&self, asker: &Asker) -> Vec<(String, Arc<ServedAgent>)> {
        let mut agents = self.agents();
        agents.retain(|(_, agent)| asker.may(&agent.config().name, Permission::Observe).is_ok());
        agents
    }

    /// The agent that is a tool of this name. Asked on every call, so that it looks at no other agent.
    fn agent_called(&self, tool: &str) -> Option<Arc<ServedAgent>> {
        if self.offers == Offers::ToolsAlone || self.is_tool(tool) {
            return None;
        }
        let this = self.agent.config().name.as_str();
        let mut name = tool;
        loop {
            let found = if name == this { Some(Arc::clone(&self.agent)) } else { self.other(name) };
            if found.is_some() {
                return found;
            }
            name = name.strip_prefix(ASK)?;
            if !self.is_tool(name) {
                return None;
            }
        }
    }

    fn other(&self, name: &str) -> Option<Arc<ServedAgent>> {
        if self.is_local() { self.runtime.agent(name) } else { None }
    }

    fn is_tool(&self, name: &str) -> bool {
        self.agent.config().tools.iter().any(|tool| tool.name.as_str() == name)
    }

    /// What an agent is called as a tool: by its name. A tool of that name keeps it, because policies know the tool by it.
    fn name_of(&self, agent: &AgentName) -> String {
        let mut name = agent.to_string();
        while self.is_tool(&name) {
            name.insert_str(0, ASK);
        }
        name
    }
}

/// Who asks. Over stdio that is whoever has started this process, who is not asked.
pub(super) fn asker(context: &RequestContext<RoleServer>) -> Result<Asker, ErrorData> {
    let Some(parts) = context.extensions.get::<Parts>() else { return Ok(Asker::Unasked) };
    parts.extensions.get().cloned().ok_or_else(|| ErrorData::internal_error("nobody has asked who calls", None))
}

/// That they may ask this agent, which need not be the one whose server it is.
fn may_observe(asker: &Asker, agent: &ServedAgent) -> Result<(), ErrorData> {
    let may = asker.may(&agent.config().name, Permission::Observe);
    may.map_err(|refused| ErrorData::invalid_params(asker.told(refused).detail, None))
}

impl ServerHandler for AgentServer {
    fn get_info(&self) -> ServerConfig {
        let config = self.agent.config();
        let mut this = Implementation::new(config.name.as_str(), env!("CARGO_PKG_VERSION"));
        this.description = config.description.clone();
        let capabilities = match self.offers {
            Offers::ToolsAlone => ServerCapabilities::builder().enable_tools().build(),
            Offers::TheAgent => {
                ServerCapabilities::builder().enable_tools().enable_resources().enable_prompts().enable_completions().build()
            }
        };
        let mut info = ServerConfig::new(capabilities);
        info.server_info = this;
        info.instructions = config.instructions.clone();
        info
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let agents = self.agents_for(&asker(&context)?);
        let agents = agents.iter().map(|(name, agent)| ask::describe(name, agent));
        Ok(ListToolsResult::with_all_items(tools::list(&self.agent).chain(agents).collect()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        match self.agent_called(&request.name) {
            Some(agent) => {
                may_observe(&asker(&context)?, &agent)?;
                ask::ask(self, &agent, request, context).await
            }
            None => tools::call(self, request, context).await,
        }
    }

    async fn list_resources(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        match self.offers {
            Offers::ToolsAlone => Err(ErrorData::method_not_found::<ListResourcesRequestMethod>()),
            Offers::TheAgent => {
                let caller = asker(&context)?.caller();
                resources::list(&self.agent, &caller, request.and_then(|page| page.cursor)).await
            }
        }
    }

    async fn list_resource_templates(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        match self.offers {
            Offers::ToolsAlone => Err(ErrorData::method_not_found::<ListResourceTemplatesRequestMethod>()),
            Offers::TheAgent => Ok(ListResourceTemplatesResult::with_all_items(resources::templates(&self.agent))),
        }
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        match self.offers {
            Offers::ToolsAlone => Err(ErrorData::method_not_found::<ReadResourceRequestMethod>()),
            Offers::TheAgent => {
                let caller = asker(&context)?.caller();
                Ok(resources::read(&self.agent, caller, &request.uri).await?.into())
            }
        }
    }

    async fn list_prompts(
        &self,
        _: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        if self.offers == Offers::ToolsAlone {
            return Err(ErrorData::method_not_found::<ListPromptsRequestMethod>());
        }
        let agents = self.agents_for(&asker(&context)?);
        let prompts = agents.iter().map(|(name, agent)| prompts::describe(name, agent));
        Ok(ListPromptsResult::with_all_items(prompts.collect()))
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        let unknown = || ErrorData::invalid_params(format!("no prompt is named `{}`", request.name), None);
        let agent = self.agent_called(&request.name).ok_or_else(unknown)?;
        may_observe(&asker(&context)?, &agent)?;
        Ok(prompts::get(&request.name, &agent, request.arguments.as_ref())?.into())
    }

    async fn complete(
        &self,
        request: CompleteRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        match self.offers {
            Offers::ToolsAlone => Err(ErrorData::method_not_found::<CompleteRequestMethod>()),
            Offers::TheAgent => resources::complete(&self.agent, &asker(&context)?.caller(), &request).await,
        }
    }
}
