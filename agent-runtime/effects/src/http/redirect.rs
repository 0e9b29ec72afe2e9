//! Whether an answer leads elsewhere, and what is asked there (RFC 9110, sections 15.4.2 to 15.4.9; methods as in Fetch).

use bytes::Bytes;
use hyper::header::{
    ACCEPT, ACCEPT_ENCODING, ACCEPT_LANGUAGE, CONTENT_LANGUAGE, CONTENT_TYPE, HeaderMap, HeaderName, LOCATION, USER_AGENT,
};
use hyper::{Method, StatusCode};
use skreaver_policy::bounds::shown;

use super::arguments::Outgoing;
use crate::error::EffectError;

/// The most redirects that one request follows.
pub(super) const MOST: usize = 5;

/// What goes to another host as well. Everything else may be a credential: keys have headers of any name.
const HARMLESS: [HeaderName; 5] = [ACCEPT, ACCEPT_ENCODING, ACCEPT_LANGUAGE, CONTENT_TYPE, USER_AGENT];

/// Whether a header goes to another host as well when a redirect leads there, and so is no place for a secret. The name in
/// lower case.
pub fn goes_along(header: &str) -> bool {
    HARMLESS.iter().any(|name| name == header)
}

/// The request that follows this one, if its answer is a redirect.
pub(super) fn next(request: &Outgoing, status: StatusCode, headers: &HeaderMap) -> Result<Option<Outgoing>, EffectError> {
    let (true, Some(location)) = (is_redirect(status), headers.get(LOCATION)) else { return Ok(None) };
    let text = String::from_utf8_lossy(location.as_bytes());
    let refuse = |why| EffectError::Redirect { host: request.target.place(), to: shown(&text).into(), why };
    let target = request.target.join(&text).map_err(|_| refuse("it is no URL of http or https without credentials"))?;
    if request.target.is_tls() && !target.is_tls() {
        return Err(refuse("it leads from https to http"));
    }
    let mut next = Outgoing { target, ..request.clone() };
    if becomes_get(status, &request.method) {
        next.method = Method::GET;
        next.body = Bytes::new();
        for content in [CONTENT_TYPE, CONTENT_LANGUAGE] {
            next.headers.remove(content);
        }
    }
    if !next.target.has_origin_of(&request.target) {
        next.headers = request
            .headers
            .iter()
            .filter(|(name, _)| goes_along(name.as_str()) && next.headers.contains_key(*name))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
    }
    Ok(Some(next))
}

/// Why a request that was redirected too often is given up.
pub(super) fn too_many(request: &Outgoing) -> EffectError {
    let to = shown(request.target.url().as_str()).into();
    EffectError::Redirect { host: request.target.place(), to, why: "it is the sixth redirect of this request" }
}

fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

fn becomes_get(status: StatusCode, method: &Method) -> bool {
    match status.as_u16() {
        301 | 302 => *method == Method::POST,
        303 => *method != Method::GET && *method != Method::HEAD,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Send;
    use serde_json::json;

    fn request(url: &str) -> Outgoing {
        let headers = json!({"Authorization": "Bearer b", "Cookie": "c", "X-Api-Key": "k", "Accept": "text/html"});
        let send: Send = serde_json::from_value(json!({"url": url, "headers": headers, "body": "basalt"})).unwrap();
        send.outgoing(Method::POST).unwrap()
    }

    fn led(from: &str, status: u16, location: &str) -> Result<Option<Outgoing>, EffectError> {
        let headers = HeaderMap::from_iter([(LOCATION, location.parse().unwrap())]);
        next(&request(from), StatusCode::from_u16(status).unwrap(), &headers)
    }

    #[test]
    fn methods_change_as_browsers_change_them() {
        for (status, method, body) in
            [(301, "GET", ""), (302, "GET", ""), (303, "GET", ""), (307, "POST", "basalt"), (308, "POST", "basalt")]
        {
            let next = led("http://a.example/x", status, "/y").unwrap().unwrap();
            assert_eq!(
                (next.method.as_str(), &next.body[..], next.target.request_target()),
                (method, body.as_bytes(), "/y"),
                "{status}"
            );
            assert_eq!(next.headers.contains_key(CONTENT_TYPE), !body.is_empty(), "{status}");
            assert!(next.headers.contains_key("authorization"), "{status}");
        }
        for status in [200, 300, 304, 305, 404] {
            assert!(led("http://a.example/x", status, "/y").unwrap().is_none(), "{status}");
        }
    }

    #[test]
    fn credentials_stay_with_their_origin() {
        for location in ["http://b.example/", "http://a.example:8080/", "https://a.example/", "//b.example/"] {
            let next = led("http://a.example/", 307, location).unwrap().unwrap();
            let mut names: Vec<_> = next.headers.keys().map(HeaderName::as_str).collect();
            names.sort_unstable();
            assert_eq!(names, ["accept", "accept-encoding", "content-type", "user-agent"], "{location}");
        }
    }

    #[test]
    fn redirects_to_less_than_the_first_are_refused() {
        for location in
            ["http://a.example/", "file:///etc/passwd", "https://u:p@b.example/", "https://b.example\\@c.example/", "https://"]
        {
            assert!(led("https://a.example/", 302, location).is_err(), "{location}");
        }
    }
}
