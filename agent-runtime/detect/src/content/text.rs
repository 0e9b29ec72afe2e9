//! A text, and where in it code is shown.

use std::cell::OnceCell;
use std::ops::Range;

/// What the detectors look at.
pub(super) struct Text<'t> {
    pub(super) text: &'t str,
    pub(super) bytes: &'t [u8],
    fences: OnceCell<Vec<Range<usize>>>,
}

impl<'t> Text<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, bytes: text.as_bytes(), fences: OnceCell::new() }
    }

    /// Whether Markdown shows this place as code: in a block between fences, or between backticks on one line.
    pub(super) fn is_code(&self, at: usize) -> bool {
        let fences = self.fences.get_or_init(|| fences(self.text));
        let before = fences.partition_point(|fence| fence.start <= at);
        let fenced = before.checked_sub(1).is_some_and(|last| fences[last].contains(&at));
        fenced || self.is_between_backticks(at)
    }

    fn is_between_backticks(&self, at: usize) -> bool {
        const LINE: usize = 256;
        let before = &self.bytes[at.saturating_sub(LINE)..at];
        let before = before.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
        let after = self.line(at, LINE);
        let count = |of: &[u8]| of.iter().filter(|byte| **byte == b'`').count();
        count(before) % 2 == 1 && count(after) > 0
    }

    /// What stands on the line from here on, at most so far.
    pub(super) fn line(&self, at: usize, most: usize) -> &'t [u8] {
        let rest = self.ahead(at, most);
        &rest[..rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len())]
    }

    /// What stands from here on, at most so far.
    pub(super) fn ahead(&self, at: usize, most: usize) -> &'t [u8] {
        let rest = self.bytes.get(at..).unwrap_or_default();
        &rest[..rest.len().min(most)]
    }

    /// The character here, and where the next one is.
    pub(super) fn char(&self, at: usize) -> Option<(char, usize)> {
        let char = self.text.get(at..)?.chars().next()?;
        Some((char, at + char.len_utf8()))
    }

    /// The character that ends here.
    pub(super) fn char_before(&self, at: usize) -> Option<char> {
        self.text.get(..at)?.chars().next_back()
    }
}

/// From each line that opens a block of code to the line that closes it.
fn fences(text: &str) -> Vec<Range<usize>> {
    let mut fences = Vec::new();
    let (mut open, mut at) = (None, 0);
    for line in text.split_inclusive('\n') {
        let trimmed = line.trim_start();
        if trimmed.starts_with("```") || trimmed.starts_with("~~~") {
            match open.take() {
                Some(start) => fences.push(start..at),
                None => open = Some(at),
            }
        }
        at += line.len();
    }
    fences
}
