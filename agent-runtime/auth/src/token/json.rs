//! The JSON objects of a token.

use serde_json::{Map, Value};
use skreaver_protocol::strict_json;

/// The object that a text is.
pub(super) fn object(text: &[u8]) -> Result<Map<String, Value>, &'static str> {
    match strict_json::read(text) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) => Err("it is no JSON object"),
        Err(error) if error.is_data() => Err("a name stands in it twice"),
        Err(_) => Err("it is no JSON"),
    }
}
