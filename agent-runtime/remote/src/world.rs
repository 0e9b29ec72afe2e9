//! What the tools of this crate need of the program around them.

use std::sync::Arc;

use skreaver_effects::http::{self, Request, Response};
use skreaver_effects::{Bounds, EffectError, Guard};
use skreaver_policy::bounds::Ground;
use skreaver_tools::ToolError;

use crate::headers::Secrets;

/// The bounds of the agent as they are now: policies change while a source runs.
pub type CurrentBounds = Arc<dyn Fn() -> Arc<Bounds> + Send + Sync>;

/// What a remote tool needs of the program around it. Clones are the same.
#[derive(Clone)]
pub struct World {
    /// The guard of the agent: what is reached over HTTP goes through it, and calls count at its gate.
    pub guard: Guard,
    /// Who reads the secrets of headers.
    pub secrets: Arc<dyn Secrets>,
    /// The bounds of the agent, for what a source does outside of calls. Of these the places that the spec names for its sources
    /// need not be part.
    pub bounds: CurrentBounds,
    /// Where the agent runs: only on a laptop may a server be a child process.
    pub ground: Ground,
}

impl World {
    /// Sends a request to the place that its URL names, judged by the bounds as they are now.
    pub(crate) async fn send(&self, request: Request) -> Result<Response, EffectError> {
        let (host, port) = http::place(&request.url)?;
        let bounds = (self.bounds)().for_place(&host, port);
        http::stream(&self.guard, &bounds, request).await
    }
}

/// What tool callers are told of an effect that did not happen.
pub(crate) fn told(error: EffectError) -> ToolError {
    match error {
        EffectError::Arguments { .. } => ToolError::InvalidArguments(error.to_string()),
        EffectError::Refused(refusal) => {
            ToolError::Refused { policy: refusal.policy.as_deref().map(str::to_owned), why: refusal.to_string() }
        }
        error => ToolError::Failed(error.to_string()),
    }
}
