//! Characters that nobody sees and every machine reads: a message can be written in them, and a word be cut by them.
//!
//! Most of them are also honest: joiners shape emoji and half the scripts of India, selectors choose an emoji's colours or a
//! character's form, spaces without width say where Thai may be broken, tags spell the flag of Scotland.

use super::text::Text;
use super::{Class, Finding};
use crate::Confidence;

/// So many in a row have no use.
const RUN: usize = 3;

pub(super) fn find(text: &Text<'_>, at: usize) -> Option<Finding> {
    let (char, next) = text.char(at)?;
    let before = text.char_before(at);
    let of_run = |char: char| is_zero_width(char) || is_selector(char) || is_tag(char);
    // The first of a run speaks for all of it.
    if !of_run(char) || before.is_some_and(of_run) {
        return None;
    }
    let run = text.text.get(at..)?;
    let length = run.find(|char| !of_run(char)).unwrap_or(run.len());
    let run = &run[..length];
    let (count, after) = (run.chars().count(), text.char(at + length).map(|(char, _)| char));
    let (reason, confidence) = if run.contains(is_tag) {
        if before == Some('\u{1f3f4}') && run.ends_with('\u{e007f}') && count <= 7 {
            return None;
        }
        ("invisible letters", Confidence::High)
    } else if smuggles(run, before) {
        ("bytes in variation selectors", Confidence::High)
    } else if count >= RUN {
        ("a run of characters without width", Confidence::High)
    } else if is_zero_width(char) && is_latin(before) && is_latin(after) {
        ("a word cut by a character without width", Confidence::Medium)
    } else {
        return None;
    };
    Some(Finding { class: Class::Hidden, range: at..next.max(at + length), reason, confidence })
}

/// One selector chooses a form of the character before it, and those beyond the sixteenth only of an ideograph.
fn smuggles(run: &str, before: Option<char>) -> bool {
    let alone =
        run.starts_with(|char| matches!(char, '\u{e0100}'..='\u{e01ef}')) && before.is_none_or(|before| before.is_ascii());
    alone || run.chars().filter(|char| is_selector(*char)).count() > 1
}

fn is_zero_width(char: char) -> bool {
    matches!(char, '\u{200b}'..='\u{200d}' | '\u{2060}'..='\u{2064}' | '\u{feff}' | '\u{180e}')
}

fn is_selector(char: char) -> bool {
    matches!(char, '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}')
}

fn is_tag(char: char) -> bool {
    matches!(char, '\u{e0000}'..='\u{e007f}')
}

fn is_latin(char: Option<char>) -> bool {
    char.is_some_and(|char| char.is_ascii_alphabetic())
}
