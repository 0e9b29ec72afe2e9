//! What tools pass for a request, and the request that it makes.

use std::collections::BTreeMap;

use bytes::Bytes;
use hyper::Method;
use hyper::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use skreaver_policy::bounds::shown;

use super::target::Target;
use crate::error::EffectError;

/// Headers that belong to the connection or are made from the request: whoever sets them speaks to two servers at once.
const OURS: [&str; 14] = [
    "accept-encoding",
    "connection",
    "content-encoding",
    "content-length",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Whether a header is made from the request or belongs to the connection, and so is none that a caller may set. The name in
/// lower case.
pub fn is_ours(header: &str) -> bool {
    OURS.contains(&header)
}

/// The most headers of a request, and the most bytes of them together.
const MOST_HEADERS: usize = 64;
const MOST_HEADER_BYTES: usize = 16 << 10;

/// A request without content.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    /// Where to: an absolute URL of http or https. Example: `https://api.example.com/items?q=a&b=c`.
    #[schemars(length(min = 1, max = 8192))]
    pub url: String,
    /// Headers to send. Those that hold credentials go to the first host alone, should it redirect elsewhere.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
}

/// A request with content.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Send {
    /// Where to: an absolute URL of http or https. Example: `https://api.example.com/items`.
    #[schemars(length(min = 1, max = 8192))]
    pub url: String,
    /// Headers to send. Those that hold credentials go to the first host alone, should it redirect elsewhere.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The content as a text.
    #[serde(default)]
    pub body: Option<String>,
    /// The content as JSON, in place of `body`.
    #[serde(default)]
    pub json: Option<Value>,
}

/// A request that is to be sent.
#[derive(Debug, Clone)]
pub(super) struct Outgoing {
    pub(super) method: Method,
    pub(super) target: Target,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Ask {
    pub(super) fn outgoing(self, method: Method) -> Result<Outgoing, EffectError> {
        Ok(Outgoing { method, target: Target::parse(&self.url)?, headers: headers(self.headers)?, body: Bytes::new() })
    }
}

impl Send {
    pub(super) fn outgoing(self, method: Method) -> Result<Outgoing, EffectError> {
        let (body, content_type) = match (self.body, self.json) {
            (Some(_), Some(_)) => return Err(arguments("json", "there is a `body` as well: send one of them".into())),
            (_, Some(json)) => (json.to_string(), "application/json"),
            (body, None) => (body.unwrap_or_default(), "text/plain; charset=utf-8"),
        };
        let mut headers = headers(self.headers)?;
        if !body.is_empty() {
            headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static(content_type));
        }
        Ok(Outgoing { method, target: Target::parse(&self.url)?, headers, body: body.into() })
    }
}

fn headers(given: BTreeMap<String, String>) -> Result<HeaderMap, EffectError> {
    let bytes: usize = given.iter().map(|(name, value)| name.len() + value.len()).sum();
    if given.len() > MOST_HEADERS || bytes > MOST_HEADER_BYTES {
        let why = format!("send at most {MOST_HEADERS} headers of {MOST_HEADER_BYTES} bytes together");
        return Err(arguments("headers", why));
    }
    let mut headers = HeaderMap::with_capacity(given.len() + 3);
    for (name, value) in given {
        let (Ok(parsed), Ok(value)) = (name.parse::<HeaderName>(), value.parse::<HeaderValue>()) else {
            return Err(arguments(&name, "it is no header: no line breaks, and only letters, digits and `-` in its name".into()));
        };
        if is_ours(parsed.as_str()) {
            return Err(arguments(&name, "this header is made from the request: leave it out".into()));
        }
        headers.insert(parsed, value);
    }
    headers.entry(ACCEPT).or_insert(HeaderValue::from_static("*/*"));
    headers.entry(USER_AGENT).or_insert(HeaderValue::from_static(concat!("skreaver/", env!("CARGO_PKG_VERSION"))));
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
    Ok(headers)
}

fn arguments(what: &str, why: String) -> EffectError {
    EffectError::Arguments { what: shown(what).into(), why: why.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn send(arguments: Value) -> Result<Outgoing, EffectError> {
        serde_json::from_value::<Send>(arguments).unwrap().outgoing(Method::POST)
    }

    #[test]
    fn content_has_its_type_unless_told_otherwise() {
        let sent = |arguments: Value| {
            let outgoing = send(arguments).unwrap();
            let of = outgoing.headers.get(CONTENT_TYPE).map(|value| value.to_str().unwrap().to_owned());
            (String::from_utf8(outgoing.body.to_vec()).unwrap(), of)
        };
        let url = "http://a.example/";
        assert_eq!(sent(json!({"url": url, "json": {"a": [1]}})), ("{\"a\":[1]}".into(), Some("application/json".into())));
        assert_eq!(sent(json!({"url": url, "body": "x"})), ("x".into(), Some("text/plain; charset=utf-8".into())));
        let xml = json!({"url": url, "body": "<a/>", "headers": {"Content-Type": "text/xml"}});
        assert_eq!(sent(xml), ("<a/>".into(), Some("text/xml".into())));
        assert_eq!(sent(json!({"url": url})), (String::new(), None));
    }

    #[test]
    fn headers_that_would_split_or_steer_the_request_are_refused() {
        for name in ["Host", "Transfer-Encoding", "content-length", "Connection", "Upgrade", "X\r\nHost", "", "X Y"] {
            assert!(send(json!({"url": "http://a.example/", "headers": {name: "v"}})).is_err(), "{name}");
        }
        assert!(send(json!({"url": "http://a.example/", "headers": {"X": "a\r\nHost: b"}})).is_err());
        assert!(send(json!({"url": "http://a.example/", "headers": {"X": "a".repeat(20_000)}})).is_err());
        assert!(send(json!({"url": "http://a.example/", "body": "x", "json": 1})).is_err());
        assert!(send(json!({"url": "http://a.example/", "headers": {"X-Key": "Tom & Jerry"}})).is_ok());
    }
}
