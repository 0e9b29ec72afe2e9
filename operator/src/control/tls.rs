//! TLS for the control channel: slow handshakes hold up nobody, silent connections are dropped, and their number is bounded.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{Sleep, sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::authority::{Authority, AuthorityError};

/// Connections at once. More wait in the kernel's queue.
const CONNECTIONS: usize = 16_384;
/// A handshake that takes longer is given up.
const HANDSHAKE: Duration = Duration::from_secs(5);
/// A connection that is not let in within this time is dropped.
const ADMISSION: Duration = Duration::from_secs(15);
/// A certificate is replaced long before its 30 days are over.
const REISSUE: Duration = Duration::from_secs(10 * 24 * 3600);

/// Accepts TLS connections.
pub(crate) struct TlsListener {
    tcp: TcpListener,
    authority: Authority,
    names: Vec<String>,
    config: Arc<ServerConfig>,
    issued: Instant,
    free: Arc<Semaphore>,
    handshakes: JoinSet<Option<(Connection, SocketAddr)>>,
}

/// A TLS connection, and a place among those that are allowed.
pub(crate) struct Connection {
    stream: TlsStream<TcpStream>,
    admitted: Arc<AtomicBool>,
    patience: Pin<Box<Sleep>>,
    _place: OwnedSemaphorePermit,
}

/// The way to tell a connection that it may stay.
#[derive(Clone)]
pub(crate) struct Admission(Arc<AtomicBool>);

impl Admission {
    pub(crate) fn grant(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Connected<IncomingStream<'_, TlsListener>> for Admission {
    fn connect_info(stream: IncomingStream<'_, TlsListener>) -> Self {
        Self(Arc::clone(&stream.io().admitted))
    }
}

impl TlsListener {
    /// Serves as these host names, with certificates signed by the authority.
    pub(crate) fn new(tcp: TcpListener, authority: Authority, names: Vec<String>) -> Result<Self, AuthorityError> {
        let config = authority.serve_as(&names)?;
        let free = Arc::new(Semaphore::new(CONNECTIONS));
        Ok(Self { tcp, authority, names, config, issued: Instant::now(), free, handshakes: JoinSet::new() })
    }

    fn shake_hands(&mut self, tcp: TcpStream, from: SocketAddr, place: OwnedSemaphorePermit) {
        let acceptor = TlsAcceptor::from(self.fresh_config());
        self.handshakes.spawn(async move {
            let stream = timeout(HANDSHAKE, acceptor.accept(tcp)).await.ok()?.ok()?;
            let patience = Box::pin(sleep(ADMISSION));
            Some((Connection { stream, admitted: Arc::default(), patience, _place: place }, from))
        });
    }

    fn fresh_config(&mut self) -> Arc<ServerConfig> {
        if self.issued.elapsed() > REISSUE {
            match self.authority.serve_as(&self.names) {
                Ok(config) => (self.config, self.issued) = (config, Instant::now()),
                Err(error) => tracing::error!(%error, "failed to renew the serving certificate"),
            }
        }
        Arc::clone(&self.config)
    }
}

impl Listener for TlsListener {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        loop {
            let free = Arc::clone(&self.free);
            let incoming = async {
                let place = free.acquire_owned().await.ok();
                (place, self.tcp.accept().await)
            };
            tokio::select! {
                Some(done) = self.handshakes.join_next() => {
                    if let Ok(Some(accepted)) = done {
                        return accepted;
                    }
                }
                (place, accepted) = incoming => match (place, accepted) {
                    (Some(place), Ok((tcp, from))) => self.shake_hands(tcp, from, place),
                    (_, Err(error)) => {
                        tracing::warn!(%error, "failed to accept a connection");
                        sleep(Duration::from_millis(100)).await;
                    }
                    (None, Ok(_)) => {}
                },
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let admitted = this.admitted.load(Ordering::Relaxed);
        if !admitted && this.patience.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        Pin::new(&mut this.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
