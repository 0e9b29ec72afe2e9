//! The OpenAPI 3.1 document, from one table of operations and the schemas of the wire types.

#[cfg(test)]
mod complete;
mod examples;
mod operations;
#[cfg(feature = "openapi-ui")]
mod ui;

use std::sync::LazyLock;

use axum::http::header;
use axum::response::IntoResponse;
use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value, json};
use skreaver_protocol::problem::{CONTENT_TYPE, Code, Problem};
use skreaver_protocol::{AgentName, SessionId};

use self::examples::example;
use self::operations::{Body, Operation, Parameter, operations, schema};
use super::permissions::{Needs, TABLE};

#[cfg(feature = "openapi-ui")]
pub(crate) use self::ui::routes as ui;

/// The document; the same for every request.
static DOCUMENT: LazyLock<String> = LazyLock::new(|| document().to_string());

pub(crate) async fn serve() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], DOCUMENT.as_str())
}

fn document() -> Value {
    let mut generator = SchemaSettings::draft2020_12()
        .with(|s| s.definitions_path = "/components/schemas".into())
        .with_transform(RecursiveTransform(as_enum))
        .into_generator();
    let mut paths = Map::new();
    for operation in operations() {
        let item = paths.entry(operation.path).or_insert_with(|| path_item(operation.path, &mut generator));
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
        "tags": TAGS.map(|(name, _, description)| json!({ "name": name, "description": description })),
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

/// The groups of operations, and what their paths contain: the first that fits.
const TAGS: [(&str, &[&str], &str); 10] = [
    ("a2a", &["/a2a", "/.well-known/"], "Agents, for other agents that speak A2A"),
    ("openai", &["/v1/"], "Agents as models, for clients of OpenAI"),
    ("runs", &["/runs"], "What agents were asked, kept by agents with memory"),
    ("sessions", &["/sessions"], "What agents remember of conversations"),
    ("approvals", &["/approvals"], "Calls that wait for people"),
    ("mcp", &["/mcp"], "The tools of agents, for MCP clients"),
    ("websocket", &["/ws/"], "Many runs over one connection"),
    ("agents", &["/agents"], "Agents"),
    ("pages", &["/page.", "/icon.", "/docs"], "Pages for people"),
    ("service", &["/"], "The process that serves them"),
];

fn tag(path: &str) -> &'static str {
    let fits = |parts: &[&str]| parts.iter().any(|part| path.contains(part));
    TAGS.iter().find(|(_, parts, _)| fits(parts)).map_or("service", |(name, _, _)| name)
}

fn path_item(path: &str, generator: &mut SchemaGenerator) -> Value {
    let text = json!({ "type": "string" });
    let described = [
        ("id", "The agent's name.", schema::<AgentName>(generator)),
        ("run", "The run's id.", json!({ "type": "string", "format": "uuid" })),
        ("approval", "The name of a call that waits for approval.", text.clone()),
        ("session", "The session's id.", schema::<SessionId>(generator)),
        ("file", "The file's name.", text.clone()),
        ("task", "The task's id, and what is to be done with it behind a colon.", text.clone()),
        ("config", "The id of a push configuration.", text),
    ];
    let parameters: Vec<_> = described
        .into_iter()
        .filter(|(name, _, _)| path.contains(&format!("{{{name}}}")))
        .map(|(name, description, schema)| {
            json!({ "name": name, "in": "path", "required": true, "description": description, "schema": schema })
        })
        .collect();
    if parameters.is_empty() { json!({}) } else { json!({ "parameters": parameters }) }
}

fn parameter(Parameter { place, name, schema, description, required }: &Parameter) -> Value {
    let schema: Value = serde_json::from_str(schema).expect("the table has schemas");
    json!({ "name": name, "in": place, "description": description, "required": required, "schema": schema })
}

/// An `enum` in the place of a choice between constants, which generators of clients take for types of their own.
fn as_enum(schema: &mut Schema) {
    let Some(choices) = schema.get("oneOf").and_then(Value::as_array) else { return };
    let told = |choice: &Value| {
        let (name, text) =
            (choice.get("const")?.as_str()?, choice.get("description").and_then(Value::as_str).unwrap_or_default());
        Some((name.to_owned(), format!("- `{name}`: {text}")))
    };
    let Some(choices) = choices.iter().map(told).collect::<Option<Vec<_>>>() else { return };
    let (names, lines): (Vec<_>, Vec<_>) = choices.into_iter().unzip();
    let description = schema.get("description").and_then(Value::as_str).unwrap_or_default();
    let description = format!("{description}\n\n{}", lines.join("\n"));
    schema.remove("oneOf");
    schema.insert("type".to_owned(), "string".into());
    schema.insert("enum".to_owned(), names.into());
    schema.insert("description".to_owned(), description.trim_start().into());
}

fn describe(operation: &Operation, generator: &mut SchemaGenerator) -> Value {
    let mut described = json!({
        "operationId": operation.id,
        "summary": operation.summary,
        "tags": [tag(operation.path)],
        "responses": responses(operation, generator),
    });
    if is_free(operation) {
        described["security"] = json!([]);
    }
    if !operation.parameters.is_empty() {
        described["parameters"] = operation.parameters.iter().map(parameter).collect();
    }
    if let Some(schema) = operation.request {
        let content = with_example(json!({ "schema": schema(generator) }), operation.id, "request");
        described["requestBody"] = json!({ "required": true, "content": { "application/json": content } });
    }
    described
}

fn with_example(mut content: Value, operation: &str, of: &str) -> Value {
    if let Some(example) = example(operation, of) {
        content["example"] = example;
    }
    content
}

fn responses(operation: &Operation, generator: &mut SchemaGenerator) -> Value {
    let mut responses = Map::new();
    let json = json_of(operation.path);
    for (status, description, body) in operation.responses {
        let mut content = match body {
            Body::Json(schema) => json!({ json: { "schema": schema(generator) } }),
            Body::Events(event) => json!({ "text/event-stream": { "schema": event(generator) } }),
            Body::JsonOrEvents(schema, event) => json!({
                json: { "schema": schema(generator) },
                "text/event-stream": { "schema": event(generator) },
            }),
            Body::Any => json!({ json: { "schema": {} } }),
            Body::Text(kinds) => kinds.iter().map(|kind| (*kind, json!({ "schema": { "type": "string" } }))).collect(),
            Body::Nothing => json!({}),
        };
        if let Some(json) = content.get_mut(json) {
            *json = with_example(json.take(), operation.id, &status.to_string());
        }
        responses.insert(status.to_string(), json!({ "description": description, "content": content }));
    }
    let asked: &[Code] = if is_free(operation) { &[] } else { &[Code::Unauthenticated, Code::Forbidden, Code::KeysUnavailable] };
    for code in operation.problems.iter().chain(asked) {
        let (status, kind, told) = told(operation.path, *code, generator);
        let entry = responses.entry(status.to_string()).or_insert_with(|| json!({ "description": "", "content": {} }));
        entry["content"][kind] = told;
        let titles = entry["description"].as_str().unwrap_or_default();
        entry["description"] = if titles.is_empty() { code.title().into() } else { format!("{titles}; {}", code.title()).into() };
        if matches!(code, Code::QueueFull | Code::KeysUnavailable | Code::ModelUnavailable | Code::MemoryUnavailable) {
            let seconds = json!({ "description": "Seconds to wait.", "schema": { "type": "integer" } });
            entry["headers"] = json!({ "Retry-After": seconds });
        }
    }
    responses.into()
}

/// The media type of the JSON on a path: A2A has one of its own for its HTTP+JSON binding.
fn json_of(path: &str) -> &'static str {
    if path.starts_with("/agents/{id}/a2a/") { "application/a2a+json" } else { "application/json" }
}

/// A problem as the operations of a path tell it: its status, and the media type with what it carries.
fn told(path: &str, code: Code, generator: &mut SchemaGenerator) -> (u16, &'static str, Value) {
    let mut foreign = |name: &str, schema: Value| {
        generator.definitions_mut().insert(name.to_owned(), schema);
        json!({ "schema": { "$ref": format!("#/components/schemas/{name}") } })
    };
    if path.starts_with("/v1/") {
        // What is wrong with a body is 400 there, whatever is wrong with it.
        let is_of_body = matches!(code, Code::InvalidRequest | Code::MemoryRequired | Code::KeyReused);
        let status = if is_of_body { 400 } else { code.status() };
        return (status, json_of(path), foreign("OpenAiError", error("One of OpenAI's errors.")));
    }
    if path.starts_with("/agents/{id}/a2a") {
        let is_of_request = matches!(code, Code::InvalidRequest | Code::InputDenied | Code::MemoryRequired);
        let status = if is_of_request { 400 } else { code.status() };
        let told = foreign("A2aError", error("One of A2A's errors: of JSON-RPC, or a `google.rpc.Status`."));
        return (status, json_of(path), told);
    }
    (code.status(), CONTENT_TYPE, json!({ "schema": schema::<Problem>(generator) }))
}

/// An error of a protocol that is not ours.
fn error(description: &str) -> Value {
    let error = json!({ "type": "object", "required": ["message"], "properties": { "message": { "type": "string" } } });
    json!({ "type": "object", "description": description, "required": ["error"], "properties": { "error": error } })
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
        let mut ids: Vec<_> = operations().map(|operation| operation.id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), operations().count());
    }
}
