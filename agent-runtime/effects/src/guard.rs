//! What stands between the tools of one agent and the world.

use std::future::Future;
use std::sync::Arc;

use skreaver_policy::bounds::Limits;
use tokio::time::{Instant, timeout_at};

use crate::error::EffectError;
use crate::gate::{Gate, Pass};
use crate::http::Client;

/// What stands between the tools of one agent and the world: its HTTP client, and the count of its calls at work.
#[derive(Debug)]
pub struct Guard {
    client: Client,
    gate: Arc<Gate>,
}

impl Guard {
    /// The guard of one agent. The client may be shared by all agents of a process.
    pub fn new(client: Client) -> Self {
        Self { client, gate: Arc::default() }
    }

    /// The count of calls at work, for tools that have their effects elsewhere.
    pub fn gate(&self) -> &Arc<Gate> {
        &self.gate
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Lets an effect happen within the limits of time and concurrency: the wait for other calls counts as time of this one.
    pub(crate) async fn within<T, F>(&self, limits: &Limits, effect: impl FnOnce(Pass) -> F) -> Result<T, EffectError>
    where
        F: Future<Output = Result<T, EffectError>>,
    {
        let end = Instant::now() + limits.timeout;
        let entered = timeout_at(end, self.gate.enter(limits.concurrency)).await;
        let pass = entered.map_err(|_| EffectError::Busy { limit: limits.concurrency })?;
        timeout_at(end, effect(pass)).await.map_err(|_| EffectError::TimedOut { limit: limits.timeout })?
    }
}
