//! The control channel: one stream from each pod, on which it is told its policies and tells what it runs with.

pub mod authority;
pub(crate) mod caller;
pub mod hub;
pub mod leader_label;
pub mod server;
pub(crate) mod stream;
pub(crate) mod tls;
