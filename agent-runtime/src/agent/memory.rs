//! Where an agent remembers: a place that is empty until its memory answers, and again when it is given up.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use skreaver_memory::{Memory, MemoryError};
use skreaver_protocol::config::MemoryConfig;
use skreaver_protocol::problem::Code;

use super::Failure;
use crate::runs::Kept;

/// The memory of an agent, open or not.
pub(crate) struct Slot {
    pub(crate) config: MemoryConfig,
    /// Memory of the library's user, in the place of what the configuration names.
    pub(crate) own: Option<Arc<dyn Memory>>,
    kept: ArcSwapOption<Kept>,
    /// Why it is not open.
    problem: ArcSwapOption<MemoryError>,
}

impl Slot {
    pub(crate) fn new(config: MemoryConfig, own: Option<Arc<dyn Memory>>) -> Self {
        Self { config, own, kept: ArcSwapOption::empty(), problem: ArcSwapOption::empty() }
    }

    pub(crate) fn kept(&self) -> Option<Arc<Kept>> {
        self.kept.load_full()
    }

    /// The open memory, or what a caller is told.
    pub(crate) fn open(&self) -> Result<Arc<Kept>, Failure> {
        self.kept().ok_or_else(|| {
            let why = self.problem.load().as_ref().map_or("it is being opened".to_owned(), |problem| sentence(problem));
            let detail = format!("the agent's memory cannot be used: {why}");
            Failure { retry_after: Some(1), ..Failure::new(Code::MemoryUnavailable, detail) }
        })
    }

    pub(crate) fn opened(&self, kept: Arc<Kept>) {
        self.problem.store(None);
        self.kept.store(Some(kept));
    }

    pub(crate) fn failed(&self, problem: MemoryError) {
        self.problem.store(Some(Arc::new(problem)));
    }
}

/// An error with its causes, in one sentence.
pub(crate) fn sentence(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
