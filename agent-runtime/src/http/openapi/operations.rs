//! The table of operations: everything that a caller can do.

mod a2a;
mod openai;
mod pages;

use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Value, json};
use skreaver_protocol::AgentName;
use skreaver_protocol::problem::Code;
use skreaver_protocol::rest::{
    AgentList, AgentStatus, ApprovalDecision, ApprovalList, ApprovalOutcome, Health, ObserveRequest, ObserveResponse, Readiness,
    RunEvent, RunList, RunStatus, SessionHistory, SessionList,
};

/// One thing that a caller can do.
pub(super) struct Operation {
    pub(super) path: &'static str,
    pub(super) method: &'static str,
    pub(super) id: &'static str,
    pub(super) summary: &'static str,
    /// Besides those of the path.
    pub(super) parameters: &'static [Parameter],
    pub(super) request: Option<fn(&mut SchemaGenerator) -> Value>,
    /// Status, what it means, and the shape of the body.
    pub(super) responses: &'static [(u16, &'static str, Body)],
    pub(super) problems: &'static [Code],
}

/// A header or part of the query.
#[derive(Clone, Copy)]
pub(super) struct Parameter {
    pub(super) place: &'static str,
    pub(super) name: &'static str,
    /// A JSON Schema.
    pub(super) schema: &'static str,
    pub(super) description: &'static str,
    pub(super) required: bool,
}

const PREFER: Parameter = Parameter {
    place: "header",
    name: "Prefer",
    schema: r#"{ "type": "string" }"#,
    description: "`respond-async` (RFC 7240): answer 202 as soon as the run is kept. Needs an agent with memory.",
    required: false,
};
const IDEMPOTENCY_KEY: Parameter = Parameter {
    place: "header",
    name: "Idempotency-Key",
    schema: r#"{ "type": "string", "minLength": 1, "maxLength": 255 }"#,
    description: "A request with the same key is the first one again: it joins its run. Needs an agent with memory.",
    required: false,
};
const LAST_EVENT_ID: Parameter = Parameter {
    place: "header",
    name: "Last-Event-ID",
    schema: r#"{ "type": "string", "pattern": "^[0-9]{1,9}\\.[0-9]{1,9}(\\.[0-9a-f]{1,8})?$" }"#,
    description: "The id of the last event that was seen: what follows it is told.",
    required: false,
};
const LIMIT: Parameter = Parameter {
    place: "query",
    name: "limit",
    schema: r#"{ "type": "integer", "minimum": 1, "maximum": 200, "default": 50 }"#,
    description: "How many.",
    required: false,
};
const FROM: Parameter = Parameter {
    place: "query",
    name: "from",
    schema: r#"{ "type": "string" }"#,
    description: "The `next` of the part before.",
    required: false,
};
const FROM_NAME: Parameter = Parameter { schema: r##"{ "$ref": "#/components/schemas/AgentName" }"##, ..FROM };
const FROM_SESSION: Parameter = Parameter { schema: r##"{ "$ref": "#/components/schemas/SessionId" }"##, ..FROM };
const FROM_RUN: Parameter = Parameter { schema: r#"{ "type": "string", "format": "uuid" }"#, ..FROM };

const CALLER: Parameter = Parameter {
    place: "query",
    name: "caller",
    schema: r#"{ "type": "string" }"#,
    description: "Whose sessions, by the `caller` of their runs. Default: one's own; those of others are an admin's to see.",
    required: false,
};

/// What an agent's memory may answer.
pub(super) const MEMORY: [Code; 2] = [Code::MemoryRequired, Code::MemoryUnavailable];

/// The shape of an answer.
pub(super) enum Body {
    Json(fn(&mut SchemaGenerator) -> Value),
    /// Server-sent events, whose data are this.
    Events(fn(&mut SchemaGenerator) -> Value),
    /// JSON, or server-sent events where the `Accept` header asks for them.
    JsonOrEvents(fn(&mut SchemaGenerator) -> Value, fn(&mut SchemaGenerator) -> Value),
    /// A text of one of these media types.
    Text(&'static [&'static str]),
    Any,
    Nothing,
}

pub(super) fn schema<T: JsonSchema>(generator: &mut SchemaGenerator) -> Value {
    generator.subschema_for::<T>().to_value()
}

/// What may come of asking an agent.
pub(super) const RUN: &[Code] = &[
    Code::MalformedJson,
    Code::InputDenied,
    Code::ToolDenied,
    Code::NotApproved,
    Code::UnknownAgent,
    Code::RequestTimeout,
    Code::BodyTooLarge,
    Code::UnsupportedMediaType,
    Code::InvalidRequest,
    Code::UnknownTool,
    Code::InvalidArguments,
    Code::QueueFull,
    Code::AuditUnavailable,
    Code::ToolFailed,
    Code::ResultTooLarge,
    Code::ResultWithheld,
    Code::RunTimeout,
    Code::Cancelled,
    Code::OutcomeUnknown,
    Code::ModelUnavailable,
    Code::ModelFailed,
    Code::AgentFailed,
    Code::AnswerCutOff,
    Code::AnswerRefused,
    Code::AnswerMalformed,
    Code::TurnsExceeded,
    Code::ToolCallsExceeded,
    Code::BudgetExceeded,
    Code::KeyReused,
    MEMORY[0],
    MEMORY[1],
];

/// All operations.
pub(super) fn operations() -> impl Iterator<Item = &'static Operation> {
    [OWN, pages::OPERATIONS, openai::OPERATIONS, a2a::OPERATIONS].into_iter().flatten()
}

/// Those that are our own, and MCP.
const OWN: &[Operation] = &[
    Operation {
        path: "/health",
        method: "get",
        id: "health",
        summary: "Whether the process is alive",
        parameters: &[],
        request: None,
        responses: &[(200, "It is.", Body::Json(schema::<Health>))],
        problems: &[],
    },
    Operation {
        path: "/ready",
        method: "get",
        id: "ready",
        summary: "Whether traffic should come here, component by component",
        parameters: &[],
        request: None,
        responses: &[
            (200, "It should.", Body::Json(schema::<Readiness>)),
            (503, "It should not.", Body::Json(schema::<Readiness>)),
        ],
        problems: &[],
    },
    Operation {
        path: "/metrics",
        method: "get",
        id: "metrics",
        summary: "Metrics in the Prometheus text format",
        parameters: &[],
        request: None,
        responses: &[(200, "The metrics.", Body::Text(&["text/plain"]))],
        problems: &[],
    },
    Operation {
        path: "/openapi.json",
        method: "get",
        id: "openapi",
        summary: "This document",
        parameters: &[],
        request: None,
        responses: &[(200, "This document.", Body::Any)],
        problems: &[],
    },
    Operation {
        path: "/agents",
        method: "get",
        id: "listAgents",
        summary: "The agents served here",
        parameters: &[LIMIT, FROM_NAME],
        request: None,
        responses: &[(200, "A part of the list, by name.", Body::Json(schema::<AgentList>))],
        problems: &[Code::InvalidRequest],
    },
    Operation {
        path: "/agents",
        method: "post",
        id: "addAgent",
        summary: "Take an agent into service; in a cluster, apply the Agent instead",
        parameters: &[],
        request: Some(manifest),
        responses: &[(201, "It is served; `Location` says where.", Body::Json(schema::<AgentStatus>))],
        problems: &[
            Code::MalformedJson,
            Code::ForbiddenHost,
            Code::RequestTimeout,
            Code::ManagedByKubernetes,
            Code::NameTaken,
            Code::BodyTooLarge,
            Code::UnsupportedMediaType,
            Code::InvalidRequest,
            Code::NoManifests,
        ],
    },
    Operation {
        path: "/agents/{id}/status",
        method: "get",
        id: "agentStatus",
        summary: "How an agent does",
        parameters: &[],
        request: None,
        responses: &[(200, "Its status.", Body::Json(schema::<AgentStatus>))],
        problems: &[Code::UnknownAgent],
    },
    Operation {
        path: "/agents/{id}/observe",
        method: "post",
        id: "observe",
        summary: "Ask an agent, and wait for its answer or follow its run",
        parameters: &[PREFER, IDEMPOTENCY_KEY],
        request: Some(schema::<ObserveRequest>),
        responses: &[
            (
                200,
                "Its answer, or what happens until it is there.",
                Body::JsonOrEvents(schema::<ObserveResponse>, schema::<RunEvent>),
            ),
            (202, "The run is kept and goes on; `Location` says where.", Body::Json(schema::<RunStatus>)),
        ],
        problems: RUN,
    },
    Operation {
        path: "/agents/{id}/approvals",
        method: "get",
        id: "listApprovals",
        summary: "The calls of an agent that wait for approval in this process",
        parameters: &[LIMIT, FROM],
        request: None,
        responses: &[(200, "A part of the list, by name.", Body::Json(schema::<ApprovalList>))],
        problems: &[Code::UnknownAgent, Code::InvalidRequest],
    },
    Operation {
        path: "/agents/{id}/approvals/{approval}",
        method: "post",
        id: "decideApproval",
        summary: "Approve or deny a call that waits; in a cluster that is done on its ToolApproval",
        parameters: &[],
        request: Some(schema::<ApprovalDecision>),
        responses: &[(200, "How the call stands now.", Body::Json(schema::<ApprovalOutcome>))],
        problems: &[
            Code::MalformedJson,
            Code::UnknownAgent,
            Code::UnknownApproval,
            Code::RequestTimeout,
            Code::DecidedAlready,
            Code::ManagedByKubernetes,
            Code::BodyTooLarge,
            Code::UnsupportedMediaType,
            Code::InvalidRequest,
        ],
    },
    Operation {
        path: "/agents/{id}/audit",
        method: "get",
        id: "readAudit",
        summary: "The records of decisions over tool calls that a policy with the sink Journal asked for, as lines of JSON",
        parameters: &[],
        request: None,
        responses: &[(200, "The records.", Body::Text(&["application/jsonl"]))],
        problems: &[Code::UnknownAgent, MEMORY[0], MEMORY[1]],
    },
    Operation {
        path: "/agents/{id}/runs",
        method: "get",
        id: "listRuns",
        summary: "The runs of an agent, the newest first",
        parameters: &[LIMIT, FROM_RUN],
        request: None,
        responses: &[(200, "A part of the list.", Body::Json(schema::<RunList>))],
        problems: &[Code::UnknownAgent, Code::InvalidRequest, MEMORY[0], MEMORY[1]],
    },
    Operation {
        path: "/agents/{id}/runs/{run}",
        method: "get",
        id: "runStatus",
        summary: "One run, and its answer once it is there",
        parameters: &[],
        request: None,
        responses: &[(200, "The run.", Body::Json(schema::<RunStatus>))],
        problems: &[Code::UnknownAgent, Code::UnknownRun, Code::InvalidRequest, MEMORY[0], MEMORY[1]],
    },
    Operation {
        path: "/agents/{id}/runs/{run}/cancel",
        method: "post",
        id: "cancelRun",
        summary: "End a run, wherever it goes on",
        parameters: &[],
        request: None,
        responses: &[(202, "It is over within a few seconds.", Body::Nothing)],
        problems: &[Code::UnknownAgent, Code::UnknownRun, Code::RunEnded, Code::InvalidRequest, MEMORY[0], MEMORY[1]],
    },
    Operation {
        path: "/agents/{id}/runs/{run}/events",
        method: "get",
        id: "followRun",
        summary: "What happens in a run, from its beginning or from where you were",
        parameters: &[LAST_EVENT_ID],
        request: None,
        responses: &[(200, "Its events.", Body::Events(schema::<RunEvent>))],
        problems: &[Code::UnknownAgent, Code::UnknownRun, Code::InvalidRequest, MEMORY[0], MEMORY[1]],
    },
    Operation {
        path: "/agents/{id}/sessions",
        method: "get",
        id: "listSessions",
        summary: "One's own sessions with an agent",
        parameters: &[LIMIT, FROM_SESSION, CALLER],
        request: None,
        responses: &[(200, "A part of the list.", Body::Json(schema::<SessionList>))],
        problems: &[Code::UnknownAgent, Code::InvalidRequest, MEMORY[0], MEMORY[1]],
    },
    Operation {
        path: "/agents/{id}/sessions/{session}",
        method: "get",
        id: "session",
        summary: "What was said in a session",
        parameters: &[CALLER],
        request: None,
        responses: &[(200, "Its last messages.", Body::Json(schema::<SessionHistory>))],
        problems: &[Code::UnknownAgent, Code::UnknownSession, Code::InvalidRequest, MEMORY[0], MEMORY[1]],
    },
    Operation {
        path: "/agents/{id}/sessions/{session}",
        method: "delete",
        id: "deleteSession",
        summary: "Forget a session",
        parameters: &[CALLER],
        request: None,
        responses: &[(204, "It is forgotten.", Body::Nothing)],
        problems: &[Code::UnknownAgent, Code::UnknownSession, Code::SessionBusy, Code::InvalidRequest, MEMORY[0], MEMORY[1]],
    },
    Operation {
        path: "/agents/{id}",
        method: "delete",
        id: "removeAgent",
        summary: "Take an agent out of service; in a cluster, delete the Agent instead",
        parameters: &[],
        request: None,
        responses: &[(204, "It is gone.", Body::Nothing)],
        problems: &[Code::UnknownAgent, Code::ManagedByKubernetes],
    },
    Operation {
        path: "/agents/{id}/mcp",
        method: "post",
        id: "agentMcp",
        summary: "The agent's tools over MCP, streamable HTTP",
        parameters: &[],
        request: Some(any_object),
        responses: MCP_ANSWERS,
        problems: &[
            Code::ForbiddenHost,
            Code::UnknownAgent,
            Code::RequestTimeout,
            Code::BodyTooLarge,
            Code::UnsupportedMediaType,
            Code::QueueFull,
        ],
    },
    Operation {
        path: "/ws/agents/{id}",
        method: "get",
        id: "agentWebSocket",
        summary: "Many runs over one WebSocket, with their events, cancels and approvals; experimental",
        parameters: &[],
        request: None,
        responses: &[(101, "The connection is a WebSocket now.", Body::Nothing)],
        problems: &[Code::ForbiddenHost, Code::UnknownAgent, Code::InvalidRequest, Code::TooManyConnections],
    },
    Operation {
        path: "/mcp",
        method: "post",
        id: "mcp",
        summary: "As /agents/{id}/mcp, for the agent of this pod",
        parameters: &[],
        request: Some(any_object),
        responses: MCP_ANSWERS,
        problems: &[
            Code::ForbiddenHost,
            Code::NotFound,
            Code::RequestTimeout,
            Code::BodyTooLarge,
            Code::UnsupportedMediaType,
            Code::QueueFull,
        ],
    },
];

const MCP_ANSWERS: &[(u16, &str, Body)] = &[
    (200, "A JSON-RPC answer.", Body::Any),
    (202, "A notification was taken.", Body::Nothing),
    (400, "This is no message of JSON-RPC 2.0, or its headers say something else: the error of JSON-RPC.", Body::Any),
    (406, "The header `Accept` has to name both application/json and text/event-stream.", Body::Nothing),
];

/// JSON-RPC; which messages there are is MCP's to say.
fn any_object(_: &mut SchemaGenerator) -> Value {
    json!({ "type": "object" })
}

/// What an Agent is at the least; its definition in the cluster has the rest.
fn manifest(generator: &mut SchemaGenerator) -> Value {
    json!({
        "type": "object",
        "description": "The manifest of an Agent, as `skreaver run -f` reads it.",
        "required": ["apiVersion", "kind", "metadata", "spec"],
        "properties": {
            "apiVersion": { "const": "skreaver.dev/v1alpha1" },
            "kind": { "const": "Agent" },
            "metadata": { "type": "object", "required": ["name"], "properties": { "name": schema::<AgentName>(generator) } },
            "spec": { "type": "object" },
        },
    })
}
