//! Through how many agents a run has come: where nothing is elsewhere, through none.

#[cfg(feature = "network")]
pub(crate) use skreaver_remote::hops::within;
#[cfg(all(feature = "network", feature = "http"))]
pub(crate) use skreaver_remote::hops::{HEADER, parse};

/// Runs a tool for a run; nobody asks how far that has come.
#[cfg(not(feature = "network"))]
pub(crate) async fn within<F: Future>(_: u8, work: F) -> F::Output {
    work.await
}
