//! The journal of runs: what an acknowledgement stands on, and from which any process can go on.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use sha2::{Digest, Sha256};
use skreaver_memory::{Key, MemoryError};
use skreaver_protocol::message::Message;
use skreaver_protocol::problem::Code;
use skreaver_protocol::{Caller, SessionId};
use uuid::Uuid;

use super::RunDocument;
use crate::agent::sentence;
use crate::coordinator::{Event, Failure, Remembered};

/// Keeps what happens to runs. Two keepers: one over an agent's memory, and one for agents without any, which keeps nothing.
#[async_trait]
pub(crate) trait Journal: Send + Sync {
    /// Whether it keeps anything.
    fn keeps(&self) -> bool;

    /// Writes a run down before anything is done for it. `promised`: the caller is told so, and may go.
    async fn accept(&self, run: &Accepted, promised: bool) -> Result<Acceptance, JournalError>;

    /// Takes a run that is open and on which nobody works, if that is still so.
    async fn claim(&self, run: &RunDocument) -> Result<Option<Claim>, JournalError>;

    /// What happened to a run so far.
    async fn replay(&self, run: Uuid) -> Result<Vec<Event>, JournalError>;

    /// Writes down what happened: events with rising numbers from `first` on. `promised`: an effect follows that cannot be
    /// taken back.
    async fn append(&self, claim: &Claim, run: Uuid, first: usize, events: &[Event], promised: bool) -> Result<(), JournalError>;

    /// Writes down the last events and the end, and gives the claim back. An answer that was not kept is not given.
    async fn end(
        &self,
        claim: &Claim,
        first: usize,
        events: &[Event],
        ended: &RunDocument,
        remembered: Option<&Remembered>,
    ) -> Result<(), JournalError>;
}

/// A run that is to be accepted.
#[derive(Debug, Clone)]
pub(crate) struct Accepted {
    pub(crate) document: RunDocument,
    /// Its first event.
    pub(crate) observed: Event,
    pub(crate) key: Option<IdempotencyKey>,
}

/// What an idempotency key stands for: the first request that came with it, of this caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IdempotencyKey {
    /// Of caller and key.
    pub(crate) hash: String,
    /// Of the request.
    pub(crate) request: String,
}

impl IdempotencyKey {
    pub(crate) fn new(caller: &Caller, key: &str, session: Option<&SessionId>, input: &str, said: &[Message]) -> Self {
        let session = session.map_or("", SessionId::as_str);
        // Without a conversation before, as it always was: keys outlive the version that wrote them.
        let said = (!said.is_empty()).then(|| serde_json::to_string(said).expect("messages are JSON"));
        let request: Vec<&str> = [session, input].into_iter().chain(said.as_deref()).collect();
        Self { hash: hash(&[&caller.identity(), key]), request: hash(&request) }
    }
}

/// A hash of texts, each with its length, so that no two lists give the same bytes.
fn hash(texts: &[&str]) -> String {
    let mut hasher = Sha256::new();
    for text in texts {
        hasher.update((text.len() as u64).to_be_bytes());
        hasher.update(text);
    }
    format!("{:x}", hasher.finalize())
}

/// What became of a run that was to be accepted.
#[derive(Debug)]
pub(crate) enum Acceptance {
    /// It is accepted; outside of sessions it is claimed with it.
    Begun(Option<Claim>),
    /// It was accepted before, as this run.
    Joined(Uuid),
}

/// The right to work on a run. It lapses unless it is renewed, and what is written under a lapsed one is refused.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Claim {
    pub(crate) lease: Option<(Key, Bytes)>,
}

/// What was said in a session before a run.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct History {
    /// What stands for its beginning.
    pub(crate) summary: Option<String>,
    /// What was said since.
    pub(crate) messages: Vec<Message>,
    /// The tools whose answers were seen, also those that are no longer kept.
    pub(crate) read: BTreeSet<String>,
}

/// Why the journal did not do what it was asked to.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum JournalError {
    /// Somebody else works on the run now.
    #[error("another process works on the run")]
    Fenced,
    /// The process is to end, and the run waits for people: another one goes on.
    #[error("this process ends, and the run waits for people elsewhere")]
    Draining,
    /// Somebody works in the session.
    #[error("a run works in the session; try again when it is over, or cancel it")]
    Busy,
    /// The key was used for another request.
    #[error("the idempotency key came with another request before; use a new one")]
    KeyReused,
    /// What is written about the run is not what was written.
    #[error("the journal of the run is damaged at record {number}: {damage}")]
    Damaged { number: usize, damage: String },
    /// What is written about the run is of another version of this program.
    #[error("the journal of the run is of another version: {0}")]
    Foreign(String),
    #[error(transparent)]
    Memory(Arc<MemoryError>),
}

impl From<MemoryError> for JournalError {
    fn from(error: MemoryError) -> Self {
        Self::Memory(Arc::new(error))
    }
}

impl JournalError {
    /// Whether a run that it stopped would stop again, however often it is taken up.
    pub(crate) fn is_final(&self) -> bool {
        match self {
            Self::Damaged { .. } => true,
            Self::Memory(error) => matches!(**error, MemoryError::TooLarge { .. }),
            // Another version of this program may go on.
            Self::Fenced | Self::Draining | Self::Busy | Self::KeyReused | Self::Foreign(_) => false,
        }
    }

    /// As a caller is told.
    pub(crate) fn failure(&self) -> Failure {
        let code = match self {
            Self::Memory(error) if matches!(**error, MemoryError::TooLarge { .. }) => Code::Internal,
            Self::Fenced | Self::Draining | Self::Memory(_) => Code::MemoryUnavailable,
            Self::Busy => Code::SessionBusy,
            Self::KeyReused => Code::KeyReused,
            Self::Damaged { .. } | Self::Foreign(_) => Code::Internal,
        };
        Failure { retry_after: (code == Code::MemoryUnavailable).then_some(1), ..Failure::new(code, sentence(self)) }
    }
}
