//! Images whose addresses carry something away: whoever shows the text loads them, and so sends what stands in the query.
//!
//! Badges, sizes and signatures are what honest images have there.

use super::text::Text;
use super::{Class, Finding};
use crate::Confidence;

const REACH: usize = 2048;

/// Parameters that carry what a conversation holds.
const CARRIERS: [&str; 22] = [
    "q",
    "query",
    "data",
    "d",
    "payload",
    "exfil",
    "leak",
    "secret",
    "secrets",
    "info",
    "content",
    "msg",
    "message",
    "body",
    "history",
    "context",
    "conversation",
    "prompt",
    "dump",
    "summary",
    "email",
    "password",
];

/// What a model is told to fill in.
const BLANKS: [&str; 8] = ["{", "[", "<", "%7B", "%5B", "%s", "$", "..."];

pub(super) fn find_in_markdown(text: &Text<'_>, at: usize) -> Option<Finding> {
    let ahead = text.line(at, REACH);
    let middle = ahead.windows(2).position(|window| window == b"](")?;
    let url = &ahead[middle + 2..];
    let length = url.iter().position(|byte| b")\n ".contains(byte)).unwrap_or(url.len());
    judge(text, at, middle + 2, length)
}

pub(super) fn find_in_html(text: &Text<'_>, at: usize) -> Option<Finding> {
    let ahead = text.ahead(at, REACH);
    if !ahead.get(..5).is_some_and(|tag| tag.eq_ignore_ascii_case(b"<img ")) {
        return None;
    }
    let ahead = &ahead[..ahead.iter().position(|byte| *byte == b'>')?];
    let source = ahead.windows(5).position(|window| window == b"src=\"" || window == b"src='")? + 5;
    let length = ahead[source..].iter().position(|byte| b"\"'".contains(byte))?;
    judge(text, at, source, length)
}

fn judge(text: &Text<'_>, at: usize, offset: usize, length: usize) -> Option<Finding> {
    let url = text.text.get(at + offset..at + offset + length)?;
    let remote = ["http://", "https://", "//"].iter().any(|scheme| url.starts_with(scheme));
    let end = at + offset + length;
    let end = end + usize::from(matches!(text.bytes.get(end), Some(b')')));
    (remote && carries(url)).then_some(Finding {
        class: Class::Exfiltration,
        range: at..end,
        reason: "an image whose address carries data",
        confidence: Confidence::Medium,
    })
}

/// Whether the query has a parameter for what is to be carried away: blank, to be filled in, or filled.
fn carries(url: &str) -> bool {
    let Some((_, query)) = url.split_once('?') else { return false };
    query.split('&').any(|parameter| {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, "-"));
        let blank = BLANKS.iter().any(|blank| value.starts_with(blank));
        let carrier = CARRIERS.iter().any(|carrier| name.eq_ignore_ascii_case(carrier));
        blank || (carrier && (value.is_empty() || value.len() >= 6))
    })
}
