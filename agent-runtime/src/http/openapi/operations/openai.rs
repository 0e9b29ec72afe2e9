//! The API that clients of OpenAI know. Its errors have their shape: `OpenAiError`.

use schemars::SchemaGenerator;
use serde_json::{Value, json};
use skreaver_protocol::problem::Code;

use super::{Body, IDEMPOTENCY_KEY, Operation, RUN, any_object};

pub(super) const OPERATIONS: &[Operation] = &[
    Operation {
        path: "/v1/models",
        method: "get",
        id: "listModels",
        summary: "The agents, as OpenAI lists models",
        parameters: &[],
        request: None,
        responses: &[(200, "The agents.", Body::Json(any_object))],
        problems: &[],
    },
    Operation {
        path: "/v1/models/{id}",
        method: "get",
        id: "model",
        summary: "One agent, as OpenAI tells of a model",
        parameters: &[],
        request: None,
        responses: &[(200, "The agent.", Body::Json(any_object))],
        problems: &[Code::UnknownAgent],
    },
    Operation {
        path: "/v1/chat/completions",
        method: "post",
        id: "createChatCompletion",
        summary: "Ask an agent as a model of OpenAI; docs/openai.md says what of it is taken",
        parameters: &[IDEMPOTENCY_KEY],
        request: Some(chat),
        responses: &[(200, "The answer, or its pieces as server-sent events.", Body::JsonOrEvents(any_object, any_object))],
        problems: RUN,
    },
    Operation {
        path: "/v1/responses",
        method: "post",
        id: "createResponse",
        summary: "As /v1/chat/completions, in the form of responses",
        parameters: &[IDEMPOTENCY_KEY],
        request: Some(response),
        responses: &[(200, "The answer, or its pieces as server-sent events.", Body::JsonOrEvents(any_object, any_object))],
        problems: RUN,
    },
];

/// What is looked at of a request, and has to be there.
fn chat(_: &mut SchemaGenerator) -> Value {
    json!({
        "type": "object",
        "required": ["model", "messages"],
        "properties": { "model": model(), "messages": messages(), "stream": { "type": ["boolean", "null"] } },
    })
}

fn response(_: &mut SchemaGenerator) -> Value {
    json!({
        "type": "object",
        "required": ["model", "input"],
        "properties": {
            "model": model(),
            "input": { "anyOf": [{ "type": "string" }, messages()] },
            "previous_response_id": { "type": ["string", "null"], "description": "The id of a response, which this goes on from." },
            "stream": { "type": ["boolean", "null"] },
        },
    })
}

fn model() -> Value {
    json!({ "type": "string", "description": "The agent's name." })
}

/// What was said, and at last what the agent is told.
fn messages() -> Value {
    let part = json!({
        "type": "object",
        "required": ["type", "text"],
        "properties": { "type": { "enum": ["text", "input_text", "output_text"] }, "text": { "type": "string" } },
    });
    let message = json!({
        "type": "object",
        "required": ["role", "content"],
        "properties": {
            "role": { "enum": ["system", "developer", "user", "assistant"] },
            "content": { "anyOf": [{ "type": "string" }, { "type": "array", "items": part }] },
        },
    });
    json!({ "type": "array", "minItems": 1, "items": message })
}
