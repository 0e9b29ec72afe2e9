//! Serves a router on a socket: a bound on connections, deadlines for those that dawdle, and an end in good order.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_http::add_extension::AddExtension;

use crate::trace::{debug, warn};

/// Connections at once; further ones wait in the socket's backlog until one ends.
const MOST_CONNECTIONS: usize = 10_000;
/// How HTTP/2 begins.
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// How long a client of HTTP/2 that says nothing is left alone before it is asked whether it is there.
const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// Requests at once on one HTTP/2 connection.
const STREAMS: u32 = 256;
/// How long to wait before looking whether the rest of a preface has arrived; it nearly always arrives at once.
const GLANCE: Duration = Duration::from_millis(20);
/// How long to wait when a connection cannot be accepted, for want of file descriptors most likely.
const BREATH: Duration = Duration::from_millis(100);

/// How long clients may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// To say whether they speak HTTP/1 or HTTP/2.
    pub(crate) greeting: Duration,
    /// To send a request's headers, which is also how long a connection may idle between two requests.
    pub(crate) headers: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { greeting: Duration::from_secs(10), headers: Duration::from_secs(30) }
    }
}

/// Serves until `stop`; then accepts no more, closes what idles and waits for the requests under way. Connections that have
/// taken longer than `patience` are closed.
pub(crate) async fn serve(listener: TcpListener, router: Router, stop: CancellationToken, patience: Patience) {
    let builder = builder(patience);
    let (graceful, tasks, slots) = (GracefulShutdown::new(), TaskTracker::new(), Arc::new(Semaphore::new(MOST_CONNECTIONS)));
    while let Some(accepted) = stop.run_until_cancelled(accept(&listener, &slots)).await {
        let (stream, remote, slot) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                warn!(%error, "failed to accept a connection");
                tokio::time::sleep(BREATH).await;
                continue;
            }
        };
        let service = TowerToHyperService::new(AddExtension::new(router.clone(), ConnectInfo(remote)));
        let (builder, watcher, stop) = (builder.clone(), graceful.watcher(), stop.clone());
        tasks.spawn(async move {
            let _slot = slot;
            let greeted = tokio::time::timeout(patience.greeting, greeted(&stream));
            if !matches!(stop.run_until_cancelled(greeted).await, Some(Ok(Ok(())))) {
                debug!("a connection ended before it said what it speaks");
                return;
            }
            let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
            if let Err(error) = watcher.watch(connection).await {
                debug!(error, "a connection ended badly");
            }
        });
    }
    drop(listener);
    graceful.shutdown().await;
    tasks.close();
    tasks.wait().await;
}

/// Waits until it is plain which HTTP a connection speaks. hyper finds out by itself, but without any deadline.
async fn greeted(stream: &TcpStream) -> io::Result<()> {
    let mut seen = [0; PREFACE.len()];
    loop {
        let length = stream.peek(&mut seen).await?;
        if length == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if length == PREFACE.len() || !PREFACE.starts_with(&seen[..length]) {
            return Ok(());
        }
        // Bytes that were peeked at stay in the socket, which therefore does not tell when further ones arrive.
        tokio::time::sleep(GLANCE).await;
    }
}

fn builder(patience: Patience) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(patience.headers);
    builder.http2().timer(TokioTimer::new()).max_concurrent_streams(STREAMS).keep_alive_interval(KEEP_ALIVE);
    builder
}

type Slot = tokio::sync::OwnedSemaphorePermit;

async fn accept(listener: &TcpListener, slots: &Arc<Semaphore>) -> io::Result<(TcpStream, SocketAddr, Slot)> {
    let slot = Arc::clone(slots).acquire_owned().await.expect("the semaphore is never closed");
    let (stream, remote) = listener.accept().await?;
    // Answers are one small write each; waiting to fill a packet only delays them.
    stream.set_nodelay(true)?;
    Ok((stream, remote, slot))
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// Sends `parts` with a pause between them and returns the answer, until the server closes the connection.
    async fn check(patience: Patience, parts: &[&str]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let stop = CancellationToken::new();
        let router = Router::new().route("/", get(|| async { "hello" }));
        let served = tokio::spawn(serve(listener, router, stop.clone(), patience));
        for part in parts {
            // Who is cut off cannot send the rest.
            let _ = stream.write_all(part.as_bytes()).await;
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let mut answer = Vec::new();
        // Bytes that nobody read turn the end of the connection into a reset.
        let _ = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut answer)).await.expect("it is closed");
        stop.cancel();
        served.await.unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    #[tokio::test]
    async fn who_does_not_say_what_it_speaks_is_closed() {
        for parts in [&[][..], &["P"], &["PRI * HTTP/2.0\r\n"], &["PRI * ", "HTTP/2.0\r\n"]] {
            let patience = Patience { greeting: Duration::from_millis(50), ..Patience::default() };
            assert_eq!(check(patience, parts).await, "", "{parts:?}");
        }
    }

    #[tokio::test]
    async fn a_greeting_may_come_in_parts() {
        let answer = check(Patience::default(), &["G", "ET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"]).await;
        assert!(answer.ends_with("hello"), "{answer}");
        let answer = check(Patience::default(), &["P", "OST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"]).await;
        assert!(answer.starts_with("HTTP/1.1 405"), "{answer}");
    }

    #[tokio::test]
    async fn headers_that_come_too_slowly_are_cut_off() {
        let patience = Patience { headers: Duration::from_millis(200), ..Patience::default() };
        let trickle = ["GET / HTTP/1.1\r\n"; 1].into_iter().chain(["x: y\r\n"; 90]).collect::<Vec<_>>();
        let started = tokio::time::Instant::now();
        let answer = check(patience, &trickle).await;
        assert!(!answer.contains(" 200 "), "{answer}");
        assert!(started.elapsed() < Duration::from_secs(4), "one that goes on sending is cut off all the same");
        assert_eq!(check(patience, &["GET / HTTP/1.1\r\nhost"]).await, "");
        // An idle connection is one whose next headers do not come.
        let answer = check(patience, &["GET / HTTP/1.1\r\nhost: x\r\n\r\n"]).await;
        assert!(answer.ends_with("hello"), "{answer}");
    }

    #[tokio::test]
    async fn silent_connections_end_with_the_server() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let served = tokio::spawn(serve(
            listener,
            Router::new(),
            stop.clone(),
            Patience { greeting: Duration::from_secs(3600), ..Patience::default() },
        ));
        let mut silent = TcpStream::connect(address).await.unwrap();
        let mut undecided = TcpStream::connect(address).await.unwrap();
        undecided.write_all(b"PRI").await.unwrap();
        tokio::time::sleep(Duration::from_millis(30)).await;
        stop.cancel();
        tokio::time::timeout(Duration::from_secs(5), served).await.expect("it ends at once").unwrap();
        assert_eq!(silent.read(&mut [0; 1]).await.unwrap(), 0);
    }
}
