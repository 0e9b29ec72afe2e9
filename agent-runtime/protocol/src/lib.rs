//! The wire between operator, agent-runtime and callers: types that serialise, and nothing that acts.
//!
//! The operator knows the runtime only by [`config::RuntimeConfig`] and [`control`] messages; callers know it by
//! [`rest`] and [`problem`]. No Kubernetes type stands here, and no client, clock or environment is reached.

pub mod approval;
pub mod auth;
pub mod builtin;
pub mod caller;
pub mod config;
pub mod control;
pub mod duration;
pub mod message;
pub mod name;
pub mod policy;
pub mod problem;
pub mod rest;
pub mod strict_json;
pub mod trace_context;
pub mod websocket;

pub use builtin::Builtin;
pub use caller::Caller;
pub use duration::GoDuration;
pub use name::{AgentName, NameError, SessionId, TOOL_NAME_MAX, ToolName};

/// The port of the API (REST and MCP), named `http` on the Service.
pub const API_PORT: u16 = 8080;

/// The port of health, readiness and metrics for kubelet and Prometheus, named `admin` on the Service.
pub const ADMIN_PORT: u16 = 9090;
