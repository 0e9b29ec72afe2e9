//! Who asks. Part of run and policy types from the start, so that nothing can be decided without it.

use serde::{Deserialize, Serialize};

/// The identity on whose behalf a run works.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Caller {
    /// Nobody in particular: the runtime was not asked to authenticate.
    Anonymous,
}
