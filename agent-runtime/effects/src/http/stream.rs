//! One request whose answer is read piece by piece, for protocols that are spoken over HTTP. Judged and dialled as those of
//! tools are; no redirect is followed, nothing is decompressed, and time and gate are the caller's.

use std::fmt;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::header::{CONTENT_ENCODING, HeaderMap, HeaderValue, USER_AGENT};
use hyper::{Method, StatusCode};
use skreaver_policy::bounds::{Bounds, Host};

use super::arguments::{Outgoing, is_ours};
use super::exchange::{Line, MOST_BYTES, ask, told};
use super::target::Target;
use crate::error::EffectError;
use crate::guard::Guard;

/// A request.
pub struct Request {
    /// The method.
    pub method: Method,
    /// Where to: an absolute URL of http or https, without credentials.
    pub url: String,
    /// The headers. Those of the connection are made from the request.
    pub headers: HeaderMap,
    /// The content, of at most 8 MiB.
    pub body: Bytes,
}

/// The head of an answer, and what is left to read. The connection lives as long as its body does.
pub struct Response {
    /// The status. Any is an answer, also a redirect.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The content.
    pub body: Body,
}

/// The content of an answer.
pub struct Body {
    place: Box<str>,
    incoming: Incoming,
    _line: Line,
}

/// Sends one request and waits for the head of its answer. The caller bounds the wait.
///
/// # Errors
/// [`EffectError::Refused`], [`EffectError::Arguments`], [`EffectError::Unreachable`] and [`EffectError::TooLarge`] say that
/// nothing was sent; after every other one it may have arrived.
pub async fn stream(guard: &Guard, bounds: &Bounds, request: Request) -> Result<Response, EffectError> {
    let Request { method, url, mut headers, body } = request;
    let target = Target::parse(&url)?;
    if body.len() > MOST_BYTES {
        let what = "the content of the request".into();
        return Err(EffectError::TooLarge { what, limit: MOST_BYTES, instead: "send less" });
    }
    if let Some(name) = headers.keys().find(|name| is_ours(name.as_str())) {
        let why = "this header is made from the request: leave it out".into();
        return Err(EffectError::Arguments { what: name.as_str().into(), why });
    }
    headers.entry(USER_AGENT).or_insert(HeaderValue::from_static(concat!("skreaver/", env!("CARGO_PKG_VERSION"))));
    let outgoing = Outgoing { method, target, headers, body };
    let (line, response) = ask(guard, bounds, &outgoing).await?;
    let (head, incoming) = response.into_parts();
    let place = outgoing.target.place();
    if head.headers.get_all(CONTENT_ENCODING).iter().any(|coding| !matches!(coding.as_bytes(), b"" | b"identity")) {
        return Err(EffectError::Broken { host: place, why: "it is compressed, which was not asked for".into() });
    }
    Ok(Response { status: head.status, headers: head.headers, body: Body { place, incoming, _line: line } })
}

/// The host and port that a URL leads to, as bounds know them.
///
/// # Errors
/// [`EffectError::Arguments`], where it is no URL of http or https, or has credentials in it.
pub fn place(url: &str) -> Result<(Host, u16), EffectError> {
    let target = Target::parse(url)?;
    Ok((target.host().clone(), target.port()))
}

impl Body {
    /// The next piece, or nothing at the end.
    ///
    /// # Errors
    /// [`EffectError::Broken`], when the connection is cut.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, EffectError> {
        while let Some(frame) = self.incoming.frame().await {
            let frame = frame.map_err(|error| EffectError::Broken { host: self.place.clone(), why: told(&error).into() })?;
            // Trailers are not read.
            if let Ok(chunk) = frame.into_data() {
                return Ok(Some(chunk));
            }
        }
        Ok(None)
    }

    /// All of it.
    ///
    /// # Errors
    /// As [`Body::chunk`], and [`EffectError::TooLarge`] for more than `most` bytes.
    pub async fn read(mut self, most: usize) -> Result<Vec<u8>, EffectError> {
        let mut content = Vec::new();
        while let Some(chunk) = self.chunk().await? {
            if chunk.len() > most - content.len() {
                let what = format!("the answer of `{}`", self.place).into();
                return Err(EffectError::TooLarge { what, limit: most, instead: "ask for less of it" });
            }
            content.extend_from_slice(&chunk);
        }
        Ok(content)
    }
}

impl fmt::Debug for Request {
    /// Without headers and content, which hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request").field("method", &self.method).finish_non_exhaustive()
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response").field("status", &self.status).finish_non_exhaustive()
    }
}
