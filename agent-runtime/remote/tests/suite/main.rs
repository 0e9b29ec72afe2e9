//! Remote tools against real peers and servers on loopback: what goes out, what comes back, and what is refused on the way.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod agents;
mod child;
mod declared;
mod hostile;
mod mcp;
mod operations;
mod peers;
mod support;
mod tokens;
