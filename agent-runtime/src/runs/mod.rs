//! Runs: from an observation to its answer, through whatever happens to the process on the way.
//!
//! [`drive`] does what the coordinator asks for and writes down what happened before it is used. With memory the record is a
//! [`Journal`] from which any process goes on; without memory there is none, and a run ends with its caller or its process.

mod document;
mod drive;
mod group;
mod journal;
mod kept;
pub(crate) mod keys;
mod live;
mod place;
pub(crate) mod record;
mod told;
mod unkept;
mod work;

pub(crate) use document::{RunDocument, Stage, now_ms};
pub(crate) use drive::{Drive, Driven, Ended, drive};
pub(crate) use group::GroupCommit;
pub(crate) use journal::{Acceptance, Accepted, Claim, History, IdempotencyKey, Journal, JournalError};
pub(crate) use kept::{Claimed, Kept};
pub use live::Cursor;
pub(crate) use live::{Follow, Live, Over, next_of};
pub use place::Owner;
pub(crate) use place::SessionPlace;
pub(crate) use told::{problem, response, status, told_again};
pub(crate) use unkept::Unkept;
#[cfg(feature = "mcp")]
pub(crate) use work::preview;
pub(crate) use work::{Heard, Mind, Workplace, call_failure};
