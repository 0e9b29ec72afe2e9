//! How a call that needs approval gets it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::GoDuration;

/// How a call that needs approval gets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct ApprovalTerms {
    /// How many different people have to approve. One who denies ends it. Default: 1.
    #[schemars(range(min = 1, max = 10))]
    pub quorum: u32,
    /// How long the call waits; then it is denied. From `1s` to `24h`, and no longer than the memory of the agent keeps its runs. Default: `1h`.
    #[schemars(extend("x-kubernetes-validations" = [{
        "rule": "self.matches('^([0-9]{1,9}(ms|s|m|h))+$') && duration(self) >= duration('1s') && duration(self) <= duration('24h')",
        "message": "write a time from 1s to 24h",
    }]))]
    pub timeout: GoDuration,
}

impl Default for ApprovalTerms {
    fn default() -> Self {
        Self { quorum: 1, timeout: GoDuration::from_secs(60 * 60) }
    }
}
