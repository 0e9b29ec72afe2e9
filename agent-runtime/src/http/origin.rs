//! The origins whose scripts may call: none but our own, unless some are named.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header};
use skreaver_protocol::trace_context::TRACEPARENT;
use tower_http::cors::CorsLayer;

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

/// Whether who asks calls us `localhost` or by an address. A page that has a name of its own lead here (DNS rebinding) cannot:
/// browsers send the name. Who sends none is no browser.
pub(super) fn is_named_by_address(uri: &Uri, headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).map(|host| host.to_str().ok().and_then(|host| host.parse::<Authority>().ok()));
    let host = match host {
        Some(Some(authority)) => authority.host().to_owned(),
        Some(None) => return false,
        None => match uri.host() {
            Some(host) => host.to_owned(),
            None => return true,
        },
    };
    host.eq_ignore_ascii_case("localhost") || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok()
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
    fn a_name_that_is_no_address_could_be_anybodys() {
        let check = |uri: &'static str, host: Option<&'static str>, expected| {
            let host = host.map(|host| (header::HOST, HeaderValue::from_static(host)));
            let (uri, headers) = (Uri::from_static(uri), host.into_iter().collect());
            assert_eq!(is_named_by_address(&uri, &headers), expected, "{uri} {headers:?}");
        };
        for good in ["localhost", "LocalHost:3000", "127.0.0.1", "127.0.0.1:3000", "[::1]:3000", "[::1]", "192.0.2.7:80"] {
            check("/agents", Some(good), true);
        }
        for bad in ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example:3000", "", "a b", "2130706433x", "[evil]"] {
            check("/agents", Some(bad), false);
        }
        check("/agents", None, true);
        check("http://127.0.0.1:3000/agents", None, true);
        check("http://evil.example/agents", None, false);
    }

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
