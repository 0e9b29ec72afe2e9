//! The runtime over real sockets, in this process.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod a2a;
mod adding;
mod approvals;
mod audit;
mod auth;
mod burst;
mod content;
mod custom;
mod double;
mod drain;
mod effects;
mod hostile_http;
mod kept;
mod mcp;
mod openai;
mod policies;
mod remote;
mod rest;
mod secrets;
mod support;
mod thinking;
mod websocket;
