//! Examples of bodies: what a reader of the document copies, and what tools make mocks of.

use serde_json::Value;

/// What an operation is asked, and what it answers with a status.
const EXAMPLES: &[(&str, &str, &str)] = &[
    ("health", "200", r#"{ "status": "ok", "version": "0.3.0" }"#),
    ("ready", "200", r#"{ "ready": true, "components": [{ "name": "server", "state": "ready" }] }"#),
    (
        "ready",
        "503",
        r#"{ "ready": false, "components": [{ "name": "memory", "state": "not_ready", "reason": "unreachable", "message": "connection refused" }] }"#,
    ),
    ("listAgents", "200", r#"{ "agents": [{ "id": "greeter", "description": "Says hello." }] }"#),
    (
        "addAgent",
        "request",
        r#"{ "apiVersion": "skreaver.dev/v1alpha1", "kind": "Agent", "metadata": { "name": "greeter" }, "spec": { "tools": [{ "name": "uppercase", "type": "Builtin" }] } }"#,
    ),
    ("addAgent", "201", STATUS),
    ("agentStatus", "200", STATUS),
    ("observe", "request", r#"{ "input": "uppercase:hello" }"#),
    (
        "observe",
        "200",
        r#"{ "output": "HELLO", "agent": "greeter", "run": "01990f7c-7c5e-7c3a-9f7e-0c8f0b9a3d21", "usage": { "tool_calls": 1, "duration_us": 412 }, "tool_calls": [{ "tool": "uppercase", "duration_us": 38 }] }"#,
    ),
    ("observe", "202", RUNNING),
    ("listApprovals", "200", r#"{ "approvals": [] }"#),
    ("decideApproval", "request", r#"{ "decision": "Approve", "user": "mara", "reason": "I know this customer." }"#),
    ("decideApproval", "200", r#"{ "state": "Approved" }"#),
    (
        "listRuns",
        "200",
        r#"{ "runs": [{ "run": "01990f7c-7c5e-7c3a-9f7e-0c8f0b9a3d21", "agent": "greeter", "state": "running", "accepted_at": "2026-01-02T03:04:05Z" }] }"#,
    ),
    ("runStatus", "200", RUNNING),
    ("listSessions", "200", r#"{ "sessions": ["support-4711"] }"#),
    ("session", "200", r#"{ "session": "support-4711", "messages": [] }"#),
    ("agentMcp", "request", LIST_TOOLS),
    ("agentMcp", "200", TOOLS),
    ("agentMcp", "400", NO_MESSAGE),
    ("mcp", "request", LIST_TOOLS),
    ("mcp", "200", TOOLS),
    ("mcp", "400", NO_MESSAGE),
    (
        "listModels",
        "200",
        r#"{ "object": "list", "data": [{ "id": "greeter", "object": "model", "created": 0, "owned_by": "skreaver" }] }"#,
    ),
    ("model", "200", r#"{ "id": "greeter", "object": "model", "created": 0, "owned_by": "skreaver" }"#),
    (
        "createChatCompletion",
        "request",
        r#"{ "model": "greeter", "messages": [{ "role": "user", "content": "uppercase:hello" }] }"#,
    ),
    (
        "createChatCompletion",
        "200",
        r#"{ "id": "chatcmpl-01990f7c-7c5e-7c3a-9f7e-0c8f0b9a3d21", "object": "chat.completion", "created": 1767323045, "model": "greeter", "choices": [{ "index": 0, "message": { "role": "assistant", "content": "HELLO" }, "finish_reason": "stop" }] }"#,
    ),
    ("createResponse", "request", r#"{ "model": "greeter", "input": "uppercase:hello" }"#),
    (
        "createResponse",
        "200",
        r#"{ "id": "resp_01990f7c-7c5e-7c3a-9f7e-0c8f0b9a3d21", "object": "response", "created_at": 1767323045, "model": "greeter", "status": "completed", "output": [{ "id": "msg_01990f7c-7c5e-7c3a-9f7e-0c8f0b9a3d21", "type": "message", "role": "assistant", "status": "completed", "content": [{ "type": "output_text", "text": "HELLO", "annotations": [] }] }] }"#,
    ),
    ("card", "200", CARD),
    ("agentCard", "200", CARD),
    ("a2a", "request", SEND_OVER_RPC),
    (
        "a2a",
        "200",
        r#"{ "jsonrpc": "2.0", "id": 1, "result": { "task": { "id": "01990f7c-7c5e-7c3a-9f7e-0c8f0b9a3d21", "contextId": "support-4711", "status": { "state": "TASK_STATE_COMPLETED" } } } }"#,
    ),
    ("a2aSend", "request", SEND),
    (
        "a2aSend",
        "200",
        r#"{ "task": { "id": "01990f7c-7c5e-7c3a-9f7e-0c8f0b9a3d21", "contextId": "support-4711", "status": { "state": "TASK_STATE_COMPLETED" } } }"#,
    ),
    ("a2aStream", "request", SEND),
    ("a2aTasks", "200", r#"{ "tasks": [], "nextPageToken": "", "pageSize": 50, "totalSize": 0 }"#),
    ("a2aTask", "200", TASK),
    ("a2aAct", "200", TASK),
];

const STATUS: &str = r#"{ "id": "greeter", "tools": ["uppercase"], "policy_version": 0, "running": 0, "queued": 0, "runs": { "completed": 3, "failed": 0, "rejected": 0 } }"#;
const RUNNING: &str = r#"{ "run": "01990f7c-7c5e-7c3a-9f7e-0c8f0b9a3d21", "agent": "greeter", "state": "running", "accepted_at": "2026-01-02T03:04:05Z" }"#;
const CARD: &str = r#"{ "name": "greeter", "description": "Says hello.", "version": "0.3.0", "supportedInterfaces": [{ "url": "http://127.0.0.1:3000/agents/greeter/a2a", "protocolBinding": "JSONRPC", "protocolVersion": "1.0" }], "capabilities": { "streaming": true }, "defaultInputModes": ["text/plain"], "defaultOutputModes": ["text/plain"], "skills": [{ "id": "greeter", "name": "greeter", "description": "Says hello.", "tags": ["agent"] }] }"#;
const SEND: &str = r#"{ "message": { "messageId": "1", "role": "ROLE_USER", "parts": [{ "text": "uppercase:hello" }] } }"#;
const SEND_OVER_RPC: &str = r#"{ "jsonrpc": "2.0", "id": 1, "method": "SendMessage", "params": { "message": { "messageId": "1", "role": "ROLE_USER", "parts": [{ "text": "uppercase:hello" }] } } }"#;
const TASK: &str = r#"{ "id": "01990f7c-7c5e-7c3a-9f7e-0c8f0b9a3d21", "contextId": "support-4711", "status": { "state": "TASK_STATE_COMPLETED" } }"#;
const LIST_TOOLS: &str = r#"{ "jsonrpc": "2.0", "id": 1, "method": "tools/list" }"#;
const NO_MESSAGE: &str = r#"{ "jsonrpc": "2.0", "error": { "code": -32700, "message": "expected value at line 1 column 1" } }"#;
const TOOLS: &str =
    r#"{ "jsonrpc": "2.0", "id": 1, "result": { "tools": [{ "name": "uppercase", "inputSchema": { "type": "object" } }] } }"#;

/// The example of an operation's request (`request`) or of its answer with a status.
pub(super) fn example(operation: &str, of: &str) -> Option<Value> {
    let (_, _, text) = EXAMPLES.iter().find(|(id, what, _)| *id == operation && *what == of)?;
    Some(serde_json::from_str(text).expect("the examples are JSON, as a test has seen"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::{document, json_of};
    use super::*;

    /// Every JSON body of the document, and where it stands.
    fn bodies(document: &Value) -> Vec<(String, &Value)> {
        let mut bodies = Vec::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap().iter().filter(|(name, _)| *name != "parameters") {
                let request = operation.get("requestBody").map(|request| ("request", request));
                let answers =
                    operation["responses"].as_object().unwrap().iter().map(|(status, answer)| (status.as_str(), answer));
                for (what, body) in request.into_iter().chain(answers) {
                    // Errors of protocols that are not ours have the shape that those say.
                    let is_foreign = |json: &Value| json["schema"]["$ref"].as_str().is_some_and(|to| to.ends_with("Error"));
                    let kinds = BTreeSet::from(["application/json", json_of(path)]);
                    let found = kinds.into_iter().filter_map(|kind| body["content"].get(kind));
                    let found = found.filter(|json| !is_foreign(json));
                    bodies.extend(found.map(|json| (format!("{method} {path} {what}"), json)));
                }
            }
        }
        bodies
    }

    #[test]
    fn every_body_has_an_example_of_its_shape() {
        let document = document();
        let bodies = bodies(&document);
        let examples = bodies.iter().filter(|(_, body)| body.get("example").is_some()).count();
        assert_eq!(examples, EXAMPLES.len(), "an example is of no body");
        for (place, body) in bodies.into_iter().filter(|(place, _)| !place.contains("/openapi.json")) {
            let mut schema = body["schema"].clone();
            schema["components"] = document["components"].clone();
            let example = body.get("example").unwrap_or_else(|| panic!("{place} has no example"));
            let valid = jsonschema::validate(&schema, example);
            assert!(valid.is_ok(), "{place}: {valid:?}");
        }
    }
}
