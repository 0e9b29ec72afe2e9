//! Declared tools against servers on loopback: what goes out, what comes back, and what is refused on the way.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod agents;
mod declared;
mod operations;
mod support;
