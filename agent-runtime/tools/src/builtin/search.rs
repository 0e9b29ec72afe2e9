//! `search`: where a pattern stands in a text.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};
use skreaver_protocol::Builtin;

use crate::{Function, ToolError};

/// See [`TextSearchTool`](super::TextSearchTool).
pub struct Search;

/// The most places that are listed; all are counted.
const LISTED: usize = 1_000;

/// What to look for, and in what.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Arguments {
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

/// Where it stands.
#[derive(Serialize, JsonSchema)]
pub struct Found {
    /// What was looked for.
    pattern: String,
    /// How often it stands there.
    count: usize,
    /// The first thousand places.
    matches: Vec<Place>,
}

/// A place in a text.
#[derive(Serialize, JsonSchema)]
struct Place {
    /// The line, from 1.
    line: usize,
    /// The character of the line, from 1.
    column: usize,
}

impl Function for Search {
    const NAME: &'static str = Builtin::Search.name();
    const DESCRIPTION: &'static str =
        "Finds every place of a pattern in a text, by line and column. As a bare text: the pattern, a space, the text.";
    type Arguments = Arguments;
    type Output = Found;

    fn from_text(text: &str) -> Value {
        super::object_with(text, &["text"]).unwrap_or_else(|| pattern_first(text))
    }

    fn compute(Arguments { text, pattern, ignore_case }: Arguments) -> Result<Found, ToolError> {
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
                    matches.push(Place { line: index + 1, column });
                }
            }
        }
        Ok(Found { pattern, count, matches })
    }
}

fn pattern_first(text: &str) -> Value {
    let (pattern, rest) = text.trim_start().split_once(char::is_whitespace).unwrap_or((text, ""));
    json!({ "pattern": pattern, "text": rest })
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
