//! What strangers wrote, where people are to see it.

use std::fmt;

/// What a stranger wrote, as a log may hold it: escaped, in quotes, and cut.
#[derive(Clone, PartialEq, Eq)]
pub struct Shown(String);

impl Shown {
    /// The most characters that are shown.
    const MOST: usize = 128;

    pub(crate) fn new(text: &str) -> Self {
        Self(text.chars().take(Self::MOST).collect())
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.0.escape_default())
    }
}

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
