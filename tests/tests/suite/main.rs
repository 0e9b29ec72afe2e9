//! Tests of whole programs, by what they stand on: nothing, this machine, real servers, a control plane, a whole cluster. Models
//! are in none of these tiers: they run in this process.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod arrows;
mod cluster;
mod control_plane;
mod deaths;
mod laptop;
mod models;
mod servers;
mod threats;
