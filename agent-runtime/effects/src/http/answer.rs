//! What a server answered, as tools hand it on.

use std::collections::BTreeMap;

use hyper::header::{CONTENT_TYPE, HeaderName};
use hyper::http::response::Parts;
use schemars::JsonSchema;
use serde::Serialize;

use super::target::Target;
use crate::content::Content;

/// The headers that say something about the content or about how to go on. All others stay here: cookies above all.
const HANDED_ON: [&str; 16] = [
    "accept-ranges",
    "allow",
    "cache-control",
    "content-disposition",
    "content-language",
    "content-range",
    "content-type",
    "date",
    "etag",
    "expires",
    "last-modified",
    "link",
    "location",
    "retry-after",
    "vary",
    "www-authenticate",
];

/// What a server answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Answer {
    /// Where the answer came from, after all redirects.
    pub url: String,
    /// The status code.
    pub status: u16,
    /// The headers that say something about the content or about how to go on.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// The whole content.
    #[serde(flatten)]
    pub content: Content,
}

impl Answer {
    pub(super) fn new(target: &Target, head: &Parts, content: Vec<u8>) -> Self {
        let mut headers = BTreeMap::new();
        for (name, value) in head.headers.iter().filter(|(name, _)| is_handed_on(name)) {
            // Lines of the same name are one list (RFC 9110, section 5.3).
            let line: &mut String = headers.entry(name.as_str().to_owned()).or_default();
            line.push_str(if line.is_empty() { "" } else { ", " });
            line.push_str(&String::from_utf8_lossy(value.as_bytes()));
        }
        let content_type = head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let content = Content::of(content, content_type.and_then(charset));
        Self { url: target.url().as_str().to_owned(), status: head.status.as_u16(), headers, content }
    }
}

fn is_handed_on(name: &HeaderName) -> bool {
    HANDED_ON.contains(&name.as_str()) || name.as_str().starts_with("ratelimit") || name.as_str().starts_with("x-ratelimit-")
}

/// The charset that a content type names.
fn charset(content_type: &str) -> Option<&str> {
    let mut parameters = content_type.split(';').skip(1).filter_map(|parameter| parameter.split_once('='));
    let (_, value) = parameters.find(|(name, _)| name.trim().eq_ignore_ascii_case("charset"))?;
    Some(value.trim().trim_matches('"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_charset_is_found_in_every_notation() {
        assert_eq!(charset("text/html; charset=utf-8"), Some("utf-8"));
        assert_eq!(charset("text/html;x=y;CHARSET=\"Shift_JIS\""), Some("Shift_JIS"));
        assert_eq!(charset("text/html"), None);
        assert_eq!(charset("text/html; charset"), None);
    }
}
