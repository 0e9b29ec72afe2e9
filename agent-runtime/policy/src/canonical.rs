//! JSON in one form only, so that equal values have equal hashes.

use std::fmt::Write;

use serde_json::Value;
use sha2::{Digest, Sha256};

/// The SHA-256 of a value in its canonical form, in hexadecimal digits.
pub fn digest(value: &Value) -> String {
    let mut canonical = String::new();
    write(value, &mut canonical);
    let hash = Sha256::digest(canonical.as_bytes());
    hash.iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// JSON without spaces and with the fields of objects in order (RFC 8785). Numbers are written as `serde_json` writes them,
/// which is the same for all that a record holds: whole ones.
fn write(value: &Value, into: &mut String) {
    match value {
        Value::Array(items) => {
            into.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    into.push(',');
                }
                write(item, into);
            }
            into.push(']');
        }
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by(|(one, _), (other, _)| one.encode_utf16().cmp(other.encode_utf16()));
            into.push('{');
            for (index, (name, field)) in fields.into_iter().enumerate() {
                if index > 0 {
                    into.push(',');
                }
                let _ = write!(into, "{}:", Value::String(name.clone()));
                write(field, into);
            }
            into.push('}');
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            let _ = write!(into, "{value}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_fields_does_not_matter_and_their_content_does() {
        let one = serde_json::from_str(r#"{"b": [1, {"y": "ä\n", "x": null}], "a": true}"#).unwrap();
        let mut canonical = String::new();
        write(&one, &mut canonical);
        assert_eq!(canonical, r#"{"a":true,"b":[1,{"x":null,"y":"ä\n"}]}"#);
        let other = serde_json::from_str(r#"{"a":true,"b":[1,{"x":null,"y":"ä\n"}]}"#).unwrap();
        assert_eq!(digest(&one), digest(&other));
        assert_ne!(digest(&one), digest(&serde_json::json!({"a": true})));
    }
}
