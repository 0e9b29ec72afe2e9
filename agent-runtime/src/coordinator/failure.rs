//! Why something in a run came to nothing, in a form that can be kept and told.

use serde::{Deserialize, Serialize};
use skreaver_protocol::problem::{Code, Problem};

/// Why something in a run came to nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The stable code.
    pub code: Code,
    /// What was tried, what went wrong, and what to do.
    pub detail: String,
    /// The ToolPolicy that refused, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// The rule that refused, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// After how many seconds trying again may help.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
}

impl Failure {
    /// Of a run that somebody ended.
    pub(crate) fn cancelled() -> Self {
        Self::new(Code::Cancelled, "the run was cancelled")
    }

    /// A failure of this code.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), policy: None, rule: None, retry_after: None }
    }
}

impl From<Failure> for Problem {
    fn from(Failure { code, detail, policy, rule, retry_after }: Failure) -> Self {
        Self { policy, rule, retry_after, ..Self::new(code, detail) }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.detail)
    }
}

impl std::error::Error for Failure {}
