//! The trace that a request belongs to (W3C Trace Context): taken from its `traceparent`, begun where it brings none, and told in
//! the answer, so that whoever asks and whoever reads the log speak of the same thing.

use axum::extract::Request;
use axum::http::HeaderValue;
use axum::middleware::Next;
use axum::response::Response;
use uuid::Uuid;

use crate::trace::debug;

/// The header, in requests and in answers.
pub(crate) const TRACEPARENT: &str = "traceparent";

/// Where a request is in a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TraceContext {
    trace: u128,
    span: u64,
    is_sampled: bool,
}

/// Gives a request its place in a trace, as an extension, and tells it in the answer.
pub(crate) async fn follow(mut request: Request, next: Next) -> Response {
    let caller = request.headers().get(TRACEPARENT).and_then(|value| value.to_str().ok()).and_then(TraceContext::parse);
    let context = TraceContext::below(caller, Uuid::new_v4().as_u128(), Uuid::new_v4().as_u64_pair().1);
    request.extensions_mut().insert(context);
    debug!(traceparent = %context, "a request");
    let mut response = next.run(request).await;
    let told = HeaderValue::try_from(context.to_string()).expect("hexadecimal digits are ASCII");
    response.headers_mut().insert(TRACEPARENT, told);
    response
}

impl TraceContext {
    /// Of version 00, or the part of a later version that is like it. What is none is as if it were not there.
    fn parse(header: &str) -> Option<Self> {
        let mut parts = header.splitn(5, '-');
        let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let version = digits(version, 2)?;
        if version == 0xff || (version == 0 && parts.next().is_some()) {
            return None;
        }
        let (trace, span, flags) = (digits(trace, 32)?, digits(span, 16)?, digits(flags, 2)?);
        let span = u64::try_from(span).ok()?;
        (trace != 0 && span != 0).then_some(Self { trace, span, is_sampled: flags & 1 == 1 })
    }

    /// A span below that of the caller; without one, the first of a new trace that nobody asked to record.
    fn below(caller: Option<Self>, new_trace: u128, new_span: u64) -> Self {
        match caller {
            Some(Self { trace, is_sampled, .. }) => Self { trace, span: new_span, is_sampled },
            None => Self { trace: new_trace, span: new_span, is_sampled: false },
        }
    }
}

impl std::fmt::Display for TraceContext {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace, self.span, u8::from(self.is_sampled))
    }
}

/// Exactly so many lower-case hexadecimal digits.
fn digits(text: &str, count: usize) -> Option<u128> {
    let is_hexadecimal = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    (text.len() == count && text.bytes().all(is_hexadecimal)).then(|| u128::from_str_radix(text, 16).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_callers_trace_goes_on() {
        let caller = TraceContext::parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
        let below = TraceContext::below(caller, 7, 9);
        assert_eq!(below.to_string(), "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000009-01");
        assert_eq!(TraceContext::below(None, 7, 9).to_string(), format!("00-{:032x}-{:016x}-00", 7, 9));
    }

    #[test]
    fn what_is_no_traceparent_is_as_if_it_were_not_there() {
        let (trace, span) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
        assert!(TraceContext::parse(&format!("cc-{trace}-{span}-01-what-comes-later")).is_some());
        for bad in [
            "",
            "00",
            &format!("00-{trace}-{span}"),
            &format!("00-{trace}-{span}-01-more"),
            &format!("ff-{trace}-{span}-01"),
            &format!("00-{}-{span}-01", trace.to_uppercase()),
            &format!("00-{}-{span}-01", "0".repeat(32)),
            &format!("00-{trace}-{}-01", "0".repeat(16)),
            &format!("00-+{}-{span}-01", &trace[1..]),
            &format!("00-{trace}-{span}-1"),
        ] {
            assert_eq!(TraceContext::parse(bad), None, "{bad}");
        }
    }
}
