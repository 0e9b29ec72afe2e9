//! What a source of tools is: something that finds out at run time which tools it has.

use std::collections::BTreeMap;
use std::sync::Arc;

use skreaver_protocol::ToolName;
use skreaver_protocol::control::FoundTool;
use skreaver_tools::Tool;
use tokio::sync::watch;

/// A source of tools. It keeps itself up to date until it is dropped.
pub trait Source: Send + Sync {
    /// What it has to offer, now and from now on.
    fn offers(&self) -> watch::Receiver<Offer>;

    /// Tells it what its tools were when they were first seen: of each, its digest by the server's name for it. Nothing: they
    /// have not been seen, and are what they are found to be.
    fn set_pins(&self, pins: Option<BTreeMap<String, String>>);
}

/// What a source has to offer at one moment.
#[derive(Clone, Default)]
pub struct Offer {
    /// The tools that may be used, by the names by which callers and policies know them: `source/tool`.
    pub tools: BTreeMap<ToolName, Arc<dyn Tool>>,
    /// All that were found and may be had, also those that a pin keeps back. Sorted by name.
    pub found: Vec<FoundTool>,
    /// How it stands.
    pub state: SourceState,
    /// Which tools are not what they were when they were first seen.
    pub drift: Vec<Drift>,
}

/// How a source stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum SourceState {
    /// It is being reached for the first time.
    #[default]
    Connecting,
    /// It answers.
    Ready,
    /// It does not answer; it is reached for again and again. Its tools are still known, and calls of them fail.
    Lost {
        /// Why, without secrets.
        why: String,
    },
}

/// A remote tool that is not what it was when it was first seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drift {
    /// The server's name for it.
    pub tool: String,
    /// Whether it may still be used.
    pub is_withheld: bool,
    /// Whether it was not there when the source was first seen.
    pub is_new: bool,
}
