//! An agent written in Rust, with a tool and a memory of its own. Run it with
//! `cargo run --package skreaver --example rust_agent`.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::json;
use skreaver::memory::{InMemory, Key};
use skreaver::protocol::AgentName;
use skreaver::{Agent, AgentError, Context, Observation, Runtime};
use tokio_util::sync::CancellationToken;

/// Shouts what it is told, and says how often it did.
struct Herald;

#[async_trait]
impl Agent for Herald {
    async fn observe(&self, context: &Context, input: &str) -> Result<String, AgentError> {
        // Through the agent's policy, and into the journal of the run.
        let loud = context.call("uppercase", json!({ "text": input })).await?;
        let memory = context.memory().ok_or_else(|| AgentError::Failed("a herald needs memory".into()))?;
        let key = Key::parse("heralded").expect("it is a key");
        let before = memory.get(&key).await?.map_or(0, |count| count.len());
        memory.put(key, vec![b'|'; before + 1].into()).await?;
        Ok(format!("{} ({})", loud.as_str().unwrap_or_default(), before + 1))
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let name = AgentName::parse("herald")?;
    let config = serde_json::from_str(
        r#"{"agents": [{"name": "herald", "tools": [{"name": "uppercase", "source": {"type": "Builtin"}}]}]}"#,
    )?;
    let runtime = Runtime::builder()
        .config(config)
        .agent(name.clone(), Arc::new(Herald))
        .memory(name, Arc::new(InMemory::new()))
        .build()?;
    let herald = runtime.agent("herald").ok_or("there is no herald")?;
    let stop = CancellationToken::new();
    let heard = async {
        // Memory is opened in the background.
        runtime.ready_within(std::time::Duration::from_secs(5)).await;
        for input in ["hear ye", "all is well"] {
            println!("{}", herald.observe(Observation::new(input)).await?.output);
        }
        stop.cancel();
        Ok::<(), Box<dyn std::error::Error>>(())
    };
    let ((), heard) = tokio::join!(runtime.work(stop.clone()), heard);
    heard
}
