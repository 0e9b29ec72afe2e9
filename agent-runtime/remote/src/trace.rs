//! The trace that a run belongs to, for whoever is asked on its behalf.
//!
//! As the [`hops`](crate::hops) it belongs to the run: whoever runs a tool for a run says with [`within`] where that is in a
//! trace, and who is asked is told a place below.

use std::future::Future;

use sha2::{Digest, Sha256};
use skreaver_protocol::trace_context::TraceContext;
use tokio::task_local;

task_local! {
    static TRACE: Option<TraceContext>;
}

/// Does something for a run that is there in a trace, or in none.
pub async fn within<F: Future>(trace: Option<TraceContext>, work: F) -> F::Output {
    TRACE.scope(trace, work).await
}

/// Where in a trace this is done, if it is in one.
pub fn current() -> Option<TraceContext> {
    TRACE.try_with(|trace| *trace).unwrap_or_default()
}

/// What the `traceparent` of a call says: a span of its own in the trace of the run. A call that is made again is the same span.
pub(crate) fn onwards(call: &str) -> Option<String> {
    let trace = current()?;
    let digest = Sha256::digest(format!("{trace} {call}"));
    let span = digest.iter().take(8).fold(0_u64, |span, byte| span << 8 | u64::from(*byte));
    // Nothing but zeros is no span.
    Some(TraceContext::below(Some(trace), 0, span.max(1)).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_call_has_a_span_of_its_own_in_the_trace_of_its_run() {
        assert_eq!(onwards("a"), None);
        let trace = TraceContext::parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
        let (first, second, again) = within(trace, async { (onwards("a"), onwards("b"), onwards("a")) }).await;
        assert!(first.as_ref().unwrap().starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-"));
        assert!(first.as_ref().unwrap().ends_with("-01") && !first.as_ref().unwrap().contains("00f067aa0ba902b7"));
        assert!(first != second && first == again);
    }
}
