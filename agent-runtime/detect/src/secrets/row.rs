//! One row of the table: a kind of secret in one line.

use std::collections::BTreeSet;

use super::check::{self, Check};

/// A kind of secret, as the table tells it.
pub(super) struct Row {
    pub(super) name: &'static str,
    /// Text that stands in every secret of the kind; what has none of it is looked at no further.
    pub(super) anchors: &'static [&'static str],
    pub(super) shape: Shape,
    pub(super) check: Check,
}

/// How a secret stands around its anchor.
pub(super) enum Shape {
    /// Begins with the anchor, and this follows.
    Token(&'static str),
    /// Has the anchor in its middle: this stands before it, and this follows.
    Inside(&'static str, &'static str),
    /// Looks like this, and the vendor's name stands before it, as in `DATADOG_API_KEY=...`.
    Near(&'static str),
    /// Is assigned to a name that tells what it is, as in `password: ...`.
    Assigned,
    /// A block from BEGIN, which is the anchor, to END.
    Block,
}

/// A token with a beginning of its own: `ghp_...`.
pub(super) const fn token(name: &'static str, anchors: &'static [&'static str], rest: &'static str) -> Row {
    Row { name, anchors, shape: Shape::Token(rest), check: check::random }
}

/// A token that is known by what stands in its middle: `....atlasv1....`.
pub(super) const fn inside(
    name: &'static str,
    before: &'static str,
    anchors: &'static [&'static str],
    rest: &'static str,
) -> Row {
    Row { name, anchors, shape: Shape::Inside(before, rest), check: check::random }
}

/// A value that says nothing by itself, behind a word that names the vendor; the word in any case.
pub(super) const fn near(name: &'static str, words: &'static [&'static str], value: &'static str) -> Row {
    Row { name, anchors: words, shape: Shape::Near(value), check: check::opaque }
}

/// A value that is assigned to a name with one of these words in it; the word in any case.
pub(super) const fn assigned(name: &'static str, words: &'static [&'static str], check: Check) -> Row {
    Row { name, anchors: words, shape: Shape::Assigned, check }
}

/// A block of lines: a private key.
pub(super) const fn block(name: &'static str, begins: &'static [&'static str]) -> Row {
    Row { name, anchors: begins, shape: Shape::Block, check: check::always }
}

impl Row {
    /// The same with another check than that for looking random.
    pub(super) const fn check(self, check: Check) -> Self {
        let Self { name, anchors, shape, check: _ } = self;
        Self { name, anchors, shape, check }
    }

    /// The anchors, and words that are joined as others join them too: `api_key`, `api-key`, `api key`, `apikey`.
    pub(super) fn spellings(&self) -> BTreeSet<String> {
        let joints: &[&str] = if self.any_case() { &["_", "-", " ", ""] } else { &["_"] };
        self.anchors.iter().flat_map(|anchor| joints.iter().map(|joint| anchor.replace('_', joint))).collect()
    }

    /// Whether the anchors count in any case: they do where they are words.
    pub(super) fn any_case(&self) -> bool {
        matches!(self.shape, Shape::Near(_) | Shape::Assigned)
    }
}
