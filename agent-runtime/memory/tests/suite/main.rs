//! The backends, as their users meet them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod file;
mod in_memory;
mod killed;
mod namespaced;
mod sqlite;
