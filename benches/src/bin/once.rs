//! The agent-runtime, but its tool `add` may not be called twice: what the image's own tools do not need can be measured too.
//!
//! Usage: once CONFIG ADDRESS

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use async_trait::async_trait;
use serde_json::{Value, json};
use skreaver::policy::Permit;
use skreaver::protocol::ToolName;
use skreaver::tools::{Tool, ToolError};
use skreaver::{Listeners, Runtime, config, serve_until_terminated};
use tokio::net::TcpListener;

struct Charge;

#[async_trait]
impl Tool for Charge {
    fn description(&self) -> &str {
        "Adds two numbers, and would charge for it."
    }

    fn input_schema(&self) -> Value {
        json!({ "type": "object" })
    }

    fn is_idempotent(&self) -> bool {
        false
    }

    async fn run(&self, _permit: Permit, arguments: Value) -> Result<Value, ToolError> {
        Ok(json!(arguments["a"].as_i64().unwrap_or_default() + arguments["b"].as_i64().unwrap_or_default()))
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut args = std::env::args().skip(1);
    let config = PathBuf::from(args.next().context("name the configuration")?);
    let address: SocketAddr = args.next().context("say where to listen")?.parse()?;
    let runtime = Runtime::builder().config(config::load(&config)?).tool(ToolName::parse("add")?, Arc::new(Charge)).build()?;
    let listeners = Listeners { api: TcpListener::bind(address).await?, admin: None };
    Ok(serve_until_terminated(Arc::new(runtime), listeners, Duration::ZERO).await?)
}
