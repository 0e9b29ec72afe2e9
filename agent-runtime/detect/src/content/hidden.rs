//! HTML that a browser does not show and a model reads: comments, and elements without size or colour, with orders in them.
//!
//! That something is hidden says nothing: menus are, and the first line of every newsletter. That it speaks to an assistant does.

use super::text::Text;
use super::{Class, Finding};
use crate::Confidence;

const REACH: usize = 1024;

/// What hides an element, without spaces and in small letters.
const HIDING: [&str; 14] = [
    "display:none",
    "visibility:hidden",
    "font-size:0",
    "font-size:1px",
    "opacity:0;",
    "opacity:0\"",
    "opacity:0'",
    "color:white",
    "color:#fff",
    "color:transparent",
    "left:-999",
    "text-indent:-999",
    "height:0",
    "aria-hidden=\"true\"",
];

/// Whom orders are given to.
const ADDRESSED: [&str; 14] = [
    "assistant",
    "ai agent",
    "ai model",
    "ai system",
    "the ai",
    "an ai",
    "llm",
    "language model",
    "chatgpt",
    "claude",
    "gemini",
    "copilot",
    "system prompt",
    "previous instruction",
];

/// What is ordered.
const ORDERED: [&str; 22] = [
    "ignore",
    "disregard",
    "forget",
    "send",
    "forward",
    "reveal",
    "email",
    "e-mail",
    "execute",
    "run ",
    "call ",
    "do not tell",
    "don't tell",
    "must",
    "transfer",
    "delete",
    "visit",
    "include",
    "output",
    "respond",
    "instruct",
    "upload",
];

pub(super) fn find(text: &Text<'_>, at: usize) -> Option<Finding> {
    let ahead = text.ahead(at, REACH);
    let (length, hidden, reason) = match ahead.strip_prefix(b"<!--") {
        Some(inside) => {
            let length = inside.windows(3).position(|window| window == b"-->");
            (length.map_or(ahead.len(), |length| length + 7), inside, "a comment that speaks to a model")
        }
        None => {
            let tag = ahead.iter().position(|byte| *byte == b'>')?;
            if !hides(&ahead[..tag]) {
                return None;
            }
            let inside = &ahead[tag + 1..];
            let length = inside.windows(2).position(|window| window == b"</").unwrap_or(inside.len());
            let closed = inside[length..].iter().position(|byte| *byte == b'>').map_or(inside.len(), |end| length + end + 1);
            (tag + 1 + closed, &inside[..length], "hidden text that speaks to a model")
        }
    };
    let mut end = at + length;
    while !text.text.is_char_boundary(end) {
        end -= 1;
    }
    let hidden = &hidden[..hidden.len().min(length)];
    speaks_to_a_model(&String::from_utf8_lossy(hidden)).then_some(Finding {
        class: Class::Hidden,
        range: at..end,
        reason,
        confidence: Confidence::High,
    })
}

fn hides(tag: &[u8]) -> bool {
    let tag: String =
        tag.iter().filter(|byte| !byte.is_ascii_whitespace()).map(|byte| char::from(byte.to_ascii_lowercase())).collect();
    tag.contains("style=") && HIDING.iter().any(|style| tag.contains(style)) || tag.ends_with("hidden") && tag.len() < 64
}

/// Whether somebody is addressed, and something ordered.
fn speaks_to_a_model(text: &str) -> bool {
    let text = text.to_lowercase();
    ADDRESSED.iter().any(|word| text.contains(word)) && ORDERED.iter().any(|word| text.contains(word))
}
