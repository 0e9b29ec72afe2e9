//! Attacks on who may ask, beside what honest callers send. Every key is made when the tests run; none stands in a file.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod api_keys;
mod config;
mod credentials;
mod flips;
mod forge;
mod hostile;
mod keys;
mod positives;
mod roles;
mod rotation;
mod signers;
mod world;
