//! What the tools of this crate need of the program around them.

use std::sync::Arc;

use skreaver_effects::{EffectError, Guard};
use skreaver_tools::ToolError;

use crate::headers::Secrets;

/// What a remote tool needs of the program around it. Clones are the same.
#[derive(Clone)]
pub struct World {
    /// What stands between the tools of the agent and the network.
    pub guard: Guard,
    /// Who reads the secrets of headers.
    pub secrets: Arc<dyn Secrets>,
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
