//! What a source needs of the process around it.

use std::sync::Arc;

use secrecy::SecretString;
use skreaver_effects::http::{self, Request, Response};
use skreaver_effects::{Bounds, EffectError, Guard};
use skreaver_policy::bounds::Ground;
use skreaver_protocol::config::SecretSource;

/// Reads a secret as it is now, or says where it was looked for, never what was found.
pub type SecretReader = Arc<dyn Fn(&SecretSource) -> Result<SecretString, String> + Send + Sync>;

/// The bounds of the agent as they are now: policies change while a source runs.
pub type CurrentBounds = Arc<dyn Fn() -> Arc<Bounds> + Send + Sync>;

/// What a source needs of the process around it.
#[derive(Clone)]
pub struct World {
    /// The guard of the agent: what is reached over HTTP goes through it, and calls count at its gate.
    pub guard: Guard,
    /// The bounds of the agent. Of these the places that the spec names for its sources need not be part.
    pub bounds: CurrentBounds,
    /// Who reads secrets.
    pub secrets: SecretReader,
    /// Where the agent runs: only on a laptop may a server be a child process.
    pub ground: Ground,
}

impl World {
    /// Sends a request to the place that its URL names, judged by the bounds as they are now.
    pub(super) async fn send(&self, request: Request) -> Result<Response, EffectError> {
        let (host, port) = http::place(&request.url)?;
        let bounds = (self.bounds)().for_place(&host, port);
        http::stream(&self.guard, &bounds, request).await
    }
}
