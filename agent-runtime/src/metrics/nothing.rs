//! Metrics where they are not built in (feature `metrics`): nothing is counted.

use std::time::Duration;

use skreaver_policy::{Place, Seen};
use skreaver_protocol::ToolName;
use skreaver_protocol::policy::{ContentAction, Mode};

use super::{ErrorKind, MemoryOp};

/// The metrics of one process: none.
#[derive(Default)]
pub struct Metrics(());

/// The metrics of one tool: none.
pub(crate) struct ToolMetrics;

/// A run or session that nobody counts.
pub(crate) struct Active;

impl ToolMetrics {
    pub(crate) fn observe(&self, _: Duration) {}
}

impl Metrics {
    /// Counts nothing.
    pub fn new() -> Self {
        Self::default()
    }

    pub(crate) fn tool(&self, _: &ToolName) -> ToolMetrics {
        ToolMetrics
    }

    pub(crate) fn refused(&self, _: Mode, _: Option<&str>, _: Option<&str>) {}

    pub(crate) fn found(&self, _: Mode, _: Place, _: &Seen, _: ContentAction) {}

    pub(crate) fn error(&self, _: ErrorKind) {}

    #[cfg_attr(not(feature = "http"), expect(dead_code, reason = "without an API nobody asks"))]
    pub(crate) fn not_let_in(&self, _: &'static str) {}

    pub(crate) fn rejected(&self) {}

    pub(crate) fn active(&self) -> Active {
        Active
    }

    #[cfg(feature = "unstable-websocket")]
    pub(crate) fn websocket(&self) -> Active {
        Active
    }

    pub(crate) fn session(&self) -> Active {
        Active
    }

    pub(crate) fn memory(&self, _: MemoryOp) {}

    /// Counts nothing.
    pub fn http(&self, _: &str, _: &str, _: Duration) {}
}
