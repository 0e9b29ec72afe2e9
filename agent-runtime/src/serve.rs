//! Serves a runtime until it is told to stop, and leaves nothing half done.

mod connections;

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::http;
use crate::runtime::Runtime;
use crate::trace::{info, warn};
use connections::Patience;

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
/// When a socket has no address.
pub async fn serve(runtime: Arc<Runtime>, listeners: Listeners, shutdown: CancellationToken, linger: Duration) -> io::Result<()> {
    let Listeners { api, admin } = listeners;
    let listening = api.local_addr()?.ip();
    if runtime.guard.is_none() && !listening.is_loopback() {
        warn!(address = %listening, "others than this machine may ask, and nobody is asked who they are: there is no `auth`");
    }
    let hosts = own_host(listening);
    let (stop_api, stop_admin) = (CancellationToken::new(), CancellationToken::new());
    let admin_done = async {
        if let Some(admin) = admin {
            connections::serve(admin, http::admin(Arc::clone(&runtime)), stop_admin.clone(), Patience::default()).await;
        }
    };
    let api_done = async {
        let answered = CancellationToken::new();
        let requests = async {
            let router = http::api(Arc::clone(&runtime), &hosts);
            let answered_all = connections::serve(api, router, stop_api.clone(), Patience::default());
            tokio::join!(answered_all, conversations(&runtime, &stop_api));
            // Not before: requests under way need the memories of their agents.
            answered.cancel();
        };
        tokio::select! {
            ((), ()) = async { tokio::join!(requests, runtime.work(answered.clone())) } => {}
            () = overdue(&runtime, &stop_api) => warn!("some requests and runs did not end in time and are cut off"),
        }
        stop_admin.cancel();
    };
    let drained = async {
        shutdown.cancelled().await;
        info!("shutting down");
        runtime.begin_drain();
        tokio::time::sleep(linger).await;
        stop_api.cancel();
    };
    #[cfg(feature = "control")]
    let followed = crate::control::follow(&runtime, stop_api.clone());
    #[cfg(not(feature = "control"))]
    let followed = std::future::ready(());
    tokio::join!(api_done, admin_done, drained, followed);
    Ok(())
}

/// Ends when the process ends and the last WebSocket connection is closed; those outlive the request that opened them.
#[cfg(feature = "unstable-websocket")]
async fn conversations(runtime: &Runtime, stopped: &CancellationToken) {
    stopped.cancelled().await;
    runtime.websockets.drain().await;
}

#[cfg(not(feature = "unstable-websocket"))]
async fn conversations(_: &Runtime, _: &CancellationToken) {}

/// The host that MCP answers to because it listens there. "Everywhere" is no host that an honest caller would name.
fn own_host(listening: IpAddr) -> Vec<String> {
    if listening.is_unspecified() { Vec::new() } else { vec![listening.to_string()] }
}

/// Ends when work under way has had its time.
async fn overdue(runtime: &Runtime, stopped: &CancellationToken) {
    stopped.cancelled().await;
    let longest_run = runtime.agents().iter().map(|agent| agent.config().limits.run_timeout.get()).max().unwrap_or_default();
    tokio::time::sleep((longest_run + Duration::from_secs(5)).min(LONGEST_DRAIN)).await;
}

/// As [`serve`], until the process is told to stop: SIGTERM from kubelet, SIGINT from a terminal. Told again, it does not
/// wait for work under way.
///
/// # Errors
/// When a socket has no address, or signals cannot be listened for.
pub async fn serve_until_terminated(runtime: Arc<Runtime>, listeners: Listeners, linger: Duration) -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let shutdown = CancellationToken::new();
    let served = serve(runtime, listeners, shutdown.clone(), linger);
    tokio::pin!(served);
    let mut told = async || {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    tokio::select! {
        ended = &mut served => return ended,
        () = told() => shutdown.cancel(),
    }
    tokio::select! {
        ended = &mut served => ended,
        () = told() => {
            warn!("told to stop a second time: requests under way are cut off");
            Ok(())
        }
    }
}
