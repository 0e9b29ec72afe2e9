//! One harmless line of anything.

use std::borrow::Cow;
use std::fmt::Write;

/// The text as one line that does to a log, a terminal or a reader's eyes nothing but be read: characters that control, format,
/// break lines or are invisible are written as Rust writes them in strings, and so are backslashes, so that different texts stay
/// different.
///
/// ```
/// use skreaver_detect::escape_for_log;
///
/// assert_eq!(escape_for_log("ok\n2026-01-01 INFO forged"), r"ok\n2026-01-01 INFO forged");
/// assert_eq!(escape_for_log("\u{1b}[2J\u{202e}exe.txt"), r"\u{1b}[2J\u{202e}exe.txt");
/// assert_eq!(escape_for_log("Käse, 寿司, سلام"), "Käse, 寿司, سلام");
/// ```
pub fn escape_for_log(text: &str) -> Cow<'_, str> {
    if !text.chars().any(needs_escape) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for char in text.chars() {
        match char {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\\' => out.push_str("\\\\"),
            _ if needs_escape(char) => write!(out, "\\u{{{:x}}}", u32::from(char)).expect("a string takes everything"),
            _ => out.push(char),
        }
    }
    Cow::Owned(out)
}

fn needs_escape(char: char) -> bool {
    match char.is_ascii() {
        true => char == '\\' || char.is_ascii_control(),
        false => char.is_control() || is_format(char) || is_filler(char),
    }
}

/// Unicode's category Cf and its separators of lines and paragraphs: what steers how other characters are shown.
fn is_format(char: char) -> bool {
    matches!(char,
        '\u{ad}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{890}'..='\u{891}' | '\u{8e2}' | '\u{180e}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{2066}'..='\u{206f}' | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}' | '\u{110bd}' | '\u{110cd}' | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0001}' | '\u{e0020}'..='\u{e007f}')
}

/// What is a letter or a mark to Unicode and shows nothing: fillers, and selectors of variants, in which text can be hidden.
fn is_filler(char: char) -> bool {
    matches!(char, '\u{34f}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{2065}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}' | '\u{e0000}'..='\u{e0fff}')
}
