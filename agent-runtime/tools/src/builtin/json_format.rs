//! `json_format`: JSON written out, for people or for machines.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use skreaver_protocol::Builtin;

use super::json::Json;
use crate::{Function, ToolError};

/// See [`JsonFormatTool`](super::JsonFormatTool).
pub struct JsonFormat;

/// What to write, and how.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Arguments {
    json: Json,
    /// Default: `pretty`.
    #[serde(default)]
    style: Style,
    /// Whether the names of objects are sorted, by code point. Default: false, which keeps their order.
    #[serde(default)]
    sort: bool,
}

/// How it is written.
#[derive(Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Style {
    /// A line for each value, indented.
    #[default]
    Pretty,
    /// No white space.
    Compact,
}

impl Function for JsonFormat {
    const NAME: &'static str = Builtin::JsonFormat.name();
    const DESCRIPTION: &'static str =
        "Writes a JSON document as a text: pretty or compact, with names sorted where that is asked.";
    const IS_ISOLATED: bool = true;
    type Arguments = Arguments;
    type Output = String;

    fn from_text(text: &str) -> Value {
        json!({ "json": text })
    }

    fn compute(Arguments { json: Json(mut json), style, sort }: Arguments) -> Result<String, ToolError> {
        if sort {
            json.sort_all_objects();
        }
        let written = match style {
            Style::Pretty => serde_json::to_string_pretty(&json),
            Style::Compact => serde_json::to_string(&json),
        };
        written.map_err(|error| ToolError::Failed(error.to_string()))
    }
}
