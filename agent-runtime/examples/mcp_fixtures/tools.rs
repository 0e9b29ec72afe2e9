//! The tools of the suite.

use std::time::Duration;

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ClientCapabilities, ErrorData, InputRequiredResult,
    ProgressNotificationParam, ServerNotification, ServerRequest,
};
use serde_json::{Value, json};

use super::questions::{name_question, question, roots, sampling, text, word};
use super::{Asked, Context, PNG, made, result};

/// The smallest sound.
const WAV: &str = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQAAAAA=";
const TOOLS: [&str; 23] = [
    "test_streaming_elicitation",
    "test_logging_tool",
    "test_input_required_result_tampered_state",
    "test_simple_text",
    "test_image_content",
    "test_audio_content",
    "test_embedded_resource",
    "test_multiple_content_types",
    "test_error_handling",
    "test_tool_with_logging",
    "test_tool_with_progress",
    "test_sampling",
    "test_elicitation",
    "test_elicitation_sep1034_defaults",
    "test_elicitation_sep1330_enums",
    "test_missing_capability",
    "test_input_required_result_elicitation",
    "test_input_required_result_sampling",
    "test_input_required_result_list_roots",
    "test_input_required_result_request_state",
    "test_input_required_result_multiple_inputs",
    "test_input_required_result_multi_round",
    "test_input_required_result_capabilities",
];
/// A tool that asks for a header that repeats an argument.
const WITH_HEADER: &str = "test_header";
/// What the client is to bring back.
const STATE: &str = "quarry";

/// All that is listed.
pub(super) fn all() -> Vec<Value> {
    let tool = |name: &str, schema: Value| json!({ "name": name, "description": "Of the suite.", "inputSchema": schema });
    let region = json!({ "type": "string", "x-mcp-header": "Region" });
    let mut all =
        vec![tool(WITH_HEADER, json!({ "type": "object", "properties": { "region": region }, "required": ["region"] }))];
    all.extend(TOOLS.map(|name| tool(name, json!({ "type": "object" }))));
    all
}

pub(super) async fn call(request: CallToolRequestParams, context: Context) -> Asked<CallToolResponse> {
    let tool = request.name.as_ref();
    let given = request.input_responses.map(|given| json!(given));
    let can = context.client_capabilities().unwrap_or_default();
    let arguments = Value::Object(request.arguments.unwrap_or_default());
    if tool.ends_with("tampered_state") && request.request_state.as_ref().is_some_and(|state| state != STATE) {
        return Err(ErrorData::invalid_params("this state is not ours", None));
    }
    if let Some(answer) = fixed(tool) {
        return Ok(result::<CallToolResult>(answer)?.into());
    }
    if let Some(answer) = rounds(tool, given.as_ref(), request.request_state.as_deref(), &can) {
        let is_question = answer["resultType"] == "input_required";
        return if is_question {
            Ok(made::<InputRequiredResult>(answer)?.into())
        } else {
            Ok(result::<CallToolResult>(answer)?.into())
        };
    }
    if let Some(asks) = asked_in_session(tool, &arguments) {
        let answer = context.peer.send_request(made::<ServerRequest>(asks)?).await;
        let answer = answer.map_err(|error| ErrorData::internal_error(error.to_string(), None))?;
        return Ok(result::<CallToolResult>(text(&json!(answer).to_string()))?.into());
    }
    match tool {
        "test_missing_capability" => {
            return Err(ErrorData::missing_required_client_capability(made(json!({ "sampling": {} }))?));
        }
        "test_tool_with_logging" => {
            for said in ["Tool execution started", "Tool processing data", "Tool execution completed"] {
                let message = json!({ "method": "notifications/message", "params": { "level": "info", "data": said } });
                let _ = context.peer.send_notification(made::<ServerNotification>(message)?).await;
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        "test_tool_with_progress" => {
            for progress in [0.0, 50.0, 100.0] {
                if let Some(token) = context.meta.get_progress_token() {
                    let told = ProgressNotificationParam::new(token, progress).with_total(100.0);
                    let _ = context.peer.notify_progress(told).await;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        unknown => return Err(ErrorData::invalid_params(format!("no tool is named `{unknown}`"), None)),
    }
    Ok(result::<CallToolResult>(text("It is done."))?.into())
}

/// What a tool answers that always answers the same.
fn fixed(tool: &str) -> Option<Value> {
    let image = json!({ "type": "image", "data": PNG, "mimeType": "image/png" });
    let resource = |uri: &str, kind: &str, text: &str| json!({ "type": "resource", "resource": { "uri": uri, "mimeType": kind, "text": text } });
    Some(match tool {
        "test_logging_tool" | WITH_HEADER => text("It is done."),
        "test_simple_text" => text("This is a simple text response for testing."),
        "test_image_content" => json!({ "content": [image] }),
        "test_audio_content" => json!({ "content": [{ "type": "audio", "data": WAV, "mimeType": "audio/wav" }] }),
        "test_embedded_resource" => {
            json!({ "content": [resource("test://embedded-resource", "text/plain", "This is an embedded resource content.")] })
        }
        "test_multiple_content_types" => json!({ "content": [
            { "type": "text", "text": "Multiple content types test:" }, image,
            resource("test://mixed-content-resource", "application/json", r#"{"test":"data","value":123}"#)
        ] }),
        "test_error_handling" => {
            json!({ "isError": true, "content": [{ "type": "text", "text": "This tool intentionally returns an error for testing" }] })
        }
        _ => return None,
    })
}

/// What a tool asks before it answers, round by round.
fn rounds(tool: &str, given: Option<&Value>, state: Option<&str>, can: &ClientCapabilities) -> Option<Value> {
    let asks = |requests: Value, state: Option<&str>| {
        let mut asked = json!({ "resultType": "input_required", "inputRequests": requests });
        if let Some(state) = state {
            asked["requestState"] = state.into();
        }
        asked
    };
    let has = |key: &str| given.is_some_and(|given| given[key].is_object());
    let ok = || question("Please confirm", json!({ "ok": { "type": "boolean" } }), json!(["ok"]));
    Some(match tool {
        "test_streaming_elicitation" => asks(json!({ "user_name": name_question() }), None),
        "test_input_required_result_tampered_state" if state.is_some() => text("The state is ours."),
        "test_input_required_result_tampered_state" => asks(json!({ "confirm": ok() }), Some(STATE)),
        "test_input_required_result_elicitation" if has("user_name") => {
            text(&format!("Hello, {}!", given?["user_name"]["content"]["name"].as_str().unwrap_or("you")))
        }
        "test_input_required_result_elicitation" => asks(json!({ "user_name": name_question() }), None),
        "test_input_required_result_sampling" if has("capital_question") => text("The model has answered."),
        "test_input_required_result_sampling" => {
            asks(json!({ "capital_question": sampling("What is the capital of France?") }), None)
        }
        "test_input_required_result_list_roots" if has("client_roots") => text("The roots are known."),
        "test_input_required_result_list_roots" => asks(json!({ "client_roots": roots() }), None),
        "test_input_required_result_request_state" if has("confirm") && state == Some(STATE) => text("state-ok"),
        "test_input_required_result_request_state" => asks(json!({ "confirm": ok() }), Some(STATE)),
        "test_input_required_result_multiple_inputs" if has("user_name") && has("greeting") && has("client_roots") => {
            text("All is known.")
        }
        "test_input_required_result_multiple_inputs" => asks(
            json!({ "user_name": name_question(), "greeting": sampling("Generate a greeting"), "client_roots": roots() }),
            Some(STATE),
        ),
        "test_input_required_result_multi_round" if has("step2") && state == Some("round-2") => text("Both are known."),
        "test_input_required_result_multi_round" if has("step1") => {
            let (properties, required) = word("color");
            asks(json!({ "step2": question("Step 2: What is your favorite color?", properties, required) }), Some("round-2"))
        }
        "test_input_required_result_multi_round" => asks(json!({ "step1": name_question() }), Some("round-1")),
        "test_input_required_result_capabilities" => {
            let mut requests = json!({});
            if can.sampling.is_some() {
                requests["greeting"] = sampling("Generate a greeting");
            }
            if can.elicitation.is_some() {
                requests["user_name"] = name_question();
            }
            asks(requests, None)
        }
        _ => return None,
    })
}

/// What a tool asks the client in a session.
fn asked_in_session(tool: &str, arguments: &Value) -> Option<Value> {
    let string = |default: &str| json!({ "type": "string", "default": default });
    Some(match tool {
        "test_sampling" => sampling(arguments["prompt"].as_str().unwrap_or_default()),
        "test_elicitation" => question(
            arguments["message"].as_str().unwrap_or_default(),
            json!({ "username": { "type": "string" }, "email": { "type": "string" } }),
            json!(["username", "email"]),
        ),
        "test_elicitation_sep1034_defaults" => question(
            "Who are you?",
            json!({
                "name": string("John Doe"), "age": { "type": "integer", "default": 30 }, "score": { "type": "number", "default": 95.5 },
                "status": { "type": "string", "enum": ["active", "inactive", "pending"], "default": "active" },
                "verified": { "type": "boolean", "default": true }
            }),
            json!([]),
        ),
        "test_elicitation_sep1330_enums" => {
            let options = json!(["option1", "option2", "option3"]);
            let titled = json!([{ "const": "value1", "title": "First" }, { "const": "value2", "title": "Second" }, { "const": "value3", "title": "Third" }]);
            question(
                "Choose.",
                json!({
                    "untitledSingle": { "type": "string", "enum": options }, "titledSingle": { "type": "string", "oneOf": titled },
                    "legacyEnum": { "type": "string", "enum": ["opt1", "opt2", "opt3"], "enumNames": ["Option One", "Option Two", "Option Three"] },
                    "untitledMulti": { "type": "array", "items": { "type": "string", "enum": options } },
                    "titledMulti": { "type": "array", "items": { "anyOf": titled } }
                }),
                json!([]),
            )
        }
        _ => return None,
    })
}
