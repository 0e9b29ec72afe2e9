//! Lets pods in: a stream for each that can prove whose it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use kube::Client;
use skreaver_protocol::control;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::authority::{Authority, AuthorityError};
use super::caller::{Caller, Refusal, review};
use super::hub::Hub;
use super::stream;
use super::tls::{Admission, TlsListener};
use crate::report::Reporter;
use crate::scope::Scope;

/// A token that was not reviewed in this time is not let in.
const REVIEW: Duration = Duration::from_secs(5);
/// Tokens under review at once.
const REVIEWS: usize = 32;

/// What the server needs from outside.
pub struct Parts {
    /// For token reviews.
    pub client: Client,
    /// Whose pods may connect.
    pub scopes: Vec<Scope>,
    /// What the pods are told and tell.
    pub hub: Arc<Hub>,
    /// Where the number of streams goes.
    pub reporter: Arc<Reporter>,
    /// Signs our certificate.
    pub authority: Authority,
    /// The host names by which pods know us.
    pub names: Vec<String>,
}

struct Control {
    client: Client,
    scopes: Vec<Scope>,
    hub: Arc<Hub>,
    reporter: Arc<Reporter>,
    reviews: Semaphore,
    next_stream: AtomicU64,
    streams: TaskTracker,
    stop: CancellationToken,
}

/// Serves until told to stop, and says good-bye to every pod.
///
/// # Errors
/// If the certificate cannot be made.
pub async fn serve(tcp: TcpListener, parts: Parts, stop: CancellationToken) -> Result<(), AuthorityError> {
    let Parts { client, scopes, hub, reporter, authority, names } = parts;
    let listener = TlsListener::new(tcp, authority, names)?;
    let control = Arc::new(Control {
        client,
        scopes,
        hub,
        reporter,
        reviews: Semaphore::new(REVIEWS),
        next_stream: AtomicU64::new(0),
        streams: TaskTracker::new(),
        stop: stop.clone(),
    });
    let router = Router::new().route(control::PATH, get(connect)).with_state(Arc::clone(&control));
    let service = router.into_make_service_with_connect_info::<Admission>();
    // Without waiting for connections that never asked for anything: those end with the process.
    tokio::select! {
        result = axum::serve(listener, service) => match result { Ok(()) | Err(_) => {} },
        () = stop.cancelled() => {}
    }
    control.streams.close();
    control.streams.wait().await;
    Ok(())
}

async fn connect(
    State(control): State<Arc<Control>>,
    ConnectInfo(admission): ConnectInfo<Admission>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    let caller = match control.admit(&headers).await {
        Ok(caller) => caller,
        Err(refusal) => {
            tracing::info!(%refusal, "control stream refused");
            return (refusal.code(), refusal.to_string()).into_response();
        }
    };
    admission.grant();
    let id = control.next_stream.fetch_add(1, Ordering::Relaxed);
    let streams = control.streams.clone();
    upgrade.max_message_size(control::MESSAGE_LIMIT).on_upgrade(move |socket| {
        streams.track_future(async move {
            let gauge = control.reporter.control_streams.clone();
            gauge.inc();
            stream::run(socket, &caller, id, &control.hub, &control.stop).await;
            gauge.dec();
        })
    })
}

impl Control {
    async fn admit(&self, headers: &HeaderMap) -> Result<Caller, Refusal> {
        let token = bearer(headers).ok_or(Refusal::Unauthenticated)?;
        let reviewed = async {
            let _turn = self.reviews.acquire().await.map_err(|_| Refusal::Unavailable)?;
            review(&self.client, token).await
        };
        let caller = timeout(REVIEW, reviewed).await.unwrap_or(Err(Refusal::Unavailable))?;
        let is_ours = self.scopes.iter().any(|scope| scope.contains(&caller.agent.0));
        if is_ours { Ok(caller) } else { Err(Refusal::Forbidden) }
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    value.strip_prefix("Bearer ").map(str::trim).filter(|token| !token.is_empty())
}
