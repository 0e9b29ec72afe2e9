//! The OpenAPI 3.1 document, from one table of operations and the schemas of the wire types.

use std::sync::LazyLock;

use axum::http::header;
use axum::response::IntoResponse;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};
use skreaver_protocol::problem::{CONTENT_TYPE, Code, Problem};
use skreaver_protocol::rest::{AgentList, AgentStatus, Health, ObserveRequest, ObserveResponse, Readiness};

/// One thing that a caller can do.
struct Operation {
    path: &'static str,
    method: &'static str,
    id: &'static str,
    summary: &'static str,
    request: Option<fn(&mut SchemaGenerator) -> Value>,
    /// Status, what it means, and the shape of the body.
    responses: &'static [(u16, &'static str, Body)],
    problems: &'static [Code],
}

/// The shape of an answer.
enum Body {
    Json(fn(&mut SchemaGenerator) -> Value),
    Text,
    Any,
    Nothing,
}

fn schema<T: JsonSchema>(generator: &mut SchemaGenerator) -> Value {
    generator.subschema_for::<T>().to_value()
}

const OPERATIONS: &[Operation] = &[
    Operation {
        path: "/health",
        method: "get",
        id: "health",
        summary: "Whether the process is alive",
        request: None,
        responses: &[(200, "It is.", Body::Json(schema::<Health>))],
        problems: &[],
    },
    Operation {
        path: "/ready",
        method: "get",
        id: "ready",
        summary: "Whether traffic should come here, component by component",
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
        request: None,
        responses: &[(200, "The metrics.", Body::Text)],
        problems: &[],
    },
    Operation {
        path: "/openapi.json",
        method: "get",
        id: "openapi",
        summary: "This document",
        request: None,
        responses: &[(200, "This document.", Body::Any)],
        problems: &[],
    },
    Operation {
        path: "/agents",
        method: "get",
        id: "listAgents",
        summary: "The agents served here",
        request: None,
        responses: &[(200, "The agents, by name.", Body::Json(schema::<AgentList>))],
        problems: &[],
    },
    Operation {
        path: "/agents/{id}/status",
        method: "get",
        id: "agentStatus",
        summary: "How an agent does",
        request: None,
        responses: &[(200, "Its status.", Body::Json(schema::<AgentStatus>))],
        problems: &[Code::UnknownAgent],
    },
    Operation {
        path: "/agents/{id}/observe",
        method: "post",
        id: "observe",
        summary: "Ask an agent, and wait for its answer",
        request: Some(schema::<ObserveRequest>),
        responses: &[(200, "Its answer.", Body::Json(schema::<ObserveResponse>))],
        problems: &[
            Code::MalformedJson,
            Code::ToolDenied,
            Code::UnknownAgent,
            Code::RequestTimeout,
            Code::BodyTooLarge,
            Code::UnsupportedMediaType,
            Code::InvalidRequest,
            Code::UnknownTool,
            Code::InvalidArguments,
            Code::QueueFull,
            Code::ToolFailed,
            Code::RunTimeout,
        ],
    },
    Operation {
        path: "/agents/{id}",
        method: "delete",
        id: "removeAgent",
        summary: "Take an agent out of service; in a cluster, delete the Agent instead",
        request: None,
        responses: &[(204, "It is gone.", Body::Nothing)],
        problems: &[Code::UnknownAgent, Code::ManagedByKubernetes],
    },
    Operation {
        path: "/agents/{id}/mcp",
        method: "post",
        id: "agentMcp",
        summary: "The agent's tools over MCP, streamable HTTP",
        request: Some(any_object),
        responses: &[(200, "A JSON-RPC answer.", Body::Any), (202, "A notification was taken.", Body::Nothing)],
        problems: &[
            Code::MalformedJson,
            Code::ForbiddenHost,
            Code::UnknownAgent,
            Code::RequestTimeout,
            Code::BodyTooLarge,
            Code::UnsupportedMediaType,
            Code::InvalidRequest,
            Code::QueueFull,
        ],
    },
    Operation {
        path: "/mcp",
        method: "post",
        id: "mcp",
        summary: "As /agents/{id}/mcp, for the agent of this pod",
        request: Some(any_object),
        responses: &[(200, "A JSON-RPC answer.", Body::Any), (202, "A notification was taken.", Body::Nothing)],
        problems: &[
            Code::MalformedJson,
            Code::ForbiddenHost,
            Code::NotFound,
            Code::RequestTimeout,
            Code::BodyTooLarge,
            Code::UnsupportedMediaType,
            Code::InvalidRequest,
            Code::QueueFull,
        ],
    },
];

fn any_object(_: &mut SchemaGenerator) -> Value {
    json!({ "type": "object" })
}

/// The document; the same for every request.
static DOCUMENT: LazyLock<String> = LazyLock::new(|| document().to_string());

pub(crate) async fn serve() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], DOCUMENT.as_str())
}

fn document() -> Value {
    let mut generator =
        SchemaSettings::draft2020_12().with(|s| s.definitions_path = "/components/schemas".into()).into_generator();
    let mut paths = Map::new();
    for operation in OPERATIONS {
        let item = paths.entry(operation.path).or_insert_with(|| path_item(operation.path));
        item[operation.method] = describe(operation, &mut generator);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Skreaver agent-runtime",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Ask AI agents over REST. Errors are RFC 9457 problem details with a stable `code`.",
            "license": { "name": "MIT", "identifier": "MIT" },
        },
        "servers": [{ "url": "/" }],
        "paths": paths,
        "components": { "schemas": generator.take_definitions(true) },
    })
}

fn path_item(path: &str) -> Value {
    if !path.contains("{id}") {
        return json!({});
    }
    let schema = json!({ "type": "string" });
    json!({ "parameters": [{ "name": "id", "in": "path", "required": true, "description": "The agent's name.", "schema": schema }] })
}

fn describe(operation: &Operation, generator: &mut SchemaGenerator) -> Value {
    let mut described = json!({
        "operationId": operation.id,
        "summary": operation.summary,
        "responses": responses(operation, generator),
    });
    if let Some(schema) = operation.request {
        described["requestBody"] =
            json!({ "required": true, "content": { "application/json": { "schema": schema(generator) } } });
    }
    described
}

fn responses(operation: &Operation, generator: &mut SchemaGenerator) -> Value {
    let mut responses = Map::new();
    for (status, description, body) in operation.responses {
        let content = match body {
            Body::Json(schema) => json!({ "application/json": { "schema": schema(generator) } }),
            Body::Any => json!({ "application/json": { "schema": {} } }),
            Body::Text => json!({ "text/plain": { "schema": { "type": "string" } } }),
            Body::Nothing => json!({}),
        };
        responses.insert(status.to_string(), json!({ "description": description, "content": content }));
    }
    for code in operation.problems {
        let problem = json!({ CONTENT_TYPE: { "schema": schema::<Problem>(generator) } });
        let entry =
            responses.entry(code.status().to_string()).or_insert_with(|| json!({ "description": "", "content": problem }));
        let titles = entry["description"].as_str().unwrap_or_default();
        entry["description"] = if titles.is_empty() { code.title().into() } else { format!("{titles}; {}", code.title()).into() };
        if matches!(code, Code::QueueFull) {
            let seconds = json!({ "description": "Seconds to wait.", "schema": { "type": "integer" } });
            entry["headers"] = json!({ "Retry-After": seconds });
        }
    }
    responses.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reference_leads_to_a_schema() {
        let document = document();
        let text = document.to_string();
        let references: Vec<_> = text.split("\"$ref\":\"#/components/schemas/").skip(1).collect();
        assert!(references.len() > 10);
        for reference in references {
            let name = reference.split('"').next().unwrap();
            assert!(document["components"]["schemas"][name].is_object(), "{name}");
        }
    }

    #[test]
    fn an_operation_stands_once() {
        let mut ids: Vec<_> = OPERATIONS.iter().map(|operation| operation.id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), OPERATIONS.len());
    }
}
