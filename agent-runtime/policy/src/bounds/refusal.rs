//! Why a permitted call may not touch what it wants to touch.

use std::fmt;

/// Which section refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Section {
    /// Hosts, addresses and ports.
    Http,
    /// Files and directories.
    Fs,
}

/// What kind of refusal, as one word for metrics and audit records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// An entry of a deny list.
    Denied,
    /// A list allows others and not this one.
    NotAllowed,
    /// The address is one that nothing opened.
    ClosedAddress,
    /// The name is one of the cluster, and nothing opened it.
    InsideName,
    /// The port is one that nothing opened.
    ClosedPort,
    /// The text cannot be judged: it is no path, or leads upwards.
    Unclear,
}

impl Reason {
    /// The reason as one word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Denied => "denied",
            Self::NotAllowed => "not_allowed",
            Self::ClosedAddress => "closed_address",
            Self::InsideName => "inside_name",
            Self::ClosedPort => "closed_port",
            Self::Unclear => "unclear",
        }
    }
}

/// Why a permitted call may not touch what it wants to touch, and what it may. Its text is safe to log: what the caller
/// wrote is escaped and cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The ToolPolicy that refused. None: the safe defaults.
    pub policy: Option<Box<str>>,
    /// Which of its sections.
    pub section: Section,
    /// The entry that refused, as it is written in the section. Example: `10.0.0.0/8`.
    pub entry: Option<Box<str>>,
    /// What kind of refusal.
    pub reason: Reason,
    /// What was to be touched, escaped.
    pub what: Box<str>,
    /// Why it may not be, in words.
    pub why: Box<str>,
    /// What would be allowed.
    pub allowed: Box<str>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let section = match self.section {
            Section::Http => "http",
            Section::Fs => "fs",
        };
        write!(f, "`{}` is refused by ", self.what)?;
        match &self.policy {
            Some(policy) => write!(f, "section `{section}` of ToolPolicy `{policy}`")?,
            None => write!(f, "the safe defaults of `{section}`")?,
        }
        write!(f, ": {}; {}", self.why, self.allowed)
    }
}

impl std::error::Error for Refusal {}

/// The most characters of a caller's text that stand in a message.
const SHOWN: usize = 200;

/// A text of a caller as it may stand in messages and logs: without control characters, and cut.
pub fn shown(text: &str) -> String {
    let mut shown: String = text.chars().take(SHOWN).flat_map(char::escape_debug).collect();
    if text.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    shown
}

/// The first entries of a list, for a message.
pub(super) fn listed<'a>(entries: impl Iterator<Item = &'a str>) -> String {
    let mut entries = entries.map(|entry| format!("`{}`", shown(entry)));
    let first: Vec<_> = entries.by_ref().take(8).collect();
    match (first.is_empty(), entries.count()) {
        (true, _) => "nothing".to_owned(),
        (false, 0) => first.join(", "),
        (false, more) => format!("{} and {more} more", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_text_is_escaped_and_cut() {
        assert_eq!(shown("a\nb\u{1b}[31m"), "a\\nb\\u{1b}[31m");
        assert_eq!(shown(&"x".repeat(500)).chars().count(), 201);
        assert_eq!(listed(["a", "b"].into_iter()), "`a`, `b`");
        assert_eq!(listed((0..10).map(|_| "a")), "`a`, `a`, `a`, `a`, `a`, `a`, `a`, `a` and 2 more");
    }
}
