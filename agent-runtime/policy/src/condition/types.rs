//! What can be seen of a value without a call.

use super::translate::Problem;

/// What is known of a value without a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    Any,
    Null,
    Bool,
    Number,
    Text,
    List,
    Map,
}

impl Type {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Any => "a value",
            Self::Null => "null",
            Self::Bool => "true or false",
            Self::Number => "a number",
            Self::Text => "a text",
            Self::List => "a list",
            Self::Map => "an object",
        }
    }

    fn is_one_of(self, wanted: &[Self]) -> bool {
        self == Self::Any || wanted.contains(&self)
    }
}

/// Refuses a value that is never of a wanted kind.
pub(super) fn expect(found: Type, wanted: &[Type], word: &str, what: &str) -> Result<(), Problem> {
    if found.is_one_of(wanted) { Ok(()) } else { Err((word.to_owned(), format!("`{word}`: {} {what}", found.name()))) }
}

/// Refuses two values that are never of one kind.
pub(super) fn alike(a: Type, b: Type, word: &str) -> Result<(), Problem> {
    let fits = a == b || a == Type::Any || b == Type::Any;
    let (left, right) = (a.name(), b.name());
    if fits { Ok(()) } else { Err((word.to_owned(), format!("`{word}` between {left} and {right}: they are never alike"))) }
}
