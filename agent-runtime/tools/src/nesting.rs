//! How deep and how large a JSON value is.

use serde_json::Value;

/// The most levels of a value that tools take or give. serde_json reads 128, and answers, journals and messages wrap a result.
pub(crate) const MOST_NESTED: usize = 100;

/// Whether a value nests deeper than so many levels; a number or a text has none.
pub(crate) fn is_deeper(value: &Value, levels: usize) -> bool {
    match value {
        Value::Array(items) => levels == 0 || items.iter().any(|item| is_deeper(item, levels - 1)),
        Value::Object(members) => levels == 0 || members.values().any(|member| is_deeper(member, levels - 1)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// About how many bytes a value takes when it is written; never less than its texts, and at least one for each value.
pub(crate) fn bytes(value: &Value) -> usize {
    match value {
        Value::Array(items) => 2 + items.iter().map(bytes).sum::<usize>(),
        Value::Object(members) => 2 + members.iter().map(|(name, member)| name.len() + 3 + bytes(member)).sum::<usize>(),
        Value::String(text) => text.len() + 2,
        Value::Number(_) => 8,
        Value::Null | Value::Bool(_) => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn levels_are_arrays_and_objects() {
        for (value, levels) in [(json!(1), 0), (json!([]), 1), (json!({"a": []}), 2), (json!([1, {"a": [[]]}]), 4)] {
            assert!(!is_deeper(&value, levels), "{value}");
            assert!(levels == 0 || is_deeper(&value, levels - 1), "{value}");
        }
    }
}
