//! `split`: a text in parts.

use std::num::NonZeroUsize;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use skreaver_protocol::Builtin;

use crate::{Function, Text, ToolError};

/// See [`TextSplitTool`](super::TextSplitTool).
pub struct Split;

/// What to split, and where.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Arguments {
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

impl Function for Split {
    const NAME: &'static str = Builtin::Split.name();
    const DESCRIPTION: &'static str = "Splits a text into a list of parts, at commas and white space or at a delimiter.";
    type Arguments = Arguments;
    type Output = Vec<String>;

    fn from_text(text: &str) -> Value {
        super::object_with(text, &["text"]).unwrap_or_else(|| Text::arguments(text))
    }

    fn compute(Arguments { text, delimiter, limit }: Arguments) -> Result<Vec<String>, ToolError> {
        let limit = limit.map_or(usize::MAX, NonZeroUsize::get);
        let parts: Vec<&str> = match &delimiter {
            Some(delimiter) => text.splitn(limit, delimiter.as_str()).collect(),
            None => text.split(|c: char| c == ',' || c.is_whitespace()).filter(|part| !part.is_empty()).collect(),
        };
        Ok(parts.into_iter().map(str::to_owned).collect())
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
