//! Tools that are elsewhere: one HTTP request each, the operations of an OpenAPI document, the tools of an MCP server, another
//! agent. They run behind the same door as all others, and what they reach is judged by the same bounds.

pub mod mcp;
pub mod pins;
mod source;

pub use source::{Drift, Offer, Source, SourceState};
