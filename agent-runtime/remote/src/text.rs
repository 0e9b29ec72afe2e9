//! Texts of strangers as a person would see them: bounded, and without what nobody sees. Pure.

use serde_json::{Map, Value};
use skreaver_detect::Content;

/// The most characters of a description.
pub(crate) const MOST_DESCRIPTION: usize = 4096;

/// A schema whose texts for readers are as [`seen`]. All else in it has to stay what it is.
pub(crate) fn cleaned(content: &Content, value: Value) -> Value {
    let field = |(key, value): (String, Value)| {
        let is_for_readers = matches!(key.as_str(), "description" | "title" | "$comment");
        let value = match value {
            Value::String(text) if is_for_readers => Value::String(seen(content, &text)),
            value => cleaned(content, value),
        };
        (key, value)
    };
    match value {
        Value::Object(fields) => Value::Object(fields.into_iter().map(field).collect::<Map<_, _>>()),
        Value::Array(items) => items.into_iter().map(|item| cleaned(content, item)).collect(),
        value @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => value,
    }
}

/// A text as a person would see it, cut.
pub(crate) fn seen(content: &Content, text: &str) -> String {
    let bounded: String = text.chars().take(MOST_DESCRIPTION).collect();
    let is_control = |character: char| character.is_control() && !matches!(character, '\n' | '\t');
    let mut seen: String = content.strip(&bounded).chars().filter(|character| !is_control(*character)).collect();
    if bounded.len() < text.len() {
        seen.push('…');
    }
    seen
}
