//! Serves a runtime until it is told to stop, and leaves nothing half done.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::runtime::Runtime;
use crate::{control, http};

/// The longest that running work is waited for. A pod's grace period is this much and ten seconds.
const LONGEST_DRAIN: Duration = Duration::from_secs(300);

/// The sockets to serve on. Who bound them knows their addresses.
#[derive(Debug)]
pub struct Listeners {
    /// For the API.
    pub api: TcpListener,
    /// For health, readiness and metrics, where those have a port of their own.
    pub admin: Option<TcpListener>,
}

/// Serves until `shutdown`, then drains: readiness goes off, for `linger` new work is still accepted (until every load
/// balancer has noticed), then none, and work under way is finished.
///
/// # Errors
/// When a socket cannot be served any more.
pub async fn serve(runtime: Arc<Runtime>, listeners: Listeners, shutdown: CancellationToken, linger: Duration) -> io::Result<()> {
    let Listeners { api, admin } = listeners;
    let hosts = vec![api.local_addr()?.ip().to_string()];
    let stop_api = CancellationToken::new();
    let stop_admin = CancellationToken::new();
    let admin = admin.map(|listener| {
        let router = http::admin(Arc::clone(&runtime));
        axum::serve(listener, router).with_graceful_shutdown(stop_admin.clone().cancelled_owned())
    });
    let router = http::api(Arc::clone(&runtime), &hosts);
    let api = api.tap_io(|connection| {
        // Answers are one small write each; waiting to fill a packet only delays them.
        let _ = connection.set_nodelay(true);
    });
    let api = axum::serve(api, router).with_graceful_shutdown(stop_api.clone().cancelled_owned());
    let admin_done = async {
        match admin {
            Some(admin) => admin.await,
            None => Ok(()),
        }
    };
    let api_done = async {
        tokio::select! {
            served = api => served?,
            () = overdue(&runtime, &stop_api) => warn!("some requests did not end in time and are cut off"),
        }
        stop_admin.cancel();
        Ok(())
    };
    let drained = async {
        shutdown.cancelled().await;
        info!("shutting down");
        runtime.begin_drain();
        tokio::time::sleep(linger).await;
        stop_api.cancel();
        Ok(())
    };
    let steered = async {
        control::follow(&runtime, stop_api.clone()).await;
        Ok(())
    };
    tokio::try_join!(api_done, admin_done, drained, steered).map(drop)
}

/// Ends when work under way has had its time.
async fn overdue(runtime: &Runtime, stopped: &CancellationToken) {
    stopped.cancelled().await;
    tokio::time::sleep((runtime.longest_run() + Duration::from_secs(5)).min(LONGEST_DRAIN)).await;
}

/// As [`serve`], until the process is told to stop: SIGTERM from kubelet, SIGINT from a terminal.
///
/// # Errors
/// When a socket cannot be served any more, or signals cannot be listened for.
pub async fn serve_until_terminated(runtime: Arc<Runtime>, listeners: Listeners, linger: Duration) -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let shutdown = CancellationToken::new();
    let served = serve(runtime, listeners, shutdown.clone(), linger);
    tokio::pin!(served);
    tokio::select! {
        ended = &mut served => return ended,
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    shutdown.cancel();
    served.await
}
