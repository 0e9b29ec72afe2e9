//! Runs AI agents. The library behind the agent-runtime image and the `skreaver` command; usable without Kubernetes.
//!
//! ```
//! use skreaver::{Observation, Runtime, protocol::config::RuntimeConfig};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let config: RuntimeConfig = serde_yaml::from_str("agents: [{name: shouter, tools: [{name: uppercase, type: Builtin}]}]")?;
//! let runtime = Runtime::builder(config).build()?;
//! let shouter = runtime.agent("shouter").expect("it is in the config");
//! let answer = shouter.observe(Observation::new("uppercase:hello")).await.expect("it is a rule agent's input");
//! assert_eq!(answer.output, "HELLO");
//! # Ok(()) }
//! ```

mod admission;
mod agent;
mod build;
pub mod config;
mod control;
mod coordinator;
mod http;
mod mcp;
mod metrics;
mod mind;
mod panics;
mod readiness;
mod runs;
mod runtime;
mod secrets;
mod serve;
pub mod tools;

pub use agent::{Agent, Failure, Observation};
pub use build::{BuildError, Builder};
pub use metrics::Metrics;
pub use runtime::{RemoveError, Runtime};
pub use serve::{Listeners, serve, serve_until_terminated};
pub use skreaver_memory as memory;
pub use skreaver_model as model;
pub use skreaver_policy as policy;
pub use skreaver_protocol as protocol;
pub use tools::{Tool, ToolError};
