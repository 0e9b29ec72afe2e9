//! An agent as an MCP server: what it can do, and who answers which request.

use std::sync::Arc;

use axum::http::request::Parts;
use rmcp::handler::server::ServerHandler;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CompleteRequestMethod, CompleteRequestParams, CompleteResult, CustomRequest,
    CustomResult, ErrorData, GetPromptRequestParams, GetPromptResponse, Implementation, ListPromptsRequestMethod,
    ListPromptsResult, ListResourceTemplatesRequestMethod, ListResourceTemplatesResult, ListResourcesRequestMethod,
    ListResourcesResult, ListToolsResult, PaginatedRequestParams, ReadResourceRequestMethod, ReadResourceRequestParams,
    ReadResourceResponse, ServerCapabilities, ServerConfig, Tool,
};
use rmcp::service::{RequestContext, RoleServer};
use skreaver_protocol::trace_context::TraceContext;

use super::{ask, message, prompts, resources, tools};
use crate::agent::ServedAgent;
use crate::hops;
use crate::http::Asker;
use crate::runtime::Runtime;

/// An agent as an MCP server, for any number of clients.
#[derive(Clone)]
pub(crate) struct AgentServer {
    pub(super) runtime: Arc<Runtime>,
    pub(super) agent: Arc<ServedAgent>,
    pub(super) offers: Offers,
}

/// What is offered besides tools.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Offers {
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
}

/// Who asks. Over stdio that is whoever has started this process, who is not asked.
pub(super) fn asker(context: &RequestContext<RoleServer>) -> Result<Asker, ErrorData> {
    let Some(parts) = context.extensions.get::<Parts>() else { return Ok(Asker::Unasked) };
    parts.extensions.get().cloned().ok_or_else(|| ErrorData::internal_error("nobody has asked who calls", None))
}

/// That a list is asked for that has only one page: nobody was given a cursor of another.
fn whole(page: Option<PaginatedRequestParams>) -> Result<(), ErrorData> {
    let wrong = |_| ErrorData::invalid_params("this is no cursor of ours: the list has one page", None);
    page.and_then(|page| page.cursor).map(wrong).map_or(Ok(()), Err)
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
        page: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        whole(page)?;
        let agents = self.agents_for(&asker(&context)?);
        let agents = agents.iter().map(|(name, agent)| ask::describe(name, agent));
        Ok(ListToolsResult::with_all_items(tools::list(&self.agent).chain(agents).collect()))
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        tools::from_elsewhere(&self.agent, name)
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        // rmcp answers in a task of its own, which does not know of the request.
        let trace = context.extensions.get::<Parts>().and_then(|parts| parts.extensions.get::<TraceContext>().copied());
        let called = async {
            match self.agent_for(&asker(&context)?, &request.name) {
                Some(agent) => ask::ask(self, &agent, request, context).await,
                None => tools::call(self, request, context).await,
            }
        };
        hops::traced(trace, called).await
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
        page: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        match self.offers {
            Offers::ToolsAlone => Err(ErrorData::method_not_found::<ListResourceTemplatesRequestMethod>()),
            Offers::TheAgent => {
                whole(page)?;
                let templates = resources::templates(&self.agent, &asker(&context)?);
                Ok(ListResourceTemplatesResult::with_all_items(templates))
            }
        }
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        match self.offers {
            Offers::ToolsAlone => Err(ErrorData::method_not_found::<ReadResourceRequestMethod>()),
            Offers::TheAgent => Ok(resources::read(&self.agent, &asker(&context)?, &request.uri).await?.into()),
        }
    }

    async fn list_prompts(
        &self,
        page: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        whole(page)?;
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
        let agent = self.agent_for(&asker(&context)?, &request.name).ok_or_else(unknown)?;
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
    async fn on_custom_request(&self, request: CustomRequest, _: RequestContext<RoleServer>) -> Result<CustomResult, ErrorData> {
        Err(message::unreadable(&request.method, request.params.as_ref()))
    }
}
