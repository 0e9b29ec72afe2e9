//! Errors on the wire: RFC 9457 problem details with a stable code.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The media type of a [`Problem`].
pub const CONTENT_TYPE: &str = "application/problem+json";

/// A stable, machine-readable reason. Callers branch on it; titles and details may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// The body is not JSON.
    MalformedJson,
    /// The body is JSON of another shape than the operation takes.
    InvalidRequest,
    /// The body is over the limit.
    BodyTooLarge,
    /// The body did not arrive in time.
    RequestTimeout,
    /// The content type is not `application/json`.
    UnsupportedMediaType,
    /// No such path.
    NotFound,
    /// The path exists, the method on it does not.
    MethodNotAllowed,
    /// No agent of this name is served here.
    UnknownAgent,
    /// The agent has no tool of this name.
    UnknownTool,
    /// The tool does not take these arguments.
    InvalidArguments,
    /// The `Host` or `Origin` header names a host that MCP does not answer to.
    ForbiddenHost,
    /// A policy refuses the call.
    ToolDenied,
    /// The tool was run and failed.
    ToolFailed,
    /// The agent runs and queues as much as it may.
    QueueFull,
    /// The run took longer than `limits.runTimeout`.
    RunTimeout,
    /// The agent is owned by Kubernetes and must be changed there.
    ManagedByKubernetes,
    /// A bug of ours.
    Internal,
}

impl Code {
    /// The HTTP status that goes with the code.
    pub const fn status(self) -> u16 {
        match self {
            Self::MalformedJson => 400,
            Self::ForbiddenHost | Self::ToolDenied => 403,
            Self::NotFound | Self::UnknownAgent => 404,
            Self::MethodNotAllowed => 405,
            Self::RequestTimeout => 408,
            Self::ManagedByKubernetes => 409,
            Self::BodyTooLarge => 413,
            Self::UnsupportedMediaType => 415,
            Self::InvalidRequest | Self::UnknownTool | Self::InvalidArguments => 422,
            Self::QueueFull => 429,
            Self::Internal => 500,
            Self::ToolFailed => 502,
            Self::RunTimeout => 504,
        }
    }

    /// The short, human-readable summary that goes with the code.
    pub const fn title(self) -> &'static str {
        match self {
            Self::MalformedJson => "The body is not JSON",
            Self::InvalidRequest => "The request has another shape than expected",
            Self::BodyTooLarge => "The body is over the limit",
            Self::RequestTimeout => "The body did not arrive in time",
            Self::UnsupportedMediaType => "The content type is not application/json",
            Self::NotFound => "There is nothing at this path",
            Self::MethodNotAllowed => "This path does not take this method",
            Self::UnknownAgent => "No such agent",
            Self::UnknownTool => "No such tool",
            Self::InvalidArguments => "The tool does not take these arguments",
            Self::ForbiddenHost => "The Host or Origin header is not allowed",
            Self::ToolDenied => "A policy refuses the tool call",
            Self::ToolFailed => "The tool failed",
            Self::QueueFull => "The agent's queue is full",
            Self::RunTimeout => "The run took too long",
            Self::ManagedByKubernetes => "The agent is managed by Kubernetes",
            Self::Internal => "Internal error",
        }
    }
}

/// The body of every error answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Problem {
    /// `urn:skreaver:problem:` and the code.
    #[serde(rename = "type")]
    pub kind: String,
    /// A summary that depends on the code alone.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What was wrong this time, and what to do.
    pub detail: String,
    /// The stable code.
    pub code: Code,
    /// The ToolPolicy that refused, with `tool_denied`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// The rule that refused; absent where the policy's default did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// The id of the run that failed, where one had begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
}

impl Problem {
    /// A problem of this code with this detail.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        let name = serde_json::to_value(code).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default();
        Self {
            kind: format!("urn:skreaver:problem:{name}"),
            title: code.title().to_owned(),
            status: code.status(),
            detail: detail.into(),
            code,
            policy: None,
            rule: None,
            run: None,
        }
    }
}
