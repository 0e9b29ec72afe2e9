//! Uses of the public API, each under the features that it needs.

use std::sync::Arc;

use skreaver::tools::{FunctionTool, Text};
use skreaver::{Agent, AgentError, Context, InMemoryToolRegistry, Observation, Runtime};

pub use skreaver::{ExecutionResult, FileMemory, Memory, NonEmptyQueue, NonEmptyVec, Tool, ToolCall};

/// An agent of one's own.
pub struct Echo;

#[async_trait::async_trait]
impl Agent for Echo {
    async fn observe(&self, context: &Context, input: &str) -> Result<String, AgentError> {
        Ok(context.call("echo", serde_json::json!({ "text": input })).await?.to_string())
    }
}

/// Core: a runtime made in code.
pub fn made() -> Option<Runtime> {
    let echo = FunctionTool { description: "Echoes.", from_text: Text::arguments, run: |Text { text }| text.into() };
    let mut tools = InMemoryToolRegistry::new();
    tools.register("echo", echo).ok()?;
    let name = skreaver::protocol::AgentName::parse("amber").ok()?;
    Runtime::builder().agent(name, Arc::new(Echo)).tools(tools).build().ok()
}

/// Core: an agent that answers, without a server.
pub async fn answers(runtime: &Runtime) -> Option<String> {
    let agent = runtime.agent("amber")?;
    agent.observe(Observation::new("uppercase:hello")).await.ok().map(|answer| answer.output)
}

/// Memory in the process and in files is always there.
pub async fn files(folder: &std::path::Path) -> Option<Arc<dyn Memory>> {
    let memory = FileMemory::open(folder, "amber").await.ok()?;
    Some(Arc::new(memory))
}

#[cfg(feature = "redis")]
pub use skreaver::RedisMemory;

#[cfg(feature = "sqlite")]
pub use skreaver::SqliteMemory;

#[cfg(feature = "postgres")]
pub use skreaver::PostgresMemory;

/// What is counted, for Prometheus.
#[cfg(feature = "metrics")]
pub fn counted(runtime: &Runtime) -> String {
    runtime.metrics().text()
}

/// The API.
#[cfg(feature = "http")]
pub async fn serve(runtime: Arc<Runtime>, listeners: skreaver::Listeners) -> std::io::Result<()> {
    skreaver::serve_until_terminated(runtime, listeners, std::time::Duration::ZERO).await
}

/// Models of providers.
#[cfg(feature = "models")]
pub use skreaver::model::{http_client, model};

/// Workers, of which a program gives the proof first thing in `main`.
#[cfg(feature = "workers")]
pub fn isolated() -> std::io::Result<skreaver::Builder> {
    let program = skreaver::tools::worker::run_if_asked(&[]);
    Ok(Runtime::builder().workers(skreaver::tools::worker::Pool::usual(program)?))
}

/// Doubles and the contract of memories.
#[cfg(feature = "testing")]
pub use skreaver::testing::{Harness, MockTool, Reply, ScriptedModel};

/// The contract, run against memory in the process.
#[cfg(feature = "testing")]
pub async fn keeps_the_contract() {
    skreaver::testing::contract::check(async |_| Arc::new(skreaver::memory::InMemory::new()) as _).await;
}
