//! Models that are reached over HTTP: two wire formats, which every provider speaks one of.

mod failure;
mod http;
mod names;
mod provider;
mod remote;
mod retry;
mod schema;
mod sse;
#[cfg(feature = "testing")]
pub mod testing;
mod wire;

pub use http::{ClientError, Proxies, http_client};
pub use provider::{ConfigError, default_base_url};
pub use remote::{Key, model};
