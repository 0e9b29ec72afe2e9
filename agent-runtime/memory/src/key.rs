//! Keys that cannot be wrong.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

/// The longest key, in bytes.
pub const KEY_LIMIT: usize = 512;

/// A key: 1 to [`KEY_LIMIT`] bytes of text without control characters. By convention its parts stand between slashes, as in
/// `session/42/message/00000000000000000007`; a prefix is any text that keys begin with. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Arc<str>);

/// Why a text is not a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not a key: use 1 to {KEY_LIMIT} bytes of text without control characters", .0.escape_debug())]
pub struct KeyError(String);

impl Key {
    /// Parses a key.
    ///
    /// # Errors
    /// [`KeyError`], which says what to write instead.
    pub fn parse(text: impl Into<String>) -> Result<Self, KeyError> {
        let text = text.into();
        let fits = (1..=KEY_LIMIT).contains(&text.len());
        if fits && !text.chars().any(char::is_control) { Ok(Self(text.into())) } else { Err(KeyError(text)) }
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Borrow<str> for Key {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Key {
    type Error = KeyError;

    fn try_from(text: String) -> Result<Self, KeyError> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_a_short_text_without_control_characters() {
        for good in ["a", "session/42", "grüße", " ", &"k".repeat(KEY_LIMIT)] {
            assert!(Key::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "a\0b", "line\n", &"k".repeat(KEY_LIMIT + 1)] {
            assert!(Key::parse(bad).is_err(), "{bad}");
        }
    }
}
