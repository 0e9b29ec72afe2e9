//! An agent as a tool: a run for each call, told of while it works, and ended when its caller calls it off.

use std::sync::Arc;

use axum::http::request::Parts;
use futures::StreamExt;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ErrorData, ProgressNotificationParam, ProgressToken,
    ProtocolVersion, Tool,
};
use rmcp::service::{RequestContext, RoleServer};
use serde_json::{Value, json};
use skreaver_protocol::Caller;
use skreaver_protocol::problem::{Code, Problem};
use skreaver_protocol::rest::{ObserveRequest, ObserveResponse, RunEvent};
use skreaver_tools::schema;

use super::AgentServer;
use super::approval::Asking;
use super::server::asker;
use super::tools::refuse;
use crate::agent::{Failure, Observation, ServedAgent};

/// The agent, as a tool of this name.
pub(super) fn describe(name: &str, agent: &ServedAgent) -> Tool {
    let config = agent.config();
    let mut description = config.description.clone().unwrap_or_else(|| format!("The agent {}.", config.name));
    description.push_str(match config.models.is_empty() && !agent.is_own() {
        false => " It works on what it is told until it has an answer, with tools of its own.",
        true => " It has no model: tell it `tool:text`, with one of its tools.",
    });
    let input = input_schema(config.memory.is_some());
    let Value::Object(output) = schema::<ObserveResponse>() else { unreachable!("the schema of a struct is an object") };
    let tool = Tool::new(name.to_owned(), description, Arc::new(input));
    tool.with_raw_output_schema(Arc::new(output))
}

fn input_schema(has_memory: bool) -> serde_json::Map<String, Value> {
    let mut properties = json!({ "input": {
        "type": "string",
        "description": "What the agent is told: all that it has to know, for it sees nothing of this conversation."
    } });
    if has_memory {
        properties["session"] = json!({
            "type": "string",
            "description": "The conversation with the agent that this belongs to. The agent knows what was said in it before."
        });
    }
    let schema = json!({ "type": "object", "properties": properties, "required": ["input"], "additionalProperties": false });
    let Value::Object(schema) = schema else { unreachable!("it is written as one") };
    schema
}

/// Tells the agent something, and tells the client how it gets on and what it answers.
pub(super) async fn ask(
    server: &AgentServer,
    agent: &Arc<ServedAgent>,
    request: CallToolRequestParams,
    context: RequestContext<RoleServer>,
) -> Result<CallToolResponse, ErrorData> {
    let asker = asker(&context)?;
    let caller = asker.caller();
    let asking = Asking::of(server, agent, asker, &request, &context).filter(Asking::is_live);
    let observation = match observation(request, caller, &context) {
        Ok(observation) => observation,
        Err(failure) => return refuse(failure, &context),
    };
    let run = observation.run;
    let work = follow(agent, observation, asking, &context);
    let cancelled = async {
        context.ct.cancelled().await;
        if !ends_with_its_caller(&context) {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        answer = work => match answer {
            Ok(response) => Ok(told(response).into()),
            Err(failure) => refuse(failure, &context),
        },
        () = cancelled => {
            if agent.config().memory.is_some() && let Err(failure) = agent.cancel_run(run).await {
                crate::trace::info!(agent = %agent.config().name, %run, error = failure.detail, "a run was not cancelled");
            }
            Err(ErrorData::internal_error("the call was cancelled", None))
        }
    }
}

fn observation(
    request: CallToolRequestParams,
    caller: Caller,
    context: &RequestContext<RoleServer>,
) -> Result<Observation, Failure> {
    let arguments = Value::Object(request.arguments.unwrap_or_default());
    let wrong = |error: serde_json::Error| Failure::new(Code::InvalidArguments, error.to_string());
    let ObserveRequest { input, session } = serde_json::from_value(arguments).map_err(wrong)?;
    let hops = hops(context)?;
    Ok(Observation { caller, session, hops, ..Observation::new(input) })
}

/// Through how many agents the call has come.
#[cfg(feature = "network")]
fn hops(context: &RequestContext<RoleServer>) -> Result<u8, Failure> {
    let headers = context.extensions.get::<Parts>().map(|parts| &parts.headers);
    let text = headers.and_then(|headers| headers.get(crate::hops::HEADER)).map(|value| value.to_str().unwrap_or_default());
    crate::hops::parse(text).map_err(|problem| Failure::new(Code::InvalidRequest, problem))
}

#[cfg(not(feature = "network"))]
#[allow(clippy::unnecessary_wraps, reason = "with agents that ask each other it can fail")]
fn hops(_: &RequestContext<RoleServer>) -> Result<u8, Failure> {
    Ok(0)
}

async fn follow(
    agent: &Arc<ServedAgent>,
    observation: Observation,
    asking: Option<Asking>,
    context: &RequestContext<RoleServer>,
) -> Result<ObserveResponse, Failure> {
    let mut events = agent.observe_events(observation).await?;
    let mut progress = Progress { token: context.meta.get_progress_token(), told: 0 };
    while let Some((_, event)) = events.next().await {
        progress.tell(&event, context).await;
        match event {
            RunEvent::Completed { response } => return Ok(response),
            RunEvent::Failed { problem } => return Err(failure(problem)),
            RunEvent::ApprovalRequested { request, .. } => {
                if let Some(asking) = &asking {
                    asking.decide(agent, &request).await;
                }
            }
            _ => {}
        }
    }
    Err(Failure::new(Code::Internal, "the run cannot be followed to its end; ask for its status"))
}

/// What the client was told of a run so far.
struct Progress {
    token: Option<ProgressToken>,
    told: u32,
}

impl Progress {
    async fn tell(&mut self, event: &RunEvent, context: &RequestContext<RoleServer>) {
        let (Some(token), Some(message)) = (&self.token, message(event)) else { return };
        self.told += 1;
        let progress = ProgressNotificationParam::new(token.clone(), f64::from(self.told)).with_message(message);
        // Who does not listen any more needs not to be told.
        let _ = context.peer.notify_progress(progress).await;
    }
}

/// What is worth telling of a run while it works: names, and nothing of what it reads or writes.
fn message(event: &RunEvent) -> Option<String> {
    match event {
        RunEvent::Started { run, .. } => Some(format!("run {run} has started")),
        RunEvent::ToolCall { tool, .. } => Some(format!("calls {tool}")),
        RunEvent::ApprovalRequested { request, .. } => Some(format!("waits until people approve a call of {}", request.tool)),
        RunEvent::ApprovalGranted { .. } => Some("the call is approved".to_owned()),
        RunEvent::ToolResult { tool, failed: false, .. } => Some(format!("{tool} has answered")),
        RunEvent::ToolResult { tool, failed: true, .. } => Some(format!("{tool} gave no result")),
        RunEvent::ModelDelta { .. } | RunEvent::ModelReset | RunEvent::Completed { .. } | RunEvent::Failed { .. } => None,
    }
}

/// Whether a client that is gone has called its call off. Over HTTP it has since revision 2026-07-28; before, a connection
/// might be lost, and a run that is kept goes on.
fn ends_with_its_caller(context: &RequestContext<RoleServer>) -> bool {
    let is_http = context.extensions.get::<Parts>().is_some();
    !is_http || context.protocol_version().is_some_and(|version| version.as_str() >= ProtocolVersion::V_2026_07_28.as_str())
}

fn failure(problem: Problem) -> Failure {
    let Problem { code, detail, policy, rule, retry_after, .. } = problem;
    Failure { policy, rule, retry_after, ..Failure::new(code, detail) }
}

fn told(response: ObserveResponse) -> CallToolResult {
    let mut result = CallToolResult::success(vec![ContentBlock::text(response.output.clone())]);
    result.structured_content = serde_json::to_value(response).ok();
    result
}
