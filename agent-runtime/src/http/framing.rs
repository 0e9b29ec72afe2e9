//! Refuses requests on which two readers of HTTP/1.1 could disagree, where hyper is more patient than RFC 9112: whoever stands
//! between us and a caller may take one for two.

use axum::extract::Request;
use axum::http::header::{CONNECTION, HOST, TRANSFER_ENCODING};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, Version};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use skreaver_protocol::problem::Code;

use super::ProblemResponse;

/// Lets through what everybody reads in the same way. Of what is refused nothing more is read.
pub(super) async fn check(request: Request, next: Next) -> Response {
    match ambiguity(request.version(), request.headers()) {
        None => next.run(request).await,
        Some(detail) => {
            let refused = ProblemResponse::new(Code::MalformedRequest, detail);
            refused.with_header(CONNECTION, HeaderValue::from_static("close")).into_response()
        }
    }
}

fn ambiguity(version: Version, headers: &HeaderMap) -> Option<&'static str> {
    // HTTP/2 has frames and `:authority` in the place of both.
    if version != Version::HTTP_11 {
        return None;
    }
    let hosts: Vec<_> = headers.get_all(HOST).iter().collect();
    let is_host = |host: &HeaderValue| host.is_empty() || host.to_str().is_ok_and(|host| host.parse::<Authority>().is_ok());
    if !matches!(hosts[..], [host] if is_host(host)) {
        return Some("send the header `Host` once, with the name of a host");
    }
    let codings: Vec<_> = headers.get_all(TRANSFER_ENCODING).iter().collect();
    match codings[..] {
        [] => None,
        [coding] if coding.as_bytes().eq_ignore_ascii_case(b"chunked") => None,
        _ => Some("of transfer codings only `chunked` is taken, once"),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::header::HeaderName;

    use super::*;

    fn check(headers: &[(HeaderName, &'static str)], is_taken: bool) {
        let map = headers.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect();
        assert_eq!(ambiguity(Version::HTTP_11, &map).is_none(), is_taken, "{headers:?}");
        assert_eq!(ambiguity(Version::HTTP_2, &map), None);
    }

    #[test]
    fn a_host_is_there_once_and_is_one() {
        for host in ["localhost", "127.0.0.1:3000", "[::1]:80", "a.b.example", ""] {
            check(&[(HOST, host)], true);
        }
        for host in ["a b", "a/b", "a:b:c", "a,b/", "http://a"] {
            check(&[(HOST, host)], false);
        }
        check(&[], false);
        check(&[(HOST, "a"), (HOST, "a")], false);
    }

    #[test]
    fn a_body_is_chunked_once_or_not_at_all() {
        check(&[(HOST, "a"), (TRANSFER_ENCODING, "chunked")], true);
        check(&[(HOST, "a"), (TRANSFER_ENCODING, "Chunked")], true);
        for coding in ["chunked, chunked", "gzip, chunked", "identity", "xchunked", "chunked;a=b", ""] {
            check(&[(HOST, "a"), (TRANSFER_ENCODING, coding)], false);
        }
        check(&[(HOST, "a"), (TRANSFER_ENCODING, "chunked"), (TRANSFER_ENCODING, "chunked")], false);
    }
}
