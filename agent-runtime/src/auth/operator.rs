//! What the operator is to be asked for.

use std::collections::BTreeSet;

use skreaver_protocol::auth::KeysWanted;
use tokio::sync::watch;

use super::Guard;

impl Guard {
    /// Woken when keys of issuers are wanted.
    pub(crate) fn wanted(&self) -> watch::Receiver<BTreeSet<String>> {
        self.wanted.subscribe()
    }

    /// What the operator is to be asked for, once.
    pub(crate) fn take_wanted(&self) -> Option<KeysWanted> {
        let issuers = self.wanted.take()?;
        Some(KeysWanted { issuers: issuers.into_iter().collect(), version: self.live.load().keys().version() })
    }
}
