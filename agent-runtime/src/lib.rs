//! Runs AI agents. The library behind the agent-runtime image and the `skreaver` command; usable without Kubernetes.
//!
//! ```
//! use skreaver::{Runtime, protocol::{AgentName, Caller, config::RuntimeConfig}};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let config: RuntimeConfig = serde_yaml::from_str("agents: [{name: shouter, tools: [{name: uppercase, type: Builtin}]}]")?;
//! let runtime = Runtime::builder(config).build()?;
//! let shouter = runtime.agent("shouter").expect("it is in the config");
//! let answer = shouter.observe(uuid::Uuid::now_v7(), Caller::Anonymous, "uppercase:hello".into()).await?;
//! assert_eq!(answer.output, "HELLO");
//! # Ok(()) }
//! ```

mod admission;
mod agent;
pub mod config;
mod control;
mod coordinator;
mod http;
mod mcp;
mod metrics;
mod panics;
mod readiness;
mod runtime;
mod serve;
pub mod tools;

pub use agent::{Agent, RunError};
pub use metrics::Metrics;
pub use runtime::{BuildError, Builder, RemoveError, Runtime};
pub use serve::{Listeners, serve, serve_until_terminated};
pub use skreaver_policy as policy;
pub use skreaver_protocol as protocol;
pub use tools::{Tool, ToolError};
