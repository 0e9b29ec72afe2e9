//! A build without tools that do something to the world.

use std::sync::Arc;

use skreaver_protocol::{AgentName, Builtin};

use super::Tool;
use crate::build::BuildError;
use crate::metrics::Metrics;

/// The tools of an agent that do something to the world: none.
pub(crate) struct Effects;

impl Effects {
    pub(crate) fn new(_: &AgentName, _: &Arc<Metrics>) -> Self {
        Self
    }

    pub(crate) fn tool(&self, builtin: Builtin) -> Result<Arc<dyn Tool>, BuildError> {
        let feature = if builtin.needs_files() { "io" } else { "network" };
        Err(BuildError::NotBuilt { what: "the tool", feature })
    }
}
