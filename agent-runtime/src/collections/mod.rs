//! Collections that are never empty, so that "at least one" is a type and not a comment.

mod queue;
mod vec;

pub use queue::NonEmptyQueue;
pub use vec::NonEmptyVec;

/// There is nothing in it, and there has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("nothing is in it, and at least one has to be")]
pub struct Empty;
