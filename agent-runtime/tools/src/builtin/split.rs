//! `split`: a text in parts.

use std::num::NonZeroUsize;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::{FunctionTool, Text};

/// What to split, and where.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Split {
    /// The text to split.
    text: String,
    /// Where to split. Default: commas and white space, empty parts dropped.
    #[serde(default, deserialize_with = "not_empty")]
    #[schemars(length(min = 1))]
    delimiter: Option<String>,
    /// The most parts; the last one holds the rest. Default: no bound. Only with a delimiter.
    #[serde(default)]
    limit: Option<NonZeroUsize>,
}

pub(super) fn tool() -> FunctionTool<Split> {
    FunctionTool {
        description: "Splits a text into a list of parts, at commas and white space or at a delimiter.",
        from_text: |text| super::object_with_text(text).unwrap_or_else(|| Text::arguments(text)),
        run,
    }
}

fn run(Split { text, delimiter, limit }: Split) -> Value {
    let limit = limit.map_or(usize::MAX, NonZeroUsize::get);
    match delimiter {
        Some(delimiter) => text.splitn(limit, delimiter.as_str()).map(Value::from).collect(),
        None => text.split(|c: char| c == ',' || c.is_whitespace()).filter(|part| !part.is_empty()).map(Value::from).collect(),
    }
}

fn not_empty<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    match Option::<String>::deserialize(deserializer)? {
        Some(text) if text.is_empty() => {
            Err(serde::de::Error::custom("`delimiter` is empty; leave it out to split at white space"))
        }
        delimiter => Ok(delimiter),
    }
}
