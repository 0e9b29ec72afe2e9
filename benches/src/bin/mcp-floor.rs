//! Floors of MCP: at `/mcp` a plain server of the same SDK, with the same settings and one tool; at `/echo` a bare handler that
//! reads the same JSON and answers the same.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::routing::{get, post};
use axum::{Json, Router};
use rmcp::handler::server::ServerHandler;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ErrorData, ListToolsResult, PaginatedRequestParams,
    ServerCapabilities, ServerConfig, Tool,
};
use rmcp::service::{RequestContext, RoleServer};
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use serde_json::{Map, Value, json};

#[derive(Clone)]
struct Plain;

impl ServerHandler for Plain {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(vec![Tool::new("uppercase", "Turns letters into capitals.", Arc::new(Map::new()))]))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let arguments = request.arguments.unwrap_or_default();
        let text = arguments.get("text").and_then(Value::as_str).unwrap_or_default().to_uppercase();
        Ok(CallToolResult::success(vec![ContentBlock::text(text)]).into())
    }
}

async fn echo(Json(request): Json<Value>) -> Json<Value> {
    let text = request["params"]["arguments"]["text"].as_str().unwrap_or_default().to_uppercase();
    let content = json!([{ "type": "text", "text": text }]);
    Json(json!({ "jsonrpc": "2.0", "id": request["id"], "result": { "content": content, "isError": false } }))
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let address: SocketAddr = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:3000".to_owned()).parse()?;
    let config = StreamableHttpServerConfig::default().with_legacy_session_mode(false).with_json_response(true);
    let plain = StreamableHttpService::new(|| Ok(Plain), Arc::new(NeverSessionManager::default()), config);
    let router = Router::new().route("/ready", get(|| async { "ok" })).route("/echo", post(echo)).nest_service("/mcp", plain);
    axum::serve(tokio::net::TcpListener::bind(address).await?, router).await?;
    Ok(())
}
