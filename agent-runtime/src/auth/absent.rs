//! Where nobody is asked who they are (without the feature `auth`): there is no guard, nobody is known, and nothing is refused.
#![allow(dead_code, reason = "nothing of it can be")]

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use skreaver_protocol::auth::{AuthConfig, KeySets, KeysWanted, Permission};
use skreaver_protocol::{AgentName, Caller};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::build::BuildError;
use crate::readiness::Components;

/// There is none.
#[derive(Debug)]
pub(crate) enum Guard {}

/// Nobody.
#[derive(Debug)]
pub(crate) enum Known {}

/// None.
#[derive(Debug, Clone)]
pub(crate) enum Refusal {}

impl Guard {
    pub(crate) fn new(_: &AuthConfig, _: Arc<Components>) -> Result<Self, BuildError> {
        Err(BuildError::NotBuilt { what: "authentication of callers", feature: "auth" })
    }

    #[cfg(feature = "http")]
    pub(crate) async fn ask(&self, _: &axum::http::HeaderMap) -> Result<Known, Refusal> {
        match *self {}
    }

    pub(crate) fn take(&self, _: &KeySets) {
        match *self {}
    }

    pub(crate) async fn keep(&self, _: CancellationToken) {
        match *self {}
    }

    pub(crate) fn wanted(&self) -> watch::Receiver<BTreeSet<String>> {
        match *self {}
    }

    pub(crate) fn take_wanted(&self) -> Option<KeysWanted> {
        match *self {}
    }
}

impl Known {
    pub(crate) fn caller(&self) -> &Caller {
        match *self {}
    }

    pub(crate) fn expires(&self) -> Option<Timestamp> {
        match *self {}
    }

    pub(crate) fn may(&self, _: &AgentName, _: Permission) -> Result<(), Refusal> {
        match *self {}
    }

    pub(crate) fn may_over(&self, _: &AgentName, _: Permission, _: &Caller) -> Result<(), Refusal> {
        match *self {}
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match *self {}
    }
}

impl Refusal {
    pub(crate) fn reason(&self) -> &'static str {
        match *self {}
    }

    pub(crate) fn status(&self) -> u16 {
        match *self {}
    }

    pub(crate) fn told(&self) -> &'static str {
        match *self {}
    }

    pub(crate) fn challenge(&self) -> Option<String> {
        match *self {}
    }
}
