//! The journal of agents without memory: nothing is kept, and nothing is promised.

use async_trait::async_trait;
use uuid::Uuid;

use super::RunDocument;
use super::journal::{Acceptance, Accepted, Claim, Journal, JournalError};
use crate::coordinator::{Event, Remembered};

/// Keeps nothing.
pub(crate) struct Unkept;

impl Unkept {
    /// The claim to a run that nobody else can know of.
    pub(crate) const CLAIM: Claim = Claim { lease: None };
}

#[async_trait]
impl Journal for Unkept {
    fn keeps(&self) -> bool {
        false
    }

    async fn accept(&self, _: &Accepted, _: bool) -> Result<Acceptance, JournalError> {
        Ok(Acceptance::Begun(Some(Self::CLAIM)))
    }

    async fn claim(&self, _: &RunDocument) -> Result<Option<Claim>, JournalError> {
        Ok(Some(Self::CLAIM))
    }

    async fn replay(&self, _: Uuid) -> Result<Vec<Event>, JournalError> {
        Ok(Vec::new())
    }

    async fn append(&self, _: &Claim, _: Uuid, _: usize, _: &[Event], _: bool) -> Result<(), JournalError> {
        Ok(())
    }

    async fn end(&self, _: &Claim, _: usize, _: &[Event], _: &RunDocument, _: Option<&Remembered>) -> Result<(), JournalError> {
        Ok(())
    }
}
