#![doc = include_str!("../README.md")]

mod admission;
mod agent;
pub mod approvals;
pub mod audit;
#[cfg(feature = "auth")]
pub mod auth;
#[cfg(not(feature = "auth"))]
#[path = "auth/absent.rs"]
mod auth;
mod build;
mod collections;
pub mod config;
#[cfg(feature = "control")]
mod control;
mod coordinator;
mod custom;
mod hops;
#[cfg(feature = "http")]
mod http;
#[cfg(feature = "mcp")]
pub mod mcp;
mod metrics;
mod mind;
pub mod observability {
    //! What is told of what happens. Log events go to whoever subscribes with the crate `tracing`.
    pub use crate::metrics::Metrics;
}
mod panics;
mod readiness;
mod runs;
mod runtime;
mod screening;
mod secrets;
pub mod security;
#[cfg(feature = "http")]
mod serve;
pub mod simulate;
#[cfg(feature = "testing")]
pub mod testing;
pub mod tools;
mod trace;
mod workshop;

pub use agent::{Cursor, Failure, Followed, Observation, Owner, Said, ServedAgent};
pub use build::{BuildError, Builder};
pub use collections::{Empty, NonEmptyQueue, NonEmptyVec};
pub use custom::{Agent, AgentError, Context};
#[cfg(feature = "unstable-websocket")]
pub use http::websocket::{WebSocketConfig, WebSocketManager};
#[cfg(feature = "http")]
pub use http::{NoOrigin, Origin};
pub use runtime::{AddError, RemoveError, Runtime};
pub use security::{SecuredTool, SecurityConfig, SecurityError, SecurityManager};
#[cfg(feature = "http")]
pub use serve::{Listeners, serve, serve_until_terminated};
pub use skreaver_memory as memory;
#[cfg(feature = "postgres")]
pub use skreaver_memory::PostgresMemory;
#[cfg(feature = "redis")]
pub use skreaver_memory::RedisMemory;
#[cfg(feature = "sqlite")]
pub use skreaver_memory::SqliteMemory;
pub use skreaver_memory::{FileMemory, Memory};
pub use skreaver_model as model;
pub use skreaver_policy as policy;
pub use skreaver_protocol as protocol;
#[cfg(feature = "network")]
pub use tools::McpBridge;
pub use tools::{ExecutionResult, InMemoryToolRegistry, Tool, ToolCall, ToolError};
