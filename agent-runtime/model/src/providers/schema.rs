//! Whether a JSON Schema is one that providers can enforce: every object closed, every property required.

use serde_json::Value;

/// Looks into every part of the schema. Anything that is no schema there, such as an example, at worst makes the answer "no".
pub(crate) fn is_closed(schema: &Value) -> bool {
    match schema {
        Value::Object(object) => {
            let properties = object.get("properties").and_then(Value::as_object);
            let is_object = properties.is_some() || object.get("type").is_some_and(|kind| kind == "object");
            let required = |name: &String| {
                object
                    .get("required")
                    .and_then(Value::as_array)
                    .is_some_and(|required| required.iter().any(|given| given == name))
            };
            (!is_object || object.get("additionalProperties") == Some(&Value::Bool(false)))
                && properties.is_none_or(|properties| properties.keys().all(required))
                && object.values().all(is_closed)
        }
        Value::Array(items) => items.iter().all(is_closed),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    }
}

/// What a model is told where its provider cannot be asked to enforce a schema.
pub(crate) fn as_instruction(schema: &Value) -> String {
    format!("Answer with one JSON value that fits this JSON Schema, and with nothing else:\n{schema}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn open_objects_and_optional_properties_are_not_closed() {
        let closed = json!({"type": "object", "properties": {"sum": {}}, "required": ["sum"], "additionalProperties": false});
        assert!(is_closed(&closed));
        assert!(is_closed(&json!({"type": "array", "items": closed})));
        assert!(!is_closed(&json!({"type": "object", "properties": {"sum": {}}, "required": ["sum"]})));
        assert!(!is_closed(&json!({"type": "object", "properties": {"sum": {}}, "additionalProperties": false})));
        assert!(!is_closed(&json!({"anyOf": [{"type": "object"}]})));
    }
}
