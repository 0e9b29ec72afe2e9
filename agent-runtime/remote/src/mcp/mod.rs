//! The tools of an MCP server: found, kept up to date, and called, over streamable HTTP or as a child process.
//!
//! What a server says of its tools is the word of a stranger. Descriptions and schemas are bounded and shown as a person sees
//! them, and pins tell when they change; that a tool may be called twice (`readOnlyHint`, `idempotentHint`) is believed.

mod board;
#[cfg(feature = "child-process")]
mod child;
mod choice;
mod credentials;
mod events;
mod failure;
mod http;
mod keeper;
mod listing;
mod oauth;
mod problem;
mod result;
mod session;
#[cfg(feature = "testing")]
pub mod testing;
mod tool;

use std::collections::BTreeMap;
use std::sync::Arc;

use skreaver_protocol::config::{McpConfig, McpServer, Pin};
use skreaver_protocol::{GoDuration, ToolName};
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use crate::{Offer, Source, World};
use board::Board;

/// The tools of an MCP server. The server is reached, and reached again, until this is dropped.
#[derive(Debug)]
pub struct McpSource {
    board: Arc<Board>,
    _keeper: AbortOnDropHandle<()>,
}

impl McpSource {
    /// Begins to reach a server, in a task of its own. A config that cannot work makes a source that is lost and says why.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn start(name: ToolName, config: McpConfig, world: World) -> Self {
        let board = Arc::new(Board::new(config.pin));
        let keeper = tokio::spawn(keeper::keep(name, config, world, Arc::clone(&board)));
        Self { board, _keeper: AbortOnDropHandle::new(keeper) }
    }
}

impl Source for McpSource {
    fn offers(&self) -> watch::Receiver<Offer> {
        self.board.offers()
    }

    fn set_pins(&self, pins: Option<BTreeMap<String, String>>) {
        self.board.pinned(pins);
    }
}

/// The config of a server at a URL, with all else as it is by default: all its tools, pins that warn, and half a minute for
/// each call.
pub fn config(url: impl Into<String>) -> McpConfig {
    McpConfig {
        server: McpServer::Http { url: url.into(), headers: Vec::new(), oauth: None },
        include: Vec::new(),
        exclude: Vec::new(),
        pin: Pin::default(),
        timeout: GoDuration::from_secs(30),
    }
}
