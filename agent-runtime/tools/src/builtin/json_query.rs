//! `json_query`: the parts of a JSON document that a JSONPath names.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use skreaver_protocol::Builtin;

use super::json::Json;
use super::json_path::{Path, path_first};
use crate::{Function, ToolError};

/// See [`JsonQueryTool`](super::JsonQueryTool).
pub struct JsonQuery;

/// What to look for, and in what.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Arguments {
    json: Json,
    /// A JSONPath (RFC 9535). Example: `$.books[?@.price < 10].title`.
    path: String,
}

impl Function for JsonQuery {
    const NAME: &'static str = Builtin::JsonQuery.name();
    const DESCRIPTION: &'static str = "Lists the values in a JSON document that a JSONPath names, such as \
        `$.books[?@.price < 10].title`. As a bare text: the path, a space, the document.";
    const IS_ISOLATED: bool = true;
    type Arguments = Arguments;
    type Output = Vec<Value>;

    fn from_text(text: &str) -> Value {
        super::object_with(text, &["json", "path"]).unwrap_or_else(|| {
            let (path, json) = path_first(text);
            json!({ "path": path, "json": json })
        })
    }

    fn compute(Arguments { json: Json(json), path }: Arguments) -> Result<Vec<Value>, ToolError> {
        Ok(Path::parse(&path)?.find(&json)?.into_iter().cloned().collect())
    }
}
