//! Serves a router on a socket: a bound on connections, deadlines for those that dawdle, and an end in good order.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

/// Connections at once; further ones wait in the socket's backlog until one ends.
const MOST_CONNECTIONS: usize = 10_000;
/// How long a request's headers may take, which is also how long a connection may idle between two requests.
const HEADERS: Duration = Duration::from_secs(30);
/// Requests at once on one HTTP/2 connection.
const STREAMS: u32 = 256;
/// How long to wait when a connection cannot be accepted, for want of file descriptors most likely.
const BREATH: Duration = Duration::from_millis(100);

/// Serves until `stop`; then accepts no more, closes what idles and waits for the requests under way.
pub(crate) async fn serve(listener: TcpListener, router: Router, stop: CancellationToken) {
    let builder = builder();
    let (graceful, tasks, slots) = (GracefulShutdown::new(), TaskTracker::new(), Arc::new(Semaphore::new(MOST_CONNECTIONS)));
    while let Some(accepted) = stop.run_until_cancelled(accept(&listener, &slots)).await {
        let (stream, slot) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                warn!(%error, "failed to accept a connection");
                tokio::time::sleep(BREATH).await;
                continue;
            }
        };
        let service = TowerToHyperService::new(router.clone());
        let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service).into_owned();
        let connection = graceful.watch(connection);
        tasks.spawn(async move {
            if let Err(error) = connection.await {
                debug!(error, "a connection ended badly");
            }
            drop(slot);
        });
    }
    drop(listener);
    graceful.shutdown().await;
    tasks.close();
    tasks.wait().await;
}

fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADERS);
    builder.http2().timer(TokioTimer::new()).max_concurrent_streams(STREAMS).keep_alive_interval(HEADERS);
    builder
}

type Slot = tokio::sync::OwnedSemaphorePermit;

async fn accept(listener: &TcpListener, slots: &Arc<Semaphore>) -> io::Result<(TcpStream, Slot)> {
    let slot = Arc::clone(slots).acquire_owned().await.expect("the semaphore is never closed");
    let (stream, _) = listener.accept().await?;
    // Answers are one small write each; waiting to fill a packet only delays them.
    stream.set_nodelay(true)?;
    Ok((stream, slot))
}
