//! What a server can keep, as its settings say.

use crate::{Durability, MemoryError};

/// The strongest class that a server keeps, and what it lacks for more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Strength {
    class: Durability,
    /// What is missing, and what to set. Empty for the strongest class.
    lack: String,
}

impl Strength {
    /// Keeps everything.
    pub(crate) fn durable() -> Self {
        Self { class: Durability::Durable, lack: String::new() }
    }

    /// Keeps this class, for this reason no higher one.
    pub(crate) fn at_most(class: Durability, lack: impl Into<String>) -> Self {
        Self { class, lack: lack.into() }
    }

    pub(crate) fn class(&self) -> Durability {
        self.class
    }

    /// Whether it keeps what is asked for.
    pub(crate) fn require(&self, what: &str, asked: Durability) -> Result<(), MemoryError> {
        if self.class >= asked {
            return Ok(());
        }
        Err(MemoryError::NotDurable { what: what.to_owned(), asked, why: self.lack.clone() })
    }
}
