//! The WebSocket connections of a process: how many there may be, and how they end with it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::metrics::{Active, Metrics};

/// How WebSocket connections are held. Experimental, as all of them.
///
/// ```
/// use std::time::Duration;
///
/// use skreaver::{Runtime, WebSocketConfig};
///
/// let websocket = WebSocketConfig::new().with_heartbeat_interval(Duration::from_secs(10)).with_max_connections(10_000);
/// let runtime = Runtime::builder().websocket(websocket).build()?;
/// assert_eq!(runtime.websockets().config(), websocket);
/// assert_eq!(runtime.websockets().connections(), 0);
/// # Ok::<(), skreaver::BuildError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WebSocketConfig {
    pub(super) heartbeat_interval: Duration,
    pub(super) max_connections: usize,
}

impl Default for WebSocketConfig {
    fn default() -> Self {
        Self { heartbeat_interval: Duration::from_secs(30), max_connections: 1_000 }
    }
}

impl WebSocketConfig {
    /// A heartbeat of 30 seconds and 1,000 connections.
    pub fn new() -> Self {
        Self::default()
    }

    /// How often a client is asked whether it is there. Who has not said anything for two of them is gone, and who has not read
    /// what it was sent for one is cut off. At least a millisecond.
    #[must_use]
    pub fn with_heartbeat_interval(mut self, interval: Duration) -> Self {
        self.heartbeat_interval = interval.max(Duration::from_millis(1));
        self
    }

    /// Connections at once; further ones are refused.
    #[must_use]
    pub fn with_max_connections(mut self, connections: usize) -> Self {
        self.max_connections = connections.min(Semaphore::MAX_PERMITS);
        self
    }
}

/// The WebSocket connections of one runtime.
pub struct WebSocketManager {
    config: WebSocketConfig,
    places: Arc<Semaphore>,
    open: TaskTracker,
    going_away: CancellationToken,
}

/// A connection's place among those that may be open; it is free again when this is dropped.
pub(crate) struct Place {
    pub(super) heartbeat: Duration,
    pub(super) going_away: CancellationToken,
    _permit: OwnedSemaphorePermit,
    _open: TaskTrackerToken,
    _active: Active,
}

impl WebSocketManager {
    /// No connections yet.
    pub fn new(config: WebSocketConfig) -> Self {
        Self {
            config,
            places: Arc::new(Semaphore::new(config.max_connections)),
            open: TaskTracker::new(),
            going_away: CancellationToken::new(),
        }
    }

    /// How they are held.
    pub fn config(&self) -> WebSocketConfig {
        self.config
    }

    /// How many are open.
    pub fn connections(&self) -> usize {
        self.open.len()
    }

    /// A place for one more, where there is one.
    pub(super) fn enter(&self, metrics: &Metrics) -> Option<Place> {
        let permit = Arc::clone(&self.places).try_acquire_owned().ok()?;
        Some(Place {
            heartbeat: self.config.heartbeat_interval,
            going_away: self.going_away.clone(),
            _permit: permit,
            _open: self.open.token(),
            _active: metrics.websocket(),
        })
    }

    /// Lets runs under way end and closes connections, until none is left.
    pub(crate) async fn drain(&self) {
        self.going_away.cancel();
        self.open.close();
        self.open.wait().await;
    }
}
