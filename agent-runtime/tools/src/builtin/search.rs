//! `search`: where a pattern stands in a text.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use crate::FunctionTool;

/// The most places that are listed; all are counted.
const LISTED: usize = 1_000;

/// What to look for, and in what.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Search {
    /// The text to search.
    text: String,
    /// What to look for, letter by letter.
    #[serde(deserialize_with = "not_empty")]
    #[schemars(length(min = 1))]
    pattern: String,
    /// Whether small letters and capitals are the same. Default: false.
    #[serde(default)]
    ignore_case: bool,
}

pub(super) fn tool() -> FunctionTool<Search> {
    FunctionTool {
        description: "Finds every place of a pattern in a text, by line and column. As a bare text: the pattern, a space, the text.",
        from_text: |text| super::object_with_text(text).unwrap_or_else(|| pattern_first(text)),
        run,
    }
}

fn pattern_first(text: &str) -> Value {
    let (pattern, rest) = text.trim_start().split_once(char::is_whitespace).unwrap_or((text, ""));
    json!({ "pattern": pattern, "text": rest })
}

fn run(Search { text, pattern, ignore_case }: Search) -> Value {
    let needle = fold(&pattern, ignore_case);
    let mut count = 0;
    let mut matches = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = fold(line, ignore_case);
        // Columns are counted on from the last match: from the start of the line each time would be work without bound.
        let (mut counted, mut column) = (0, 1);
        for (position, _) in line.match_indices(&needle) {
            count += 1;
            if matches.len() < LISTED {
                column += line[counted..position].chars().count();
                counted = position;
                matches.push(json!({ "line": index + 1, "column": column }));
            }
        }
    }
    json!({ "pattern": pattern, "count": count, "matches": matches })
}

fn fold(text: &str, ignore_case: bool) -> String {
    if ignore_case { text.to_lowercase() } else { text.to_owned() }
}

fn not_empty<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    match String::deserialize(deserializer)? {
        text if text.is_empty() => Err(serde::de::Error::custom("`pattern` is empty; say what to look for")),
        pattern => Ok(pattern),
    }
}
