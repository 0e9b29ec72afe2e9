//! Errors on the wire: RFC 9457 problem details with a stable code.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The media type of a [`Problem`].
pub const CONTENT_TYPE: &str = "application/problem+json";

/// A stable, machine-readable reason. Callers branch on it; titles and details may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// The headers are against HTTP, or several readers could take them to mean different things.
    MalformedRequest,
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
    /// Nothing says who asks, or it is not believed. The header `WWW-Authenticate` says what is taken.
    Unauthenticated,
    /// Who asks is known, and has no role that allows it.
    Forbidden,
    /// It cannot be told yet who asks: the keys of who vouches for them have not arrived.
    KeysUnavailable,
    /// A policy refuses the call.
    ToolDenied,
    /// A policy refuses what the agent is told: there is a secret or suspicious content in it.
    InputDenied,
    /// The call needs approval, and has not got it: somebody denied it, nobody decided in time, or it belongs to no run that
    /// could wait.
    NotApproved,
    /// No call of this name waits for approval here.
    UnknownApproval,
    /// This person has decided about the call already.
    DecidedAlready,
    /// The decision over the call cannot be recorded, and so it is not made.
    AuditUnavailable,
    /// The tool was run and failed.
    ToolFailed,
    /// The tool was run, and a policy lets no result of this size pass.
    ResultTooLarge,
    /// The tool was run, and a policy withholds its result: there is a secret in it.
    ResultWithheld,
    /// The agent runs and queues as much as it may.
    QueueFull,
    /// The run took longer than `limits.runTimeout`.
    RunTimeout,
    /// The agent is owned by Kubernetes and must be changed there.
    ManagedByKubernetes,
    /// An agent of this name is served already.
    NameTaken,
    /// This process was not built to read manifests, and takes no agents while it runs.
    NoManifests,
    /// The agent has no memory, and the request needs one: a session, an answer later, an idempotency key.
    MemoryRequired,
    /// The agent's memory does not answer.
    MemoryUnavailable,
    /// The agent keeps no such run, or no longer.
    UnknownRun,
    /// The agent keeps no such session.
    UnknownSession,
    /// A run works in the session.
    SessionBusy,
    /// The idempotency key came with another request before.
    KeyReused,
    /// The run is over, and cannot be cancelled.
    RunEnded,
    /// The run was cancelled.
    Cancelled,
    /// The tool was called when its process died. It may have run, and is not called again.
    OutcomeUnknown,
    /// No model of the agent answers now.
    ModelUnavailable,
    /// The model refuses: wrong key, unknown name, conversation too long.
    ModelFailed,
    /// The agent, which is code of its own, gives up.
    AgentFailed,
    /// The answer is cut off at its greatest length.
    AnswerCutOff,
    /// The provider's filter refused to answer.
    AnswerRefused,
    /// The answer has not the form that the agent demands.
    AnswerMalformed,
    /// The run asked its model as often as it may.
    TurnsExceeded,
    /// The model asks for more tool calls than the run may make.
    ToolCallsExceeded,
    /// The run has spent what it may.
    BudgetExceeded,
    /// The answer took too long, though it waited for no run.
    Overdue,
    /// As many connections are open as may be.
    TooManyConnections,
    /// A bug of ours.
    Internal,
}

impl Code {
    /// The HTTP status that goes with the code.
    pub const fn status(self) -> u16 {
        match self {
            Self::MalformedRequest | Self::MalformedJson => 400,
            Self::Unauthenticated => 401,
            Self::Forbidden | Self::ForbiddenHost | Self::InputDenied | Self::ToolDenied | Self::NotApproved => 403,
            Self::NotFound | Self::UnknownAgent | Self::UnknownRun | Self::UnknownSession | Self::UnknownApproval => 404,
            Self::MethodNotAllowed => 405,
            Self::RequestTimeout => 408,
            Self::ManagedByKubernetes
            | Self::NameTaken
            | Self::DecidedAlready
            | Self::SessionBusy
            | Self::RunEnded
            | Self::Cancelled => 409,
            Self::BodyTooLarge => 413,
            Self::UnsupportedMediaType => 415,
            Self::InvalidRequest
            | Self::UnknownTool
            | Self::InvalidArguments
            | Self::MemoryRequired
            | Self::KeyReused
            | Self::TurnsExceeded
            | Self::ToolCallsExceeded
            | Self::BudgetExceeded => 422,
            Self::QueueFull => 429,
            Self::Internal | Self::OutcomeUnknown => 500,
            Self::NoManifests => 501,
            Self::ToolFailed
            | Self::ResultTooLarge
            | Self::ResultWithheld
            | Self::ModelFailed
            | Self::AgentFailed
            | Self::AnswerCutOff
            | Self::AnswerRefused
            | Self::AnswerMalformed => 502,
            Self::KeysUnavailable
            | Self::ModelUnavailable
            | Self::MemoryUnavailable
            | Self::AuditUnavailable
            | Self::TooManyConnections => 503,
            Self::RunTimeout | Self::Overdue => 504,
        }
    }

    /// The short, human-readable summary that goes with the code.
    pub const fn title(self) -> &'static str {
        match self {
            Self::MalformedRequest => "The request is not HTTP as it should be",
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
            Self::Unauthenticated => "It is not known who asks",
            Self::Forbidden => "No role of the caller allows this",
            Self::KeysUnavailable => "It cannot be told yet who asks",
            Self::ToolDenied => "A policy refuses the tool call",
            Self::InputDenied => "A policy refuses the input",
            Self::NotApproved => "The tool call needs approval, and has not got it",
            Self::UnknownApproval => "No such call waits for approval",
            Self::DecidedAlready => "This person has decided already",
            Self::AuditUnavailable => "The audit log takes no records",
            Self::ToolFailed => "The tool failed",
            Self::ResultTooLarge => "The tool's result is larger than a policy lets pass",
            Self::ResultWithheld => "A policy withholds the tool's result",
            Self::QueueFull => "The agent's queue is full",
            Self::RunTimeout => "The run took too long",
            Self::ManagedByKubernetes => "The agent is managed by Kubernetes",
            Self::NameTaken => "The name is taken",
            Self::NoManifests => "No agents are taken while the process runs",
            Self::MemoryRequired => "The agent has no memory",
            Self::MemoryUnavailable => "The agent's memory does not answer",
            Self::UnknownRun => "No such run",
            Self::UnknownSession => "No such session",
            Self::SessionBusy => "A run works in the session",
            Self::KeyReused => "The idempotency key belongs to another request",
            Self::RunEnded => "The run is over",
            Self::Cancelled => "The run was cancelled",
            Self::OutcomeUnknown => "It is not known what the tool did",
            Self::ModelUnavailable => "No model answers",
            Self::ModelFailed => "The model refuses",
            Self::AgentFailed => "The agent gives up",
            Self::AnswerCutOff => "The answer is cut off",
            Self::AnswerRefused => "The provider's filter refused to answer",
            Self::AnswerMalformed => "The answer has not the demanded form",
            Self::TurnsExceeded => "The run asked its model as often as it may",
            Self::ToolCallsExceeded => "The run made as many tool calls as it may",
            Self::BudgetExceeded => "The run has spent what it may",
            Self::Overdue => "The answer took too long",
            Self::TooManyConnections => "As many connections are open as may be",
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
    /// The ToolPolicy that refused, with `tool_denied` and `input_denied`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// The rule that refused; absent where the policy's default did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// The id of the run that failed, where one had begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// After how many seconds trying again may help: also the header `Retry-After`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
    /// Each thing that is wrong, with its path, where that can be several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<String>,
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
            retry_after: None,
            problems: Vec::new(),
        }
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.detail)
    }
}

impl std::error::Error for Problem {}
