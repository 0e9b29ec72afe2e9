//! What steers a terminal, and what makes text be read in another order than it is shown in.

use super::text::Text;
use super::{Class, Finding};
use crate::Confidence;

/// An escape sequence of a terminal ends within so many bytes, or is none.
const LONGEST: usize = 4096;

pub(super) fn find(text: &Text<'_>, at: usize) -> Option<Finding> {
    let (char, next) = text.char(at)?;
    let (end, reason, confidence) = match char {
        '\u{1b}' => escape(text, next),
        '\u{9b}' => (csi(text, next), "an escape sequence", Confidence::High),
        '\u{9d}' => command(text, next),
        '\u{90}' | '\u{98}' | '\u{9e}' | '\u{9f}' => (string(text, next), "a control string", Confidence::High),
        '\u{202d}' | '\u{202e}' => (next, "text shown backwards", Confidence::High),
        '\u{202a}' | '\u{202b}' | '\u{2066}'..='\u{2068}' if !is_closed(text, next) => {
            (next, "a change of direction that nothing ends", Confidence::Medium)
        }
        _ if char.is_control() && !"\t\n\r".contains(char) => (next, "a control character", Confidence::Medium),
        _ => return None,
    };
    Some(Finding { class: Class::Control, range: at..end, reason, confidence })
}

/// What follows ESC.
fn escape(text: &Text<'_>, at: usize) -> (usize, &'static str, Confidence) {
    match text.bytes.get(at) {
        Some(b'[') if text.bytes[at..].starts_with(b"[200~") || text.bytes[at..].starts_with(b"[201~") => {
            (at + 5, "the end of a bracketed paste", Confidence::High)
        }
        Some(b'[') => (csi(text, at + 1), "an escape sequence", Confidence::High),
        Some(b']') => command(text, at + 1),
        Some(b'P' | b'X' | b'^' | b'_') => (string(text, at + 1), "a control string", Confidence::High),
        Some(byte) if (0x30..0x7f).contains(byte) => (at + 1, "an escape sequence", Confidence::High),
        _ => (at, "an escape", Confidence::Medium),
    }
}

/// Parameters, then the letter that says what is to be done.
fn csi(text: &Text<'_>, at: usize) -> usize {
    let rest = text.ahead(at, LONGEST);
    let parameters = rest.iter().position(|byte| !(0x20..0x40).contains(byte)).unwrap_or(rest.len());
    let last = rest.get(parameters).is_some_and(|byte| (0x40..0x7f).contains(byte));
    at + parameters + usize::from(last)
}

/// A command to the operating system that the terminal runs on, named by its number.
fn command(text: &Text<'_>, at: usize) -> (usize, &'static str, Confidence) {
    let reason = match text.ahead(at, 3) {
        [b'5', b'2', b';'] => "a write to the clipboard",
        [b'8', b';', ..] => "a link with another text",
        [b'0'..=b'2', b';', ..] => "a change of the window's title",
        _ => "a command to the terminal",
    };
    (string(text, at), reason, Confidence::High)
}

/// Up to BEL or the string terminator; where there is none, to the end of the line.
fn string(text: &Text<'_>, at: usize) -> usize {
    let rest = text.ahead(at, LONGEST);
    let end = rest.iter().enumerate().find_map(|(index, byte)| match byte {
        7 => Some(index + 1),
        0x1b if rest.get(index + 1) == Some(&b'\\') => Some(index + 2),
        0x9c if index > 0 && rest[index - 1] == 0xc2 => Some(index + 1),
        b'\n' | 0x1b => Some(index),
        _ => None,
    });
    let mut end = at + end.unwrap_or(rest.len());
    while !text.text.is_char_boundary(end) {
        end -= 1;
    }
    end
}

/// Whether a change of direction ends on its line, as honest text in two directions has it.
fn is_closed(text: &Text<'_>, at: usize) -> bool {
    let line = text.line(at, 1024);
    let open = |bytes: &[u8]| matches!(bytes, [0xe2, 0x80, 0xaa | 0xab] | [0xe2, 0x81, 0xa6..=0xa8]);
    let close = |bytes: &[u8]| matches!(bytes, [0xe2, 0x80, 0xac] | [0xe2, 0x81, 0xa9]);
    let mut depth = 1_usize;
    line.windows(3).any(|window| {
        depth = depth + usize::from(open(window)) - usize::from(close(window));
        depth == 0
    })
}
