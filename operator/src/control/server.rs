//! Lets pods in: a stream for each that can prove whose it is.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use kube::Client;
use skreaver_protocol::control;
use tokio::net::TcpListener;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::agent::AgentKey;

use super::authority::{Authority, AuthorityError};
use super::caller::{Caller, Refusal, review};
use super::hub::Hub;
use super::stream;
use super::tls::{Admission, TlsListener};
use crate::report::Reporter;
use crate::scope::Scope;

/// A token that was not reviewed in this time is not let in.
const REVIEW: Duration = Duration::from_secs(5);
/// The largest message of a pod, in bytes: a report of a few lines.
const LARGEST_REPORT: usize = 256 << 10;
/// Streams of one pod at once: one, and those of a broken connection that nobody has noticed yet.
const STREAMS_OF_A_POD: usize = 4;
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
    /// The places of each pod that has a stream.
    pods: Mutex<HashMap<(AgentKey, String), Arc<Semaphore>>>,
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
        pods: Mutex::default(),
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
    let Some(place) = control.place(&caller) else {
        return (StatusCode::TOO_MANY_REQUESTS, "the pod has too many streams already").into_response();
    };
    admission.grant();
    let id = control.next_stream.fetch_add(1, Ordering::Relaxed);
    let streams = control.streams.clone();
    upgrade.max_message_size(LARGEST_REPORT).max_frame_size(LARGEST_REPORT).on_upgrade(move |socket| {
        streams.track_future(async move {
            let gauge = control.reporter.control_streams.clone();
            gauge.inc();
            stream::run(socket, &caller, id, &control.hub, &control.stop).await;
            gauge.dec();
            drop(place);
        })
    })
}

impl Control {
    /// A place for one more stream of a pod, free again when it is dropped.
    fn place(&self, caller: &Caller) -> Option<OwnedSemaphorePermit> {
        let mut pods = self.pods.lock().unwrap_or_else(PoisonError::into_inner);
        pods.retain(|_, places| places.available_permits() < STREAMS_OF_A_POD);
        let pod = (caller.agent.clone(), caller.pod.clone());
        let places = pods.entry(pod).or_insert_with(|| Arc::new(Semaphore::new(STREAMS_OF_A_POD)));
        Arc::clone(places).try_acquire_owned().ok()
    }

    async fn admit(&self, headers: &HeaderMap) -> Result<Caller, Refusal> {
        let token = bearer(headers).ok_or(Refusal::Unauthenticated)?;
        let reviewed = async {
            let _turn = self.reviews.acquire().await.map_err(|_| Refusal::Unavailable)?;
            review(&self.client, token).await
        };
        let caller = timeout(REVIEW, reviewed).await.unwrap_or(Err(Refusal::Unavailable))?;
        let is_ours = self.scopes.iter().any(|scope| scope.contains(&caller.agent.0));
        // Policies are published before the first pod is made. After a restart of ours a pod may be earlier, and comes again.
        if is_ours && self.hub.knows(&caller.agent) { Ok(caller) } else { Err(Refusal::Forbidden) }
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    value.strip_prefix("Bearer ").map(str::trim).filter(|token| !token.is_empty())
}
