//! Sources of tools against real peers.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod child;
mod hostile;
mod mcp;
mod support;
mod tokens;
