//! HTTP for tools: each host judged before it is resolved, each address before it is dialled, and all of it again for each
//! redirect.
//!
//! One request has one connection, which ends with it. A pool would hand a connection that was dialled under one set of
//! bounds to a request under another, and would dial by itself; here the judgement and the dial are two adjacent lines. What
//! a new connection costs for TLS is saved by resuming the session of the last one.

mod answer;
mod arguments;
mod body;
mod client;
mod exchange;
mod network;
mod redirect;
mod stream;
mod target;
mod tls;

use skreaver_policy::bounds::Bounds;

pub use answer::Answer;
pub use arguments::{Ask, Send, is_ours};
pub use client::{Client, ClientError};
pub use hyper::header;
pub use hyper::{Method, StatusCode};
pub use network::{Network, System};
pub use redirect::goes_along;
pub use stream::{Body, Request, Response, place, stream};

use crate::error::EffectError;
use crate::guard::Guard;

/// `http_get`: what stands at a URL.
///
/// # Errors
/// When the policies do not admit it, or no whole answer comes back in time. An answer of any status is an answer.
pub async fn get(guard: &Guard, bounds: &Bounds, ask: Ask) -> Result<Answer, EffectError> {
    exchange::run(guard, bounds, ask.outgoing(Method::GET)?).await
}

/// `http_delete`: asks a server to delete what stands at a URL.
///
/// # Errors
/// As [`get`].
pub async fn delete(guard: &Guard, bounds: &Bounds, ask: Ask) -> Result<Answer, EffectError> {
    exchange::run(guard, bounds, ask.outgoing(Method::DELETE)?).await
}

/// `http_post`: sends something to a URL.
///
/// # Errors
/// As [`get`].
pub async fn post(guard: &Guard, bounds: &Bounds, send: Send) -> Result<Answer, EffectError> {
    exchange::run(guard, bounds, send.outgoing(Method::POST)?).await
}

/// `http_put`: asks a server to put something at a URL.
///
/// # Errors
/// As [`get`].
pub async fn put(guard: &Guard, bounds: &Bounds, send: Send) -> Result<Answer, EffectError> {
    exchange::run(guard, bounds, send.outgoing(Method::PUT)?).await
}

/// `http_patch`: asks a server to change what stands at a URL.
///
/// # Errors
/// As [`get`].
pub async fn patch(guard: &Guard, bounds: &Bounds, send: Send) -> Result<Answer, EffectError> {
    exchange::run(guard, bounds, send.outgoing(Method::PATCH)?).await
}
