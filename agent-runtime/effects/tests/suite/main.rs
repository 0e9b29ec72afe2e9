//! Attacks on what tools may touch, judged by what they reach: listening sockets and files that nobody may touch.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bombs;
mod honest;
mod hostile;
mod kernel;
mod ssrf;
mod support;
mod swaps;
mod tls;
mod traversal;
mod wire;
