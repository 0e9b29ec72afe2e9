//! Servers that are none, that hang, and that answer with too much; and places that nobody may reach.

use std::sync::Arc;

use axum::Router;
use axum::routing::any;
use serde_json::json;
use skreaver_effects::Bounds;
use skreaver_policy::bounds::{Own, Sections};
use skreaver_protocol::ToolName;
use skreaver_protocol::config::{McpConfig, McpServer};
use skreaver_protocol::policy::HttpSection;
use skreaver_remote::World;
use skreaver_remote::mcp::McpSource;
use skreaver_tools::ToolError;

use crate::peers::{Era, Ledgers, announced, call, config, lost, ready, serve, serve_router, start, world, world_with};

#[tokio::test]
async fn what_is_no_mcp_is_told_and_its_content_is_not() {
    let pages = Router::new()
        .route("/html", any(|| async { ([("content-type", "text/html")], "hush page") }))
        .route("/json", any(|| async { ([("content-type", "application/json")], "{\"hush\": 1}") }))
        .route("/moved", any(|| async { (axum::http::StatusCode::FOUND, [("location", "http://169.254.169.254/")]) }))
        .route("/broken", any(|| async { (axum::http::StatusCode::INTERNAL_SERVER_ERROR, "hush trace") }))
        .route("/events", any(|| async { ([("content-type", "text/event-stream")], "data: hush\n\n") }));
    let server = serve_router(pages, None).await;
    for (path, expected) in
        [("html", "text/html"), ("json", "not MCP"), ("moved", "redirect"), ("broken", "HTTP 500"), ("events", "")]
    {
        let source = start(skreaver_remote::mcp::config(format!("http://{}/{path}", server.address)));
        let why = lost(&source).await;
        assert!(why.contains(expected) && !why.contains("hush"), "{path}: {why}");
    }
}

#[tokio::test]
async fn a_server_that_never_answers_is_lost_in_time() {
    let pages = Router::new().fallback(std::future::pending::<()>);
    let server = serve_router(pages, None).await;
    let source = start(McpConfig { timeout: "100ms".parse().unwrap(), ..config(server.address) });
    assert!(lost(&source).await.contains("no answer in 5100 ms"));
}

#[tokio::test]
async fn a_result_that_is_too_large_is_a_failure() {
    let has = Ledgers::new();
    has.set(vec![announced("large", "Gives much.")]);
    let server = serve(&has, Era::Stateless, None).await;
    let source = start(McpConfig { timeout: "20s".parse().unwrap(), ..config(server.address) });
    let offer = ready(&source).await;
    let Err(ToolError::Failed(why)) = call(&offer, "ledger/large", json!({})).await else { panic!() };
    assert!(why.contains("ask for less"), "{why}");
}

async fn why(world: World, config: McpConfig) -> String {
    lost(&McpSource::start(ToolName::parse("ledger").unwrap(), config, world)).await
}

#[tokio::test]
async fn places_are_judged_and_lists_of_allowed_hosts_are_not_asked() {
    let has = Ledgers::new();
    let server = serve(&has, Era::Stateless, None).await;
    // In a cluster nobody's spec opens loopback.
    let refused = why(world_with(Bounds::new(Own::default(), [])), config(server.address)).await;
    assert!(refused.contains("loopback"), "{refused}");
    let section = |allow: &[&str], deny: &[&str]| {
        let strings = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let section = HttpSection { allow_domains: Some(strings(allow)), deny_domains: strings(deny) };
        Arc::new(Sections::compile("internal", Some(&section), None, None).unwrap())
    };
    let laptop = || Own { ground: skreaver_policy::bounds::Ground::Laptop, ..Own::default() };
    let denied =
        why(world_with(Bounds::new(laptop(), [section(&["127.0.0.1"], &["127.0.0.0/8"])])), config(server.address)).await;
    assert!(denied.contains("ToolPolicy `internal`"), "{denied}");
    let listed = world_with(Bounds::new(laptop(), [section(&["api.example.com"], &[])]));
    ready(&McpSource::start(ToolName::parse("ledger").unwrap(), config(server.address), listed)).await;
}

#[tokio::test]
async fn configs_that_cannot_work_say_why() {
    let glob = McpConfig { include: vec!["[".into()], ..skreaver_remote::mcp::config("http://127.0.0.1:1/mcp") };
    assert!(why(world(), glob).await.contains("include"));
    assert!(why(world(), skreaver_remote::mcp::config("ftp://x")).await.contains("not http or https"));
    let server = McpServer::Command { command: "true".into(), args: vec![], env: Default::default() };
    let child = McpConfig { server, ..skreaver_remote::mcp::config("") };
    let cluster = World { ground: skreaver_policy::bounds::Ground::Cluster, ..world() };
    assert!(why(cluster, child).await.contains("only on a laptop"));
}
