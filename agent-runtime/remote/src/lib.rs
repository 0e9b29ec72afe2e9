//! Tools that are elsewhere: one HTTP request each, the operations of an OpenAPI document, the tools of an MCP server, another
//! agent. They run behind the same door as all others, and what they reach is judged by the same bounds.

pub mod agent;
mod headers;
pub mod hops;
pub mod http;
pub mod mcp;
pub mod openapi;
pub mod pins;
mod problem;
mod shape;
mod source;
mod text;
pub mod trace;
mod world;

pub use headers::Secrets;
pub use problem::Problem;
pub use source::{Drift, Offer, Source, SourceState};
pub use world::{CurrentBounds, World};
