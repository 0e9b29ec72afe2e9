//! One tool of a server.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use rmcp::RoleClient;
use rmcp::model::{CallToolRequestParams, CallToolResponse, ErrorCode, RequestParamsMeta};
use rmcp::service::{Peer, ServiceError};
use serde_json::{Value, json};
use skreaver_detect::Content;
use skreaver_effects::{EffectError, Guard};
use skreaver_policy::Permit;
use skreaver_protocol::ToolName;
use skreaver_tools::{Tool, ToolError};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, timeout_at};

use super::board::Board;
use super::failure;
use super::listing::Listed;
use super::problem::Problem;
use super::result::{MOST_BYTES, result};
use crate::text::seen;
use crate::trace;

/// One tool of a server.
pub(super) struct McpTool {
    pub(super) source: ToolName,
    pub(super) listed: Listed,
    pub(super) line: Line,
}

/// The way to a server: the session of the moment, if there is one.
#[derive(Clone)]
pub(super) struct Line {
    pub(super) peer: watch::Receiver<Option<Peer<RoleClient>>>,
    pub(super) board: Arc<Board>,
    pub(super) guard: Guard,
    /// Whom to tell that the tools may be others.
    pub(super) changed: Arc<Notify>,
    /// How long a call may take.
    pub(super) timeout: Duration,
}

#[async_trait]
impl Tool for McpTool {
    fn description(&self) -> &str {
        &self.listed.description
    }

    fn input_schema(&self) -> Value {
        self.listed.input_schema.clone()
    }

    fn output_schema(&self) -> Option<Value> {
        self.listed.output_schema.clone()
    }

    /// The only argument, where there is only one.
    fn arguments_from_text(&self, text: &str) -> Value {
        let only = self.listed.input_schema["properties"].as_object().filter(|properties| properties.len() == 1);
        let name = only.and_then(|properties| properties.keys().next()).map_or("text", String::as_str);
        json!({ name: text })
    }

    fn is_idempotent(&self) -> bool {
        self.listed.is_idempotent
    }

    async fn run(&self, permit: Permit, arguments: Value) -> Result<Value, ToolError> {
        let Value::Object(arguments) = arguments else {
            return Err(ToolError::InvalidArguments("the arguments are no object".to_owned()));
        };
        let limits = permit.bounds().limits();
        let time = self.line.timeout.min(limits.timeout);
        let end = Instant::now() + time;
        let Ok(_pass) = timeout_at(end, self.line.guard.gate().enter(limits.concurrency)).await else {
            return Err(ToolError::Failed(EffectError::Busy { limit: limits.concurrency }.to_string()));
        };
        let peer = self.line.peer.borrow().clone().ok_or_else(|| self.lost())?;
        let mut params = CallToolRequestParams::new(self.listed.found.name.clone()).with_arguments(arguments);
        if let Some(span) = trace::onwards(permit.id()) {
            params.set_traceparent(&span);
        }
        // A call that is given up here is taken back at the server: dropping the request sends the notification.
        let answer = timeout_at(end, peer.call_tool_once(params)).await;
        let answer = answer.map_err(|_| self.unknown(&format!("no answer in {} ms", time.as_millis())))?;
        if is_failure(&answer) {
            // Without sessions nothing else shows that a server began anew, perhaps with other tools: it refuses a call.
            self.line.changed.notify_one();
        }
        match answer.map_err(|error| self.failed(&error))? {
            CallToolResponse::Complete(given) => {
                result(given, self.listed.output_schema.is_some(), limits.bytes().min(MOST_BYTES))
            }
            _ => Err(ToolError::Failed("the tool wants to be asked again or later, which agents do not do".to_owned())),
        }
    }
}

/// Whether the server refused the call or says that it failed. Each SDK has its own way to say that it has no such tool.
fn is_failure(answer: &Result<CallToolResponse, ServiceError>) -> bool {
    match answer {
        Ok(CallToolResponse::Complete(given)) => given.is_error == Some(true),
        Err(ServiceError::McpError(_)) => true,
        // What is lost tells so itself.
        Ok(_) | Err(_) => false,
    }
}

impl McpTool {
    fn lost(&self) -> ToolError {
        let why = self.line.board.why_lost().unwrap_or_else(|| "it is being reached".to_owned());
        let source = &self.source;
        ToolError::Failed(format!(
            "the MCP server of `{source}` is lost, and the call was not made: {why}; call again later, or go on without it"
        ))
    }

    fn failed(&self, error: &ServiceError) -> ToolError {
        match failure::problem(error) {
            Some(Problem::Unsent(EffectError::Refused(refusal))) => {
                ToolError::Refused { policy: refusal.policy.as_deref().map(str::to_owned), why: refusal.to_string() }
            }
            Some(problem) if problem.is_unsent() => {
                ToolError::Failed(format!("the MCP server of `{}` has not taken the call: {problem}", self.source))
            }
            _ => match error {
                ServiceError::McpError(error) if error.code == ErrorCode::INVALID_PARAMS => {
                    ToolError::InvalidArguments(seen(&Content::new(), &error.message))
                }
                ServiceError::McpError(error) => ToolError::Failed(seen(&Content::new(), &error.message)),
                error => self.unknown(&failure::of_service(error)),
            },
        }
    }

    /// The call may have had its effect, and nobody knows.
    fn unknown(&self, why: &str) -> ToolError {
        let then = match self.listed.is_idempotent {
            true => "it may be called again",
            false => "find out before you call it again",
        };
        let source = &self.source;
        ToolError::Failed(format!(
            "the MCP server of `{source}` was lost during the call: {why}; whether it took effect is not known: {then}"
        ))
    }
}
