//! Where a source puts up what it has to offer, for whoever looks.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use skreaver_protocol::ToolName;
use skreaver_protocol::config::Pin;
use skreaver_tools::Tool;
use tokio::sync::watch;

use super::listing::Listing;
use crate::pins::Pins;
use crate::{Offer, SourceState};

/// What a source has to offer, put together of what was listed, what was pinned, and how it stands.
pub(super) struct Board {
    pin: Pin,
    parts: Mutex<Parts>,
    offers: watch::Sender<Offer>,
}

#[derive(Default)]
struct Parts {
    listing: Listing,
    tools: BTreeMap<ToolName, Arc<dyn Tool>>,
    pins: Pins,
    state: SourceState,
}

impl Board {
    pub(super) fn new(pin: Pin) -> Self {
        Self { pin, parts: Mutex::default(), offers: watch::Sender::default() }
    }

    pub(super) fn offers(&self) -> watch::Receiver<Offer> {
        self.offers.subscribe()
    }

    pub(super) fn pinned(&self, pins: Option<BTreeMap<String, String>>) {
        let mut parts = self.parts();
        parts.pins = Pins::told(pins);
        self.publish(&mut parts);
    }

    /// The source answers, and these are its tools. Those that are what they were stay the same, so that nobody has to build
    /// anything anew; `make` makes the tools of a listing that is another one. Whether it is another one is the answer.
    pub(super) fn listed(&self, listing: Listing, make: impl FnOnce(&Listing) -> BTreeMap<ToolName, Arc<dyn Tool>>) -> bool {
        let mut parts = self.parts();
        let is_new = parts.listing != listing;
        if is_new {
            parts.tools = make(&listing);
            parts.listing = listing;
        }
        if is_new || parts.state != SourceState::Ready {
            parts.state = SourceState::Ready;
            self.publish(&mut parts);
        }
        is_new
    }

    /// The source does not answer. Whether it did before is the answer.
    pub(super) fn lost(&self, why: String) -> bool {
        let mut parts = self.parts();
        let did = !matches!(parts.state, SourceState::Lost { .. });
        let state = SourceState::Lost { why };
        if parts.state != state {
            parts.state = state;
            self.publish(&mut parts);
        }
        did
    }

    /// Why the source does not answer, if it does not.
    pub(super) fn why_lost(&self) -> Option<String> {
        match &self.parts().state {
            SourceState::Lost { why } => Some(why.clone()),
            SourceState::Connecting | SourceState::Ready => None,
        }
    }

    fn publish(&self, parts: &mut Parts) {
        let found: Vec<_> = parts.listing.tools.iter().map(|tool| tool.found.clone()).collect();
        let judged = parts.pins.judge(self.pin, &found);
        let listed = parts.listing.tools.iter().filter(|tool| !judged.withheld.contains(&tool.found.name));
        let tools = listed.filter_map(|listed| Some((listed.name.clone(), Arc::clone(parts.tools.get(&listed.name)?))));
        self.offers.send_replace(Offer { tools: tools.collect(), found, state: parts.state.clone(), drift: judged.drift });
    }

    fn parts(&self) -> MutexGuard<'_, Parts> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Board {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Board").field("pin", &self.pin).finish_non_exhaustive()
    }
}
