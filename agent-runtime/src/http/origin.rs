//! The origins whose scripts may call: none but our own, unless some are named.

use std::fmt;
use std::str::FromStr;

use axum::http::{HeaderName, HeaderValue, Method, header};
use tower_http::cors::CorsLayer;

use super::trace_context::TRACEPARENT;

/// Where a web page comes from (RFC 6454), such as `https://console.example` or `http://localhost:5173`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(String);

/// A text is no origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an origin is a scheme and a host, and a port where it has one, such as `https://console.example`: no path, no `*`")]
pub struct NoOrigin;

impl FromStr for Origin {
    type Err = NoOrigin;

    fn from_str(text: &str) -> Result<Self, NoOrigin> {
        let (scheme, host) = text.split_once("://").ok_or(NoOrigin)?;
        let of_scheme = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
        let of_host = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte);
        if scheme.is_empty() || host.is_empty() || !scheme.bytes().all(of_scheme) || !host.bytes().all(of_host) {
            return Err(NoOrigin);
        }
        Ok(Self(text.to_ascii_lowercase()))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Lets the scripts of these origins call and read what a caller of the API needs. Without origins there is no such header at all,
/// so browsers let nobody but our own pages.
pub(super) fn cors(origins: &[Origin]) -> Option<CorsLayer> {
    if origins.is_empty() {
        return None;
    }
    let allowed = origins.iter().map(|Origin(origin)| HeaderValue::from_str(origin).expect("an origin is ASCII"));
    let own = ["prefer", "idempotency-key", "last-event-id", "x-api-key", TRACEPARENT].map(HeaderName::from_static);
    let taken = [header::CONTENT_TYPE, header::AUTHORIZATION].into_iter().chain(own);
    let told = [
        header::LOCATION,
        header::RETRY_AFTER,
        HeaderName::from_static("preference-applied"),
        HeaderName::from_static(TRACEPARENT),
    ];
    Some(
        CorsLayer::new()
            .allow_origin(allowed.collect::<Vec<_>>())
            .allow_methods([Method::GET, Method::POST, Method::DELETE])
            .allow_headers(taken.collect::<Vec<_>>())
            .expose_headers(told),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_a_scheme_and_a_host() {
        for good in ["https://console.example", "http://localhost:5173", "http://[::1]:80", "chrome-extension://abc"] {
            assert_eq!(good.parse::<Origin>().map(|origin| origin.to_string()), Ok(good.to_owned()));
        }
        for bad in [
            "",
            "*",
            "console.example",
            "https://",
            "https://a/",
            "https://a/b",
            "https://u@a",
            "://a",
            "https://*.a",
            "https://ä",
        ] {
            assert_eq!(bad.parse::<Origin>(), Err(NoOrigin), "{bad}");
        }
    }
}
