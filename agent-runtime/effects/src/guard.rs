//! What stands between the tools of one agent and the world.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use skreaver_policy::bounds::{Limits, Refusal};
use tokio::time::{Instant, timeout_at};

use crate::error::EffectError;
use crate::gate::{Gate, Pass};
use crate::http::Client;

/// What stands between the tools of one agent and the world: its HTTP client, and the count of its calls at work. Clones are
/// the same guard.
#[derive(Clone)]
pub struct Guard {
    client: Client,
    gate: Arc<Gate>,
    audit: Option<Arc<Told>>,
}

/// Who hears what policies in mode Audit would have refused.
type Told = dyn Fn(Refusal) + Send + Sync;

impl Guard {
    /// The guard of one agent. The client may be shared by all agents of a process.
    pub fn new(client: Client) -> Self {
        Self { client, gate: Arc::default(), audit: None }
    }

    /// The same guard for one call, which tells what policies in mode Audit would have refused of it.
    #[must_use]
    pub fn telling(&self, told: impl Fn(Refusal) + Send + Sync + 'static) -> Self {
        Self { audit: Some(Arc::new(told)), ..self.clone() }
    }

    pub(crate) fn tell(&self, refusals: Vec<Refusal>) {
        if let Some(told) = &self.audit {
            refusals.into_iter().for_each(|refusal| told(refusal));
        }
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

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").field("client", &self.client).field("gate", &self.gate).finish_non_exhaustive()
    }
}
