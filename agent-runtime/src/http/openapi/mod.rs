//! The OpenAPI 3.1 document, from one table of operations and the schemas of the wire types.

mod operations;

use std::sync::LazyLock;

use axum::http::header;
use axum::response::IntoResponse;
use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};
use skreaver_protocol::problem::{CONTENT_TYPE, Code, Problem};

use self::operations::{Body, OPERATIONS, Operation, Parameter, schema};
use super::permissions::{Needs, TABLE};

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
        // Where callers are asked who they are; elsewhere what they send of it is not looked at.
        "security": [{ "bearer": [] }, { "apiKey": [] }],
        "components": {
            "schemas": generator.take_definitions(true),
            "securitySchemes": {
                "bearer": { "type": "http", "scheme": "bearer", "description": "A token of the cluster or of an OpenID provider, or an API key." },
                "apiKey": { "type": "apiKey", "in": "header", "name": "X-API-Key", "description": "An API key." },
            },
        },
    })
}

/// Whether anybody may ask.
fn is_free(operation: &Operation) -> bool {
    let method = operation.method.to_ascii_uppercase();
    TABLE.iter().any(|(its, path, needs)| *its == method && *path == operation.path && *needs == Needs::Nothing)
}

fn path_item(path: &str) -> Value {
    let described = [
        ("{id}", "id", "The agent's name."),
        ("{run}", "run", "The run's id, a UUID."),
        ("{approval}", "approval", "The name of a call that waits for approval."),
        ("{session}", "session", "The session's id."),
    ];
    let parameters: Vec<_> = described
        .into_iter()
        .filter(|(pattern, _, _)| path.contains(pattern))
        .map(|(_, name, description)| {
            json!({ "name": name, "in": "path", "required": true, "description": description, "schema": { "type": "string" } })
        })
        .collect();
    if parameters.is_empty() { json!({}) } else { json!({ "parameters": parameters }) }
}

fn parameter(Parameter { place, name, kind, description }: &Parameter) -> Value {
    json!({ "name": name, "in": place, "description": description, "schema": { "type": kind } })
}

fn describe(operation: &Operation, generator: &mut SchemaGenerator) -> Value {
    let mut described = json!({
        "operationId": operation.id,
        "summary": operation.summary,
        "responses": responses(operation, generator),
    });
    if is_free(operation) {
        described["security"] = json!([]);
    }
    if !operation.parameters.is_empty() {
        described["parameters"] = operation.parameters.iter().map(parameter).collect();
    }
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
            Body::Events(event) => json!({ "text/event-stream": { "schema": event(generator) } }),
            Body::JsonOrEvents(schema, event) => json!({
                "application/json": { "schema": schema(generator) },
                "text/event-stream": { "schema": event(generator) },
            }),
            Body::Any => json!({ "application/json": { "schema": {} } }),
            Body::Lines => json!({ "application/jsonl": { "schema": { "type": "string" } } }),
            Body::Text => json!({ "text/plain": { "schema": { "type": "string" } } }),
            Body::Nothing => json!({}),
        };
        responses.insert(status.to_string(), json!({ "description": description, "content": content }));
    }
    let asked: &[Code] = if is_free(operation) { &[] } else { &[Code::Unauthenticated, Code::Forbidden, Code::KeysUnavailable] };
    for code in operation.problems.iter().chain(asked) {
        let problem = json!({ CONTENT_TYPE: { "schema": schema::<Problem>(generator) } });
        let entry =
            responses.entry(code.status().to_string()).or_insert_with(|| json!({ "description": "", "content": problem }));
        let titles = entry["description"].as_str().unwrap_or_default();
        entry["description"] = if titles.is_empty() { code.title().into() } else { format!("{titles}; {}", code.title()).into() };
        if matches!(code, Code::QueueFull | Code::KeysUnavailable | Code::ModelUnavailable | Code::MemoryUnavailable) {
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
    fn what_needs_a_permission_is_what_asks_for_a_credential() {
        let document = document();
        for (method, path, needs) in TABLE {
            let operation = &document["paths"][path][method.to_ascii_lowercase()];
            assert!(operation.is_object(), "{method} {path} is not described");
            let is_free = *needs == Needs::Nothing;
            assert_eq!(operation["security"] == json!([]), is_free, "{method} {path}");
            assert_eq!(operation["responses"]["401"].is_null(), is_free, "{method} {path}");
        }
        assert_eq!(document["components"]["securitySchemes"]["bearer"]["scheme"], "bearer");
    }

    #[test]
    fn an_operation_stands_once() {
        let mut ids: Vec<_> = OPERATIONS.iter().map(|operation| operation.id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), OPERATIONS.len());
    }
}
