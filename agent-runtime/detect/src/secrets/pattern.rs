//! The small part of regular expressions that the table needs: characters, classes and counts, read greedily and never gone
//! back on. So a match takes one step for each byte, and two hundred patterns weigh a few kilobytes.

use std::ops::Range;

/// What a token looks like: `AKIA[A-Z2-7]{16}`. A dot is a dot. Parentheses say which part is the secret; without them all is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern {
    atoms: Box<[Atom]>,
    secret: Option<Range<usize>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Atom {
    set: Set,
    least: u32,
    most: u32,
}

#[cfg(test)]
thread_local! {
    /// How many bytes were looked at, for the test that says it is no more than some for each of the text.
    pub(crate) static STEPS: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// Some of the bytes; of those beyond ASCII all or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Set {
    ascii: u128,
    beyond: bool,
}

/// Where a pattern was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    /// Where the match ends.
    pub(crate) end: usize,
    /// The part in parentheses.
    pub(crate) secret: Option<Range<usize>>,
}

impl Pattern {
    /// Reads the match that begins at `at`.
    pub(crate) fn read(&self, text: &[u8], at: usize) -> Option<Found> {
        let (mut end, mut inner) = (at, Range { start: at, end: at });
        for (index, atom) in self.atoms.iter().enumerate() {
            if self.secret.as_ref().is_some_and(|secret| secret.start == index) {
                inner.start = end;
            }
            let rest = text.get(end..)?;
            let room = &rest[..rest.len().min(atom.most as usize)];
            let count = room.iter().position(|byte| !atom.set.has(*byte)).unwrap_or(room.len());
            #[cfg(test)]
            STEPS.with(|steps| steps.set(steps.get() + count + 1));
            if count < atom.least as usize {
                return None;
            }
            end += count;
            if self.secret.as_ref().is_some_and(|secret| secret.end == index + 1) {
                inner.end = end;
            }
        }
        Some(Found { end, secret: self.secret.is_some().then_some(inner) })
    }

    /// Where the match begins that ends at `at`, read backwards.
    pub(crate) fn read_back(&self, text: &[u8], at: usize) -> Option<usize> {
        let mut start = at;
        for atom in self.atoms.iter().rev() {
            let room = &text[start.saturating_sub(atom.most as usize)..start];
            let count = room.iter().rev().position(|byte| !atom.set.has(*byte)).unwrap_or(room.len());
            #[cfg(test)]
            STEPS.with(|steps| steps.set(steps.get() + count + 1));
            if count < atom.least as usize {
                return None;
            }
            start -= count;
        }
        Some(start)
    }

    /// Whether a byte could go on what this pattern ends with.
    pub(crate) fn ends_with(&self, byte: u8) -> bool {
        self.atoms.last().is_some_and(|atom| atom.most > 1 && atom.set.has(byte))
    }

    /// Whether a byte could stand before what this pattern begins with and be part of it.
    pub(crate) fn begins_with(&self, byte: u8) -> bool {
        self.atoms.first().is_some_and(|atom| atom.most > 1 && atom.set.has(byte))
    }

    /// Whether a line may end inside of a match.
    pub(crate) fn spans_lines(&self) -> bool {
        self.atoms.iter().any(|atom| atom.set.has(b'\n'))
    }

    /// Reads a pattern as it stands in the table, or says what is wrong with it.
    pub(crate) fn parse(source: &str) -> Result<Self, String> {
        let problem = |message: &str| format!("pattern `{source}`: {message}");
        let mut rest = source.as_bytes();
        let (mut atoms, mut start, mut secret) = (Vec::new(), None, None);
        while let Some((&byte, tail)) = rest.split_first() {
            rest = match byte {
                b'(' => {
                    start = Some(atoms.len());
                    tail
                }
                b')' => {
                    secret = Some(start.ok_or_else(|| problem("`)` without `(`"))?..atoms.len());
                    tail
                }
                _ => {
                    let (set, tail) = Set::parse(rest).ok_or_else(|| problem("a class without end"))?;
                    let (least, most, tail) = counts(tail).ok_or_else(|| problem("a count without end"))?;
                    atoms.push(Atom { set, least, most });
                    tail
                }
            };
        }
        match start.is_some() == secret.is_some() {
            true => Ok(Self { atoms: atoms.into(), secret }),
            false => Err(problem("`(` without `)`")),
        }
    }
}

/// How often: `{n}`, `{n,}`, `{n,m}`, or once.
fn counts(source: &[u8]) -> Option<(u32, u32, &[u8])> {
    let Some(inner) = source.strip_prefix(b"{") else { return Some((1, 1, source)) };
    let end = inner.iter().position(|byte| *byte == b'}')?;
    let text = std::str::from_utf8(&inner[..end]).ok()?;
    let (least, most) = match text.split_once(',') {
        None => (text.parse().ok()?, text.parse().ok()?),
        Some((least, "")) => (least.parse().ok()?, u32::MAX),
        Some((least, most)) => (least.parse().ok()?, most.parse().ok()?),
    };
    (least <= most).then_some((least, most, &inner[end + 1..]))
}

impl Set {
    const NONE: Self = Self { ascii: 0, beyond: false };

    fn has(self, byte: u8) -> bool {
        match byte {
            0..128 => self.ascii >> byte & 1 == 1,
            _ => self.beyond,
        }
    }

    fn with(self, from: u8, to: u8) -> Self {
        (from..=to.min(127)).fold(self, |set, byte| Self { ascii: set.ascii | 1 << byte, ..set })
    }

    fn or(self, other: Self) -> Self {
        Self { ascii: self.ascii | other.ascii, beyond: self.beyond || other.beyond }
    }

    fn not(self) -> Self {
        Self { ascii: !self.ascii, beyond: !self.beyond }
    }

    /// One character, or one class in brackets, and what follows it.
    fn parse(source: &[u8]) -> Option<(Self, &[u8])> {
        let Some(mut rest) = source.strip_prefix(b"[") else { return Self::one(source) };
        let negated = rest.first() == Some(&b'^');
        rest = &rest[usize::from(negated)..];
        let mut set = Self::NONE;
        while *rest.first()? != b']' {
            if let [from, b'-', to, tail @ ..] = rest
                && *from != b'\\'
                && *to != b']'
            {
                set = set.with(*from, *to);
                rest = tail;
                continue;
            }
            let (one, tail) = Self::one(rest)?;
            set = set.or(one);
            rest = tail;
        }
        Some((if negated { set.not() } else { set }, &rest[1..]))
    }

    /// One character, or the short name of a class.
    fn one(source: &[u8]) -> Option<(Self, &[u8])> {
        let word = || Self::NONE.with(b'a', b'z').with(b'A', b'Z').with(b'0', b'9');
        Some(match source {
            [b'\\', b'w', rest @ ..] => (word().with(b'_', b'_'), rest),
            [b'\\', b'd', rest @ ..] => (Self::NONE.with(b'0', b'9'), rest),
            [b'\\', b'x', rest @ ..] => (Self::NONE.with(b'0', b'9').with(b'a', b'f'), rest),
            [b'\\', b's', rest @ ..] => (Self::NONE.with(9, 13).with(b' ', b' '), rest),
            [b'\\', b'a', rest @ ..] => (word(), rest),
            [b'\\', byte, rest @ ..] | [byte, rest @ ..] => (Self::NONE.with(*byte, *byte), rest),
            [] => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(pattern: &str, text: &str) -> Option<usize> {
        Pattern::parse(pattern).unwrap().read(text.as_bytes(), 0).map(|found| found.end)
    }

    #[test]
    fn a_pattern_reads_characters_classes_and_counts() {
        assert_eq!(end("a.b", "a.bc"), Some(3));
        assert_eq!(end("a.b", "axb"), None);
        assert_eq!(end("[A-Z2-7]{4}", "AB27Z"), Some(4));
        assert_eq!(end(r"\x{2,3}-\d", "abcf-1"), None);
        assert_eq!(end(r"\x{2,}-\d", "abcf-1"), Some(6));
        assert_eq!(end(r"[^\s@]{1,}@", "a:b@c"), Some(4));
        assert_eq!(end(r"[\w\-]{0,}", "é"), Some(0));
        assert_eq!(end(r"[^@]{1,}", "éa"), Some(3));
    }

    #[test]
    fn parentheses_name_the_secret() {
        let found = Pattern::parse(r"\w{1,}:([^@]{1,})@").unwrap().read(b"joe:pw@h", 0).unwrap();
        assert_eq!(found, Found { end: 7, secret: Some(4..6) });
    }

    #[test]
    fn a_pattern_is_read_backwards() {
        let pattern = Pattern::parse(r"\d{2,4}").unwrap();
        assert_eq!(pattern.read_back(b"a1234", 5), Some(1));
        assert_eq!(pattern.read_back(b"a1", 2), None);
        assert_eq!(pattern.read_back(b"123456", 6), Some(2));
    }

    #[test]
    fn what_is_no_pattern_is_told() {
        for source in ["[a", "a{2", "a{3,2}", "(a", "a)"] {
            let parsed = Pattern::parse(source);
            assert!(parsed.is_err(), "{source}: {parsed:?}");
        }
    }
}
