//! The tools, prompts and resources that the MCP conformance suite asks for, over the code that serves agents: `mcp_fixtures
//! ADDRESS`. At `/mcp` clients of older revisions have sessions, at `/stateless/mcp` nobody has, as with agents.

#![allow(clippy::unwrap_used, reason = "the suite sees to it that it fails")]
#![allow(deprecated, reason = "the suite asks for what only older revisions have")]

mod prompts;
mod questions;
mod resources;
mod tools;

use axum::Router;
use axum::extract::Request;
use axum::routing::{any, get};
use rmcp::handler::server::ServerHandler;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CompleteRequestParams, CompleteResult, ErrorData, GetPromptRequestParams,
    GetPromptResponse, ListPromptsResult, ListResourceTemplatesResult, ListResourcesResult, ListToolsResult,
    PaginatedRequestParams, ReadResourceRequestParams, ReadResourceResponse, ServerConfig, SetLevelRequestParams,
    SubscribeRequestParams, SubscriptionFilter, Tool, UnsubscribeRequestParams,
};
use rmcp::service::{RequestContext, RoleServer};
use serde_json::{Value, json};
use skreaver::mcp::Endpoint;

/// The smallest picture.
const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==";

#[tokio::main]
async fn main() {
    let hosts = ["localhost", "127.0.0.1"].map(str::to_owned);
    let address = std::env::args().nth(1).expect("name the address to listen on");
    let (sessions, stateless) = (Endpoint::with_sessions(Fixtures, &hosts), Endpoint::stateless(Fixtures, &hosts));
    let with_sessions = async move |request: Request| sessions.handle(request).await;
    let without = async move |request: Request| stateless.handle(request).await;
    let app =
        Router::new().route("/ready", get(|| async {})).route("/mcp", any(with_sessions)).route("/stateless/mcp", any(without));
    let listener = tokio::net::TcpListener::bind(address).await.unwrap();
    axum::serve(listener, app).await.unwrap();
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

impl ServerHandler for Fixtures {
    fn get_info(&self) -> ServerConfig {
        made(json!({
            "protocolVersion": "2025-11-25", "serverInfo": { "name": "fixtures", "version": "0" },
            "capabilities": { "tools": {}, "resources": { "subscribe": true }, "prompts": {}, "completions": {}, "logging": {} }
        }))
        .unwrap()
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        made(tools::all().into_iter().find(|tool| tool["name"] == name)?).ok()
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
        result(json!({ "tools": tools::all() }))
    }

    async fn call_tool(&self, request: CallToolRequestParams, context: Context) -> Asked<CallToolResponse> {
        tools::call(request, context).await
    }

    async fn list_resources(&self, _: Option<PaginatedRequestParams>, _: Context) -> Asked<ListResourcesResult> {
        result(json!({ "resources": resources::all() }))
    }

    async fn list_resource_templates(&self, _: Option<PaginatedRequestParams>, _: Context) -> Asked<ListResourceTemplatesResult> {
        result(json!({ "resourceTemplates": [{ "uriTemplate": "test://template/{id}/data", "name": "data" }] }))
    }

    async fn read_resource(&self, request: ReadResourceRequestParams, _: Context) -> Asked<ReadResourceResponse> {
        resources::read(&request.uri)
    }

    async fn list_prompts(&self, _: Option<PaginatedRequestParams>, _: Context) -> Asked<ListPromptsResult> {
        result(json!({ "prompts": prompts::all() }))
    }

    async fn get_prompt(&self, request: GetPromptRequestParams, _: Context) -> Asked<GetPromptResponse> {
        prompts::get(request)
    }

    async fn complete(&self, _: CompleteRequestParams, _: Context) -> Asked<CompleteResult> {
        result(json!({ "completion": { "values": ["paris", "park"], "total": 2, "hasMore": false } }))
    }
}
