//! What becomes of a claim: the run goes on, or the claim is given back. None is left to be renewed for nothing.

use super::Kept;
use crate::coordinator::Event;
use crate::runs::document::{RunDocument, Stage};
use crate::runs::journal::{Claim, Journal, JournalError};
use crate::trace::warn;

/// A run that was claimed, and what happened to it so far.
pub(crate) type Claimed = (Claim, Vec<Event>);

impl Kept {
    /// What happened so far to a run that was just claimed. Nothing where it is over, or can never go on; the claim is given
    /// back then, and on every error.
    pub(crate) async fn claimed(&self, claim: Claim, document: &RunDocument) -> Result<Option<Claimed>, JournalError> {
        let past = async {
            match self.document(document.run).await? {
                Some(RunDocument { stage: Stage::Open, .. }) => self.replay(document.run).await.map(Some),
                Some(_) | None => Ok(None),
            }
        };
        match past.await {
            Ok(Some(past)) => Ok(Some((claim, past))),
            Ok(None) => {
                self.release(&claim).await;
                Ok(None)
            }
            Err(error) => {
                self.stop(&claim, document, &error).await;
                Err(error)
            }
        }
    }

    /// Gives a claim back because of an error. A run that can never go on is ended by it: taken up again it would only stop
    /// again.
    pub(crate) async fn stop(&self, claim: &Claim, document: &RunDocument, error: &JournalError) {
        if error.is_final()
            && let Err(error) = self.give_up(claim, document, error).await
        {
            warn!(run = %document.run, %error, "a run that cannot go on could not be ended");
        }
        self.release(claim).await;
    }
}
