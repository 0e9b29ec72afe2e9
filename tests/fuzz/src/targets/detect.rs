//! What looks for secrets and attacks: it finds in order, on borders of characters, and what it took out it does not find again.

use std::ops::Range;

use serde_json::Value;
use skreaver_detect::{Content, Secrets, escape_for_log};

use crate::Came;

pub(super) fn secrets(bytes: &[u8]) -> Came {
    let Ok(text) = std::str::from_utf8(bytes) else { return Came::NOTHING };
    let secrets = Secrets::all();
    let found = secrets.find(text);
    in_order(text, found.iter().map(|secret| &secret.range));
    assert_eq!(found, secrets.find(text), "it finds the same twice");
    let redacted = secrets.redact(text);
    for secret in &found {
        assert!(redacted.contains(&format!("[redacted:{}]", secret.kind)), "{secret:?} was found and not taken out");
    }
    assert_eq!(found.is_empty(), redacted == text);
    let settled = secrets.settled(text);
    assert!(settled <= text.len() && text.is_char_boundary(settled), "{settled}");
    // What was let out is what it would have been let out as together with the rest.
    let whole: Vec<_> = found.iter().filter(|secret| secret.range.end <= settled).collect();
    // A key inside of which another begins is cut there; both parts are found, and differ from what they are together.
    if !found.iter().any(|secret| secret.range.start < settled && settled < secret.range.end) {
        let apart = secrets.find(&text[..settled]);
        assert_eq!(whole, apart.iter().collect::<Vec<_>>(), "what follows made another thing of what was let out");
    }
    Came::to(&found.iter().map(|secret| secret.kind).collect::<Vec<_>>())
}

pub(super) fn secrets_in_json(bytes: &[u8]) -> Came {
    let Ok(value) = serde_json::from_slice::<Value>(bytes) else { return Came::NOTHING };
    let found = Secrets::all().find_in(&value);
    let mut redacted = value.clone();
    Secrets::all().redact_value(&mut redacted);
    assert_eq!(found.is_empty(), redacted == value, "what is found is taken out, and nothing else: {found:?}");
    same_shape(&value, &redacted);
    Came::to(&found.iter().map(|located| located.finding.kind).collect::<Vec<_>>())
}

pub(super) fn content(bytes: &[u8]) -> Came {
    let Ok(text) = std::str::from_utf8(bytes) else { return Came::NOTHING };
    let content = Content::all();
    let found = content.find(text);
    in_order(text, found.iter().map(|finding| &finding.range));
    assert_eq!(found, content.find(text), "it finds the same twice");
    assert_eq!(found.is_empty(), content.redact(text) == text);
    assert_eq!(content.redact_if(text, |_| false), text, "nothing was wanted");
    let stripped = content.strip(text);
    assert!(stripped.len() <= text.len());
    Came::to(&found.iter().map(|finding| (finding.class, finding.reason)).collect::<Vec<_>>())
}

pub(super) fn content_in_json(bytes: &[u8]) -> Came {
    let Ok(value) = serde_json::from_slice::<Value>(bytes) else { return Came::NOTHING };
    let found = Content::all().find_in(&value);
    let mut redacted = value.clone();
    Content::all().redact_value(&mut redacted);
    assert_eq!(found.is_empty(), redacted == value, "what is found is taken out, and nothing else: {found:?}");
    same_shape(&value, &redacted);
    Came::to(&found.iter().map(|located| located.finding.reason).collect::<Vec<_>>())
}

/// A line of a log is one line, and moves no terminal; two texts are never one line.
pub(super) fn log_lines(bytes: &[u8]) -> Came {
    let text = String::from_utf8_lossy(bytes);
    let escaped = escape_for_log(&text);
    assert!(!escaped.contains(char::is_control), "{escaped:?}");
    let more = format!("{text}\\");
    assert_ne!(escape_for_log(&more), escaped);
    assert!(escaped.len() >= text.len());
    Came::to(&(escaped == text, escaped.len().checked_ilog2()))
}

fn in_order<'r>(text: &str, ranges: impl Iterator<Item = &'r Range<usize>>) {
    let mut end = 0;
    for range in ranges {
        assert!(range.start >= end && range.start < range.end && range.end <= text.len(), "{range:?} behind {end}");
        assert!(text.is_char_boundary(range.start) && text.is_char_boundary(range.end), "{range:?} cuts a character");
        end = range.end;
    }
}

/// Only texts are changed.
fn same_shape(one: &Value, other: &Value) {
    match (one, other) {
        (Value::String(_), Value::String(_)) => {}
        (Value::Array(one), Value::Array(other)) => {
            assert_eq!(one.len(), other.len());
            one.iter().zip(other).for_each(|(one, other)| same_shape(one, other));
        }
        (Value::Object(one), Value::Object(other)) => {
            assert!(other.len() <= one.len());
            one.values().zip(other.values()).filter(|_| one.len() == other.len()).for_each(|(one, other)| same_shape(one, other));
        }
        (one, other) => assert_eq!(one, other),
    }
}
