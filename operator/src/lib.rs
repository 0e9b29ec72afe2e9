//! All that talks to the API server: Agents and ToolPolicies become children, statuses and events, and pods are told their
//! policies over the control channel.
//!
//! ```text
//! leader        one process acts, the others stand by
//! agent         dereference -> render -> plan -> apply -> observe
//! tool_policy   judge -> keep the accepted rules -> tell
//! control       the stream to the pods
//! keys          the public keys of those whose tokens agents take
//! report        an outcome becomes log, metric and event
//! ```

pub mod agent;
pub mod args;
mod conditions;
pub mod control;
pub mod http;
mod keys;
pub mod leader;
mod malformed;
pub mod operator;
pub mod readiness;
pub mod report;
mod scope;
mod status;
pub mod tool_policy;
mod watch;

pub use scope::Scope;
