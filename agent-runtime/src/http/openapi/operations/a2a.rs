//! A2A: the cards by which agents are found, and the two bindings. Errors of its own have the shape `A2aError`.

use schemars::SchemaGenerator;
use serde_json::{Value, json};
use skreaver_protocol::problem::Code;

use super::{Body, MEMORY, Operation, Parameter, RUN, any_object};

const VERSION: Parameter = Parameter {
    place: "header",
    name: "A2A-Version",
    schema: r#"{ "type": "string", "pattern": "^1\\.0(\\.[0-9]{1,3})?$" }"#,
    description: "The version of A2A: `1.0`. Who names none is refused as a client of 0.3.",
    required: true,
};
/// Over JSON-RPC another one, or none, is answered by JSON-RPC.
const VERSION_OF_RPC: Parameter = Parameter { schema: r#"{ "type": "string" }"#, required: false, ..VERSION };

const fn query(name: &'static str, schema: &'static str, description: &'static str) -> Parameter {
    Parameter { place: "query", name, schema, description, required: false }
}

const HISTORY: Parameter = query(
    "historyLength",
    r#"{ "type": "integer", "minimum": 0, "maximum": 2147483647 }"#,
    "How many messages of the history are told at the most.",
);
const LIST: &[Parameter] = &[
    VERSION,
    query("contextId", r#"{ "type": "string" }"#, "Tasks of this context alone."),
    query("status", STATES, "Tasks in this state alone."),
    query("pageSize", r#"{ "type": "integer", "minimum": 1, "maximum": 100, "default": 50 }"#, "How many."),
    query("pageToken", r#"{ "type": "string" }"#, "The `nextPageToken` of the part before."),
    HISTORY,
    query("statusTimestampAfter", r#"{ "type": "string", "format": "date-time" }"#, "Tasks that changed since."),
    query("includeArtifacts", r#"{ "type": "boolean", "default": false }"#, "Whether their answers are told."),
];
const STATES: &str = r#"{ "enum": ["TASK_STATE_SUBMITTED", "TASK_STATE_WORKING", "TASK_STATE_COMPLETED", "TASK_STATE_FAILED", "TASK_STATE_CANCELED", "TASK_STATE_INPUT_REQUIRED", "TASK_STATE_REJECTED", "TASK_STATE_AUTH_REQUIRED"] }"#;
/// What is wrong with the request itself.
const ASKED_WRONGLY: &[Code] = &[Code::UnknownAgent, Code::InvalidRequest, MEMORY[0], MEMORY[1]];

const NO_PUSH: &str = "Refused: nothing is pushed, subscribe instead";

/// An operation of A2A that is known, and done by no agent.
const fn refused(path: &'static str, method: &'static str, id: &'static str, summary: &'static str) -> Operation {
    let problems = &[Code::UnknownAgent, Code::InvalidRequest];
    Operation { path, method, id, summary, parameters: &[VERSION], request: None, responses: &[], problems }
}

pub(super) const OPERATIONS: &[Operation] = &[
    Operation {
        path: "/.well-known/agent-card.json",
        method: "get",
        id: "card",
        summary: "The A2A card of the agent of this pod",
        parameters: &[],
        request: None,
        responses: &[(200, "The card.", Body::Json(any_object))],
        problems: &[Code::NotFound],
    },
    Operation {
        path: "/agents/{id}/.well-known/agent-card.json",
        method: "get",
        id: "agentCard",
        summary: "The A2A card of an agent",
        parameters: &[],
        request: None,
        responses: &[(200, "The card.", Body::Json(any_object))],
        problems: &[Code::UnknownAgent],
    },
    Operation {
        path: "/agents/{id}/a2a",
        method: "post",
        id: "a2a",
        summary: "A2A 1.0 over JSON-RPC; the card names the HTTP+JSON binding beside it",
        parameters: &[VERSION_OF_RPC],
        request: Some(any_object),
        responses: &[(200, "The answer, or events of it.", Body::JsonOrEvents(any_object, any_object))],
        problems: &[
            Code::UnknownAgent,
            Code::RequestTimeout,
            Code::BodyTooLarge,
            Code::UnsupportedMediaType,
            Code::MalformedJson,
        ],
    },
    Operation {
        path: "/agents/{id}/a2a/message:send",
        method: "post",
        id: "a2aSend",
        summary: "Send a message, and wait for what comes of it",
        parameters: &[VERSION],
        request: Some(send),
        responses: &[(200, "A task, or the answer of an agent without memory.", Body::Json(any_object))],
        problems: RUN,
    },
    Operation {
        path: "/agents/{id}/a2a/message:stream",
        method: "post",
        id: "a2aStream",
        summary: "Send a message, and follow what comes of it",
        parameters: &[VERSION],
        request: Some(send),
        responses: &[(200, "What happens.", Body::Events(any_object))],
        problems: RUN,
    },
    Operation {
        path: "/agents/{id}/a2a/tasks",
        method: "get",
        id: "a2aTasks",
        summary: "The tasks of an agent, those that changed last first",
        parameters: LIST,
        request: None,
        responses: &[(200, "A part of the list.", Body::Json(any_object))],
        problems: ASKED_WRONGLY,
    },
    Operation {
        path: "/agents/{id}/a2a/tasks/{task}",
        method: "get",
        id: "a2aTask",
        summary: "One task; with `:subscribe` behind its id, what happens in it",
        parameters: &[VERSION, HISTORY],
        request: None,
        responses: &[(200, "The task, or what happens in it.", Body::JsonOrEvents(any_object, any_object))],
        problems: &[Code::UnknownAgent, Code::UnknownRun, Code::InvalidRequest, MEMORY[0], MEMORY[1]],
    },
    Operation {
        path: "/agents/{id}/a2a/tasks/{task}",
        method: "post",
        id: "a2aAct",
        summary: "With `:cancel` behind its id, end a task; with `:subscribe`, follow it",
        parameters: &[VERSION],
        request: None,
        responses: &[(200, "The task, or what happens in it.", Body::JsonOrEvents(any_object, any_object))],
        problems: &[Code::UnknownAgent, Code::UnknownRun, Code::NotFound, Code::InvalidRequest, MEMORY[0], MEMORY[1]],
    },
    refused("/agents/{id}/a2a/tasks/{task}/pushNotificationConfigs", "get", "a2aPushConfigs", NO_PUSH),
    refused("/agents/{id}/a2a/tasks/{task}/pushNotificationConfigs", "post", "a2aCreatePushConfig", NO_PUSH),
    refused("/agents/{id}/a2a/tasks/{task}/pushNotificationConfigs/{config}", "get", "a2aPushConfig", NO_PUSH),
    refused("/agents/{id}/a2a/tasks/{task}/pushNotificationConfigs/{config}", "delete", "a2aDeletePushConfig", NO_PUSH),
    refused("/agents/{id}/a2a/extendedAgentCard", "get", "a2aExtendedCard", "Refused: an agent has one card, and it is public"),
];

/// What is looked at of a message, and has to be there.
fn send(_: &mut SchemaGenerator) -> Value {
    let part = json!({ "type": "object", "required": ["text"], "properties": { "text": { "type": "string" } } });
    let message = json!({
        "type": "object",
        "required": ["messageId", "role", "parts"],
        "properties": {
            "messageId": { "type": "string", "minLength": 1 },
            "role": { "enum": ["ROLE_USER"] },
            "parts": { "type": "array", "minItems": 1, "items": part },
        },
    });
    json!({ "type": "object", "required": ["message"], "properties": { "message": message } })
}
