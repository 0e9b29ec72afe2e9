//! One request with its redirects: judge the name, resolve, judge each address, dial one of them, ask.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{HOST, HeaderValue};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use skreaver_policy::bounds::{Bounds, Host, shown};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_util::task::AbortOnDropHandle;

use super::answer::Answer;
use super::arguments::Outgoing;
use super::client::Client;
use super::target::Target;
use super::{body, redirect};
use crate::error::EffectError;
use crate::guard::Guard;

/// The most bytes of a request's content and of an answer's, however much memory the call may have.
pub(super) const MOST_BYTES: usize = 8 << 20;
/// The most bytes and lines of an answer's head.
const MOST_HEAD_BYTES: usize = 64 << 10;
const MOST_HEADERS: usize = 128;
/// The most addresses of one name that are tried.
const MOST_DIALS: usize = 6;
/// How long one address may take to answer at all.
const DIAL: Duration = Duration::from_secs(5);

/// Sends a request within the bounds, follows its redirects and reads the answer.
pub(super) async fn run(guard: &Guard, bounds: &Bounds, request: Outgoing) -> Result<Answer, EffectError> {
    let limits = bounds.limits();
    let most = limits.bytes().min(MOST_BYTES);
    if request.body.len() > most {
        let what = "the content of the request".into();
        return Err(EffectError::TooLarge { what, limit: most, instead: "send it in parts" });
    }
    guard
        .within(&limits, |pass| async move {
            let answer = follow(guard, bounds, request, most).await;
            drop(pass);
            answer
        })
        .await
}

async fn follow(guard: &Guard, bounds: &Bounds, mut request: Outgoing, most: usize) -> Result<Answer, EffectError> {
    for _ in 0..=redirect::MOST {
        let (_line, response) = ask(guard, bounds, &request).await?;
        let (head, incoming) = response.into_parts();
        match redirect::next(&request, head.status, &head.headers)? {
            Some(next) => request = next,
            None => return body::read(&request.target, head, incoming, most).await,
        }
    }
    Err(redirect::too_many(&request))
}

/// The connection lives as long as its line does.
pub(super) type Line = AbortOnDropHandle<()>;

/// Sends one request and waits for the head of its answer.
pub(super) async fn ask(guard: &Guard, bounds: &Bounds, request: &Outgoing) -> Result<(Line, Response<Incoming>), EffectError> {
    let (client, target) = (guard.client(), &request.target);
    let sockets = client.sockets(bounds, target.host(), target.port()).await?;
    guard.tell(bounds.would_refuse(|bounds| {
        let named = bounds.host(target.host(), target.port())?;
        sockets.iter().try_for_each(|socket| bounds.address(&named, socket.ip()).map(drop))
    }));
    let stream = secure(client, target, dial(client, target, &sockets).await?).await?;
    let mut builder = http1::Builder::new();
    builder.max_headers(MOST_HEADERS).max_header_size(MOST_HEAD_BYTES).max_buf_size(2 * MOST_HEAD_BYTES);
    let broken = |error: hyper::Error| EffectError::Broken { host: target.place(), why: told(&error).into() };
    let (mut sender, connection) = builder.handshake(TokioIo::new(stream)).await.map_err(broken)?;
    let line = AbortOnDropHandle::new(tokio::spawn(async move {
        // Whoever waits for the answer is told as well.
        let _ = connection.await;
    }));
    let response = sender.send_request(written(request)?).await.map_err(broken)?;
    Ok((line, response))
}

/// A connection to the first of these sockets that gives one.
async fn dial(client: &Client, target: &Target, sockets: &[SocketAddr]) -> Result<TcpStream, EffectError> {
    let mut failed = String::new();
    for socket in sockets.iter().take(MOST_DIALS) {
        failed = match timeout(DIAL, client.network.connect(*socket)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => format!("{}: {error}", socket.ip()),
            Err(_) => format!("{}: no answer in {} s", socket.ip(), DIAL.as_secs()),
        };
    }
    Err(unreachable(target, &failed))
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

async fn secure(client: &Client, target: &Target, stream: TcpStream) -> Result<Box<dyn Stream>, EffectError> {
    // Without it small requests wait for an acknowledgement; a socket that refuses it works as well.
    let _ = stream.set_nodelay(true);
    if !target.is_tls() {
        return Ok(Box::new(stream));
    }
    let name = match target.host() {
        Host::Address(address) => ServerName::from(*address),
        Host::Name(name) => ServerName::try_from(name.clone()).map_err(|_| unreachable(target, "TLS knows no such name"))?,
    };
    let secured = TlsConnector::from(client.tls.clone()).connect(name, stream).await;
    Ok(Box::new(secured.map_err(|error| unreachable(target, &format!("TLS: {error}")))?))
}

fn written(request: &Outgoing) -> Result<Request<Full<Bytes>>, EffectError> {
    let broken = |why: String| EffectError::Arguments { what: shown(request.target.url().as_str()).into(), why: why.into() };
    let host = HeaderValue::from_str(&request.target.authority()).map_err(|error| broken(error.to_string()))?;
    let mut written = Request::builder().method(request.method.clone()).uri(request.target.request_target());
    if let Some(headers) = written.headers_mut() {
        headers.insert(HOST, host);
        headers.extend(request.headers.iter().map(|(name, value)| (name.clone(), value.clone())));
    }
    written.body(Full::new(request.body.clone())).map_err(|error| broken(error.to_string()))
}

fn unreachable(target: &Target, why: &str) -> EffectError {
    EffectError::Unreachable { host: target.place(), why: shown(why).into() }
}

/// What hyper says, down to the cause.
pub(super) fn told(error: &hyper::Error) -> String {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
    shown(&format!("{error}{cause}"))
}
