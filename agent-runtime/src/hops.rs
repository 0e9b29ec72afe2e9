//! Through how many agents a run has come, and in which trace it is: where nothing is elsewhere, nobody asks.

#[cfg(not(feature = "network"))]
use skreaver_protocol::trace_context::TraceContext;
#[cfg(feature = "network")]
pub(crate) use skreaver_remote::hops::within;
#[cfg(all(feature = "network", feature = "http"))]
pub(crate) use skreaver_remote::hops::{HEADER, parse};

#[cfg(feature = "network")]
pub(crate) use skreaver_remote::trace::{current as trace, within as traced};

/// Does something for a run; nobody asks in which trace.
#[cfg(not(feature = "network"))]
pub(crate) async fn traced<F: Future>(_: Option<TraceContext>, work: F) -> F::Output {
    work.await
}

/// None is known.
#[cfg(not(feature = "network"))]
pub(crate) fn trace() -> Option<TraceContext> {
    None
}

/// Runs a tool for a run; nobody asks how far that has come.
#[cfg(not(feature = "network"))]
pub(crate) async fn within<F: Future>(_: u8, work: F) -> F::Output {
    work.await
}
