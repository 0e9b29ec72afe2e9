//! The backends, as their users meet them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod in_memory;
