//! The tools of an agent over MCP: how they are listed, called, and how their answers are told.

use std::sync::Arc;

use axum::http::request::Parts;
use rmcp::model::{CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ErrorData, Tool};
use rmcp::service::{RequestContext, RoleServer};
use serde_json::Value;
use skreaver_protocol::ToolName;
use skreaver_protocol::problem::Code;

use super::AgentServer;
use super::approval::{self, Asking};
use super::endpoint::Refused;
use super::server::asker;
use crate::agent::{Called, Failure, ServedAgent};
use crate::coordinator::as_text;
use crate::tools::{Input, ToolCall, wire_name};

/// The tools that the policy in force lets the agent use.
pub(super) fn list(agent: &ServedAgent) -> impl Iterator<Item = Tool> {
    agent.toolbox().permitted().into_iter().filter_map(|name| describe(agent, &name))
}

fn describe(agent: &ServedAgent, name: &ToolName) -> Option<Tool> {
    let (description, schema) = agent.toolbox().describe(name)?;
    let Value::Object(schema) = schema else { return None };
    let tool = Tool::new(wire_name(name.as_str()).into_owned(), description, Arc::new(schema));
    // MCP knows results that are objects; of others it is not told what they look like.
    match agent.toolbox().output_schema(name) {
        Some(Value::Object(output)) if output.get("type").is_some_and(|it| it == "object") => {
            Some(tool.with_raw_output_schema(Arc::new(output)))
        }
        _ => Some(tool),
    }
}

/// A tool that came from elsewhere: its schema may ask for headers that repeat its arguments, which no other does.
pub(super) fn from_elsewhere(agent: &ServedAgent, name: &str) -> Option<Tool> {
    if !name.contains("__") && !name.contains('/') {
        return None;
    }
    let is_it = |tool: &ToolName| tool.as_str() == name || wire_name(tool.as_str()) == name;
    describe(agent, &agent.toolbox().permitted().into_iter().find(is_it)?)
}

/// Calls one. Where people have to approve it and the client can ask its user, it does.
pub(super) async fn call(
    server: &AgentServer,
    request: CallToolRequestParams,
    context: RequestContext<RoleServer>,
) -> Result<CallToolResponse, ErrorData> {
    let asker = asker(&context)?;
    let caller = asker.caller();
    let asking = Asking::of(server, &server.agent, asker, &request, &context);
    let arguments = Value::Object(request.arguments.unwrap_or_default());
    let (tool, input) = (request.name.into_owned(), Input::Arguments(arguments));
    let id = approval::call_id(request.request_state.as_deref());
    // It belongs to no run: what the client has read elsewhere is not known.
    let call = ToolCall { tool, input, caller, session: None, read: None, id, approved: None };
    let called = match asking {
        None => server.agent.call(call).await.map(Called::Answered),
        Some(asking) => {
            let (agent, tool, id) = (server.agent.config().name.clone(), call.tool.clone(), call.id.clone());
            let ask = |needs| async move { asking.ask(&agent, &tool, &id, needs).await };
            server.agent.call_asking(call, ask).await
        }
    };
    match called {
        Ok(Called::Answered(result)) => Ok(answer(result.output).into()),
        Ok(Called::Asked(question)) => Ok(question.into()),
        Err(failure) => refuse(failure, &context),
    }
}

/// A call that came to nothing: told to the client where it is the client's to mend, otherwise to its model.
pub(super) fn refuse(failure: Failure, context: &RequestContext<RoleServer>) -> Result<CallToolResponse, ErrorData> {
    match failure.code {
        Code::UnknownTool => Err(ErrorData::invalid_params(failure.detail, None)),
        Code::QueueFull => {
            let text = failure.to_string();
            if let Some(refused) = context.extensions.get::<Parts>().and_then(|parts| parts.extensions.get::<Refused>()) {
                refused.put(failure);
            }
            Err(ErrorData::internal_error(text, None))
        }
        // The client's model can do something about these, so it is told.
        _ => Ok(CallToolResult::error(vec![ContentBlock::text(failure.to_string())]).into()),
    }
}

/// A tool's answer: always as text, and as structured content where it is an object.
fn answer(output: Value) -> CallToolResult {
    let structured = output.is_object().then(|| output.clone());
    let mut result = CallToolResult::success(vec![ContentBlock::text(as_text(output))]);
    result.structured_content = structured;
    result
}
