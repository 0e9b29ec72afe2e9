//! The trace that a request belongs to (W3C Trace Context): taken from its `traceparent`, begun where it brings none, told in
//! the answer and handed on to whoever is asked for it, so that all logs speak of the same thing.

use axum::extract::Request;
use axum::http::HeaderValue;
use axum::middleware::Next;
use axum::response::Response;
use skreaver_protocol::trace_context::{TRACEPARENT, TraceContext};
use uuid::Uuid;

use crate::hops;
use crate::trace::debug;

/// Gives a request its place in a trace, as an extension and for what is done for it, and tells it in the answer.
pub(crate) async fn follow(mut request: Request, next: Next) -> Response {
    let caller = request.headers().get(TRACEPARENT).and_then(|value| value.to_str().ok()).and_then(TraceContext::parse);
    let context = TraceContext::below(caller, Uuid::new_v4().as_u128(), Uuid::new_v4().as_u64_pair().1);
    request.extensions_mut().insert(context);
    debug!(traceparent = %context, "a request");
    let mut response = hops::traced(Some(context), next.run(request)).await;
    let told = HeaderValue::try_from(context.to_string()).expect("hexadecimal digits are ASCII");
    response.headers_mut().insert(TRACEPARENT, told);
    response
}
