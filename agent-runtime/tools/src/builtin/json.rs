//! JSON as the tools for it take it: strictly, and not too deep.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use skreaver_protocol::strict_json;

use crate::nesting::{MOST_NESTED, is_deeper};

/// A document: any JSON value, or a text that is one. A text is always read.
pub struct Json(pub(super) Value);

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = match Value::deserialize(deserializer)? {
            Value::String(text) => parse(&text).map_err(D::Error::custom)?,
            value if is_deeper(&value, MOST_NESTED) => return Err(D::Error::custom(too_deep())),
            value => value,
        };
        Ok(Self(value))
    }
}

impl JsonSchema for Json {
    fn schema_name() -> Cow<'static, str> {
        "Json".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "description": "The document: a JSON value, or a text that is one." })
    }
}

/// Reads a text, in which no name may stand twice.
pub(super) fn parse(text: &str) -> Result<Value, String> {
    match strict_json::read(text.as_bytes()) {
        Ok(value) if is_deeper(&value, MOST_NESTED) => Err(too_deep()),
        Err(error) if error.to_string().starts_with("recursion limit") => Err(too_deep()),
        value => value.map_err(|error| format!("this is no JSON: {error}")),
    }
}

fn too_deep() -> String {
    format!("the document nests deeper than {MOST_NESTED} levels")
}
