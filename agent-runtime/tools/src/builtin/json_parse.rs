//! `json_parse`: a JSON text as a value.

use serde_json::Value;
use skreaver_protocol::Builtin;

use super::json;
use crate::{Function, Text, ToolError};

/// See [`JsonParseTool`](super::JsonParseTool).
pub struct JsonParse;

impl Function for JsonParse {
    const NAME: &'static str = Builtin::JsonParse.name();
    const DESCRIPTION: &'static str = "Reads a JSON text and gives the value. An object that has a name twice is refused; numbers \
        beyond 64 bits or 17 digits come out rounded.";
    const IS_ISOLATED: bool = true;
    type Arguments = Text;
    type Output = Value;

    fn compute(Text { text }: Text) -> Result<Value, ToolError> {
        json::parse(&text).map_err(ToolError::InvalidArguments)
    }
}
