//! The tools, prompts and resources that the MCP conformance suite asks for, over the code that serves agents: `mcp_fixtures
//! ADDRESS`.

#![allow(clippy::unwrap_used, reason = "the suite sees to it that it fails")]
#![allow(deprecated, reason = "the suite asks for what only older revisions have")]

use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::IntoResponse;
use axum::routing::get;
use rmcp::handler::server::ServerHandler;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ClientCapabilities, CompleteRequestParams, CompleteResult,
    ErrorData, GetPromptRequestParams, GetPromptResponse, GetPromptResult, InputRequiredResult, ListPromptsResult,
    ListResourceTemplatesResult, ListResourcesResult, ListToolsResult, PaginatedRequestParams, ProgressNotificationParam,
    ReadResourceRequestParams, ReadResourceResponse, ReadResourceResult, ServerCapabilities, ServerConfig, ServerNotification,
    ServerRequest, SetLevelRequestParams, SubscribeRequestParams, SubscriptionFilter, UnsubscribeRequestParams,
};
use rmcp::service::{RequestContext, RoleServer};
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use serde_json::{Value, json};
use skreaver::mcp::Endpoint;

/// The smallest picture and the smallest sound.
const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==";
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
const STATE: &str = "quarry";

#[tokio::main]
async fn main() {
    let hosts = ["localhost", "127.0.0.1"].map(str::to_owned);
    let address = std::env::args().nth(1).expect("name the address to listen on");
    let app =
        Router::new().route("/ready", get(|| async {})).fallback(answer).with_state(Endpoint::with_sessions(Fixtures, &hosts));
    let listener = tokio::net::TcpListener::bind(address).await.unwrap();
    axum::serve(listener, app).await.unwrap();
}

async fn answer(State(endpoint): State<Endpoint<Fixtures, LocalSessionManager>>, request: Request) -> impl IntoResponse {
    endpoint.handle(request).await.unwrap()
}

#[derive(Clone)]
struct Fixtures;

type Asked<T> = Result<T, ErrorData>;
type Context = RequestContext<RoleServer>;

fn made<T: serde::de::DeserializeOwned>(value: Value) -> Asked<T> {
    serde_json::from_value(value).map_err(|error| ErrorData::internal_error(error.to_string(), None))
}

/// A whole answer; of clients of older revisions the SDK keeps from them that it is whole.
fn result<T: serde::de::DeserializeOwned>(mut value: Value) -> Asked<T> {
    value["resultType"] = "complete".into();
    made(value)
}

fn text(text: &str) -> Value {
    json!({ "content": [{ "type": "text", "text": text }] })
}

fn question(message: &str, properties: Value, required: Value) -> Value {
    let schema = json!({ "type": "object", "properties": properties, "required": required });
    json!({ "method": "elicitation/create", "params": { "mode": "form", "message": message, "requestedSchema": schema } })
}

fn word(field: &str) -> (Value, Value) {
    (json!({ field: { "type": "string" } }), json!([field]))
}

fn name_question() -> Value {
    let (properties, required) = word("name");
    question("What is your name?", properties, required)
}

fn sampling(text: &str) -> Value {
    let said = json!([{ "role": "user", "content": { "type": "text", "text": text } }]);
    json!({ "method": "sampling/createMessage", "params": { "messages": said, "maxTokens": 100 } })
}

fn roots() -> Value {
    json!({ "method": "roots/list", "params": {} })
}

/// What a tool answers that always answers the same.
fn fixed(tool: &str) -> Option<Value> {
    let image = json!({ "type": "image", "data": PNG, "mimeType": "image/png" });
    let resource = |uri: &str, kind: &str, text: &str| json!({ "type": "resource", "resource": { "uri": uri, "mimeType": kind, "text": text } });
    Some(match tool {
        "test_logging_tool" => text("It is done."),
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
    let has = |key: &str| given.is_some_and(|given| given.get(key).is_some());
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

impl ServerHandler for Fixtures {
    fn get_info(&self) -> ServerConfig {
        made(json!({
            "protocolVersion": "2025-11-25", "serverInfo": { "name": "fixtures", "version": "0" },
            "capabilities": { "tools": {}, "resources": { "subscribe": true }, "prompts": {}, "completions": {}, "logging": {} }
        }))
        .unwrap_or_else(|_| ServerConfig::new(ServerCapabilities::builder().enable_tools().build()))
    }

    fn accepted_subscription_filter(&self, requested: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        Some(requested.clone())
    }

    async fn set_level(&self, _: SetLevelRequestParams, _: Context) -> Asked<()> {
        Ok(())
    }

    async fn subscribe(&self, _: SubscribeRequestParams, _: Context) -> Asked<()> {
        Ok(())
    }

    async fn unsubscribe(&self, _: UnsubscribeRequestParams, _: Context) -> Asked<()> {
        Ok(())
    }

    async fn list_tools(&self, _: Option<PaginatedRequestParams>, _: Context) -> Asked<ListToolsResult> {
        let tool = |name| json!({ "name": name, "description": "Of the suite.", "inputSchema": { "type": "object" } });
        result(json!({ "tools": TOOLS.map(tool) }))
    }

    async fn call_tool(&self, request: CallToolRequestParams, context: Context) -> Asked<CallToolResponse> {
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

    async fn list_resources(&self, _: Option<PaginatedRequestParams>, _: Context) -> Asked<ListResourcesResult> {
        let resource = |name| json!({ "uri": format!("test://{name}"), "name": name });
        let resources = ["static-text", "static-binary", "watched-resource"].map(resource);
        result(json!({ "resources": resources }))
    }

    async fn list_resource_templates(&self, _: Option<PaginatedRequestParams>, _: Context) -> Asked<ListResourceTemplatesResult> {
        result(json!({ "resourceTemplates": [{ "uriTemplate": "test://template/{id}/data", "name": "data" }] }))
    }

    async fn read_resource(&self, request: ReadResourceRequestParams, _: Context) -> Asked<ReadResourceResponse> {
        let uri = request.uri.as_str();
        let id = uri.strip_prefix("test://template/").and_then(|rest| rest.strip_suffix("/data"));
        let content = match (uri, id) {
            ("test://static-text", _) => {
                json!({ "uri": uri, "mimeType": "text/plain", "text": "This is the content of the static text resource." })
            }
            ("test://static-binary", _) => json!({ "uri": uri, "mimeType": "image/png", "blob": PNG }),
            ("test://watched-resource", _) => json!({ "uri": uri, "mimeType": "text/plain", "text": "Watched." }),
            (_, Some(id)) => {
                let data = json!({ "id": id, "templateTest": true, "data": format!("Data for ID: {id}") });
                json!({ "uri": uri, "mimeType": "application/json", "text": data.to_string() })
            }
            _ => return Err(ErrorData::resource_not_found("there is no such resource", Some(json!({ "uri": uri })))),
        };
        Ok(result::<ReadResourceResult>(json!({ "contents": [content] }))?.into())
    }

    async fn list_prompts(&self, _: Option<PaginatedRequestParams>, _: Context) -> Asked<ListPromptsResult> {
        let prompt = |(name, arguments): (&str, &[&str])| {
            let argument = |name: &&str| json!({ "name": name, "required": true });
            json!({ "name": name, "description": "Of the suite.", "arguments": arguments.iter().map(argument).collect::<Vec<_>>() })
        };
        let prompts: [(&str, &[&str]); 5] = [
            ("test_simple_prompt", &[]),
            ("test_prompt_with_arguments", &["arg1", "arg2"]),
            ("test_prompt_with_embedded_resource", &["resourceUri"]),
            ("test_prompt_with_image", &[]),
            ("test_input_required_result_prompt", &[]),
        ];
        result(json!({ "prompts": prompts.map(prompt) }))
    }

    async fn get_prompt(&self, request: GetPromptRequestParams, _: Context) -> Asked<GetPromptResponse> {
        let given = json!(request.arguments);
        let said = |text: String| json!({ "role": "user", "content": { "type": "text", "text": text } });
        let messages = match request.name.as_str() {
            "test_simple_prompt" => json!([said("This is a simple prompt for testing.".to_owned())]),
            "test_prompt_with_arguments" => {
                let argument = |name: &str| given[name].as_str().unwrap_or_default().to_owned();
                json!([said(format!("Prompt with arguments: arg1='{}', arg2='{}'", argument("arg1"), argument("arg2")))])
            }
            "test_prompt_with_embedded_resource" => {
                let resource = json!({ "uri": given["resourceUri"], "mimeType": "text/plain", "text": "Embedded resource content for testing." });
                json!([
                    { "role": "user", "content": { "type": "resource", "resource": resource } },
                    said("Please process the embedded resource above.".to_owned())
                ])
            }
            "test_prompt_with_image" => json!([
                { "role": "user", "content": { "type": "image", "data": PNG, "mimeType": "image/png" } },
                said("Please analyze the image above.".to_owned())
            ]),
            "test_input_required_result_prompt" if request.input_responses.is_none() => {
                let (properties, required) = word("context");
                let asked = json!({ "user_context": question("What context should the prompt use?", properties, required) });
                let asked = json!({ "resultType": "input_required", "inputRequests": asked });
                return Ok(made::<InputRequiredResult>(asked)?.into());
            }
            "test_input_required_result_prompt" => json!([said("The context is known.".to_owned())]),
            unknown => return Err(ErrorData::invalid_params(format!("no prompt is named `{unknown}`"), None)),
        };
        Ok(result::<GetPromptResult>(json!({ "messages": messages }))?.into())
    }

    async fn complete(&self, _: CompleteRequestParams, _: Context) -> Asked<CompleteResult> {
        result(json!({ "completion": { "values": ["paris", "park"], "total": 2, "hasMore": false } }))
    }
}
