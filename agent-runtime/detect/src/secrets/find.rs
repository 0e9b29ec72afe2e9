//! From an anchor to a finding: what stands around it is read, checked and bounded.

use std::ops::Range;

use super::assignment;
use super::check::{Check, Match};
use super::pattern::{Found, Pattern};
use super::row::{Row, Shape};
use crate::Confidence;
use crate::anchors::Hit;

/// A row, ready to find.
#[derive(Debug)]
pub(super) struct Kind {
    pub(super) name: &'static str,
    pub(super) form: Form,
    check: Check,
}

/// A [`Shape`] with its patterns read.
#[derive(Debug)]
pub(super) enum Form {
    Token(Pattern),
    Inside(Pattern, Pattern),
    Near(Pattern),
    Assigned,
    Block,
}

/// What an attempt read: so much of the text belongs to it, and maybe a secret is in it.
pub(super) struct Attempt {
    pub(super) read_until: usize,
    pub(super) secret: Option<Range<usize>>,
}

impl Attempt {
    const NOTHING: Self = Self { read_until: 0, secret: None };
}

impl Kind {
    pub(super) fn new(row: &Row) -> Result<Self, String> {
        let form = match row.shape {
            Shape::Token(rest) => Form::Token(Pattern::parse(rest)?),
            Shape::Inside(before, rest) => Form::Inside(Pattern::parse(before)?, Pattern::parse(rest)?),
            Shape::Near(value) => Form::Near(Pattern::parse(value)?),
            Shape::Assigned => Form::Assigned,
            Shape::Block => Form::Block,
        };
        Ok(Self { name: row.name, form, check: row.check })
    }

    /// What is known by its own format is sure; a vendor's name beside it less; a name like `password` least.
    pub(super) fn confidence(&self) -> Confidence {
        match self.form {
            Form::Token(_) | Form::Inside(..) | Form::Block => Confidence::High,
            Form::Near(_) => Confidence::Medium,
            Form::Assigned => Confidence::Low,
        }
    }

    /// Whether a secret of this kind goes on over the end of a line.
    pub(super) fn spans_lines(&self) -> bool {
        match &self.form {
            Form::Token(rest) | Form::Inside(_, rest) | Form::Near(rest) => rest.spans_lines(),
            Form::Assigned => false,
            Form::Block => true,
        }
    }

    /// Reads what stands around an anchor.
    pub(super) fn attempt(&self, text: &str, hit: Hit) -> Attempt {
        let bytes = text.as_bytes();
        match &self.form {
            Form::Token(rest) => {
                let found = starts_word(bytes, hit.at).then(|| rest.read(bytes, hit.end)).flatten();
                self.token(text, hit.at, hit.end, rest, found)
            }
            Form::Inside(before, rest) => self.inside(text, hit, before, rest),
            Form::Near(_) if !names_vendor(bytes, hit.at) => Attempt::NOTHING,
            Form::Near(value) => {
                let mut candidates = assignment::candidates(bytes, hit.end);
                Attempt { read_until: hit.end, secret: candidates.find_map(|at| self.near(text, at, value)) }
            }
            Form::Assigned => {
                let value = assignment::value(bytes, hit.at..hit.end).and_then(|value| self.passes(text, value.clone(), value));
                Attempt { read_until: hit.end, secret: value }
            }
            Form::Block => block(text, hit),
        }
    }

    /// What a value is that stands under a name with this kind's word in it: all of it, or nothing.
    pub(super) fn named(&self, value: &str) -> Option<Range<usize>> {
        let all = 0..value.len();
        match &self.form {
            Form::Near(pattern) => self.near(value, 0, pattern).filter(|found| found.end == value.len()),
            Form::Assigned => self.passes(value, all.clone(), all),
            Form::Token(_) | Form::Inside(..) | Form::Block => None,
        }
    }

    fn token(&self, text: &str, start: usize, rest_at: usize, pattern: &Pattern, found: Option<Found>) -> Attempt {
        let Some(Found { end, secret }) = found else { return Attempt::NOTHING };
        let secret = match secret {
            Some(secret) => self.passes(text, secret.clone(), secret),
            None if ends_word(text.as_bytes(), end, pattern) => self.passes(text, start..end, rest_at..end),
            None => None,
        };
        Attempt { read_until: end, secret }
    }

    fn inside(&self, text: &str, hit: Hit, before: &Pattern, rest: &Pattern) -> Attempt {
        let bytes = text.as_bytes();
        let start = before.read_back(bytes, hit.at).map(|start| start + usize::from(is_escaped(bytes, start + 1)));
        let start = start.filter(|start| match start.checked_sub(1) {
            Some(previous) => is_escaped(bytes, *start) || (!before.begins_with(bytes[previous]) && starts_word(bytes, *start)),
            None => true,
        });
        let Some(start) = start else { return Attempt::NOTHING };
        self.token(text, start, start, rest, rest.read(bytes, hit.end))
    }

    fn near(&self, text: &str, at: usize, pattern: &Pattern) -> Option<Range<usize>> {
        let Found { end, secret } = pattern.read(text.as_bytes(), at)?;
        let secret = secret.unwrap_or(at..end);
        ends_word(text.as_bytes(), end, pattern).then(|| self.passes(text, secret.clone(), secret)).flatten()
    }

    fn passes(&self, text: &str, whole: Range<usize>, rest: Range<usize>) -> Option<Range<usize>> {
        let found = Match { whole: text.get(whole.clone())?, rest: text.get(rest)? };
        (self.check)(found).then_some(whole)
    }
}

/// Whether a vendor's word begins here, and is not a piece of another: `MY_ETSY_KEY`, `myEtsyKey`, but not `getsystem`.
fn names_vendor(text: &[u8], at: usize) -> bool {
    let before = at.checked_sub(1).map(|before| text[before]);
    before.is_none_or(|before| !before.is_ascii_alphabetic() || (before.is_ascii_lowercase() && text[at].is_ascii_uppercase()))
}

/// Whether a token may begin here: no letter or digit stands before it, unless it ends an escape (`\n`, `%3D`).
fn starts_word(text: &[u8], at: usize) -> bool {
    if !text.get(at).is_some_and(u8::is_ascii_alphanumeric) {
        return true;
    }
    match &text[at.saturating_sub(3)..at] {
        [] => true,
        [.., last] if !last.is_ascii_alphanumeric() => true,
        _ if is_escaped(text, at) => true,
        [b'%', high, low] => high.is_ascii_hexdigit() && low.is_ascii_hexdigit(),
        _ => false,
    }
}

/// Whether an escape ends here: `\n`, as JSON in text has it.
fn is_escaped(text: &[u8], at: usize) -> bool {
    at >= 2 && text.get(at - 2..at).is_some_and(|escape| escape[0] == b'\\' && b"nrt".contains(&escape[1]))
}

/// Whether a token ends here: nothing follows that would go on with it.
fn ends_word(text: &[u8], at: usize, pattern: &Pattern) -> bool {
    text.get(at).is_none_or(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_' && !pattern.ends_with(*byte))
}

/// A private key up to its END. One that is cut off before it is taken as far as it looks like a key.
fn block(text: &str, hit: Hit) -> Attempt {
    const DASHES: &str = "-----";
    let Some(rest) = text.get(hit.end..) else { return Attempt::NOTHING };
    let body = rest.find(DASHES).unwrap_or(rest.len());
    let closed = rest.get(body + DASHES.len()..).filter(|tail| tail.starts_with("END"));
    let length = match closed {
        Some(tail) => body + DASHES.len() + tail.find(DASHES).map_or(3, |end| end + DASHES.len()),
        None => rest[..body].bytes().position(|byte| !is_of_key(byte)).unwrap_or(body),
    };
    let key = rest[..length.min(body)].bytes().filter(|byte| is_of_key(*byte) && !byte.is_ascii_whitespace()).count();
    let end = hit.end + length;
    // Without dashes there is no end yet: all of it was read.
    let read_until = if body == rest.len() { text.len() } else { end };
    Attempt { read_until, secret: (key >= 40).then_some(hit.at..end) }
}

fn is_of_key(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"+/=\\\r\n".contains(&byte)
}
