//! Why memory could not be read or written.

use skreaver_protocol::config::Durability;

use crate::{KeyError, VALUE_LIMIT};

type Source = Box<dyn std::error::Error + Send + Sync>;

/// Why memory could not be read or written. Each says what was tried on what, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum MemoryError {
    /// The server does not answer, or not in time; it may again.
    #[error("{what} does not answer")]
    Unavailable {
        /// Which memory. Example: `Redis at cache.quarry.svc:6379`. Never a password.
        what: String,
        /// Why.
        source: Source,
    },
    /// The server refuses who we are, or what we may.
    #[error("{what} refuses us; check user, password and rights")]
    Forbidden {
        /// Which memory.
        what: String,
        /// Why.
        source: Source,
    },
    /// There is no room left.
    #[error("{what} is full; make room or give it more")]
    Full {
        /// Which memory.
        what: String,
        /// Why.
        source: Source,
    },
    /// It may be read and not written.
    #[error("{what} is read-only; make it writable, or name the primary server")]
    ReadOnly {
        /// Which memory.
        what: String,
        /// Why.
        source: Source,
    },
    /// Another process has it.
    #[error("{what} is in use by another process; one process at a time can have it")]
    Locked {
        /// Which memory.
        what: String,
    },
    /// It was written by a newer version of ours.
    #[error("{what} has schema version {found}, and this program knows up to {known}; use a newer image")]
    NewerSchema {
        /// Which memory.
        what: String,
        /// The version found.
        found: u32,
        /// The newest that is known here.
        known: u32,
    },
    /// What is stored is not what was written.
    #[error("{what} is damaged: {damage}")]
    Corrupt {
        /// Which memory.
        what: String,
        /// What is wrong, and what was kept.
        damage: String,
    },
    /// It cannot keep what is asked of it.
    #[error("{what} cannot keep `{asked:?}`: {why}")]
    NotDurable {
        /// Which memory.
        what: String,
        /// The class that was asked for.
        asked: Durability,
        /// What is missing, and what to set.
        why: String,
    },
    /// A value is over the limit.
    #[error("a value of {size} bytes is over the limit of {VALUE_LIMIT}")]
    TooLarge {
        /// Its size.
        size: usize,
    },
    /// A text is not a key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The configuration cannot be used: a URL that is none, a folder that cannot be made.
    #[error("{what} cannot be opened: {problem}")]
    Config {
        /// Which memory.
        what: String,
        /// What is wrong, and what to write instead.
        problem: String,
    },
    /// The server or the disk did not do what it should.
    #[error("{what} failed")]
    Server {
        /// Which memory.
        what: String,
        /// What it said.
        source: Source,
    },
}

impl MemoryError {
    /// Whether trying again later is likely to help, without anybody changing anything.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Unavailable { .. } | Self::Full { .. } | Self::ReadOnly { .. } | Self::Locked { .. } | Self::Server { .. } => {
                true
            }
            Self::Forbidden { .. }
            | Self::NewerSchema { .. }
            | Self::Corrupt { .. }
            | Self::NotDurable { .. }
            | Self::TooLarge { .. }
            | Self::Key(_)
            | Self::Config { .. } => false,
        }
    }
}
