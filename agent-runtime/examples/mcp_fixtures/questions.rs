//! What the suite wants to be asked, and texts.

use serde_json::{Value, json};

pub(super) fn text(text: &str) -> Value {
    json!({ "content": [{ "type": "text", "text": text }] })
}

pub(super) fn question(message: &str, properties: Value, required: Value) -> Value {
    let schema = json!({ "type": "object", "properties": properties, "required": required });
    json!({ "method": "elicitation/create", "params": { "mode": "form", "message": message, "requestedSchema": schema } })
}

pub(super) fn word(field: &str) -> (Value, Value) {
    (json!({ field: { "type": "string" } }), json!([field]))
}

pub(super) fn name_question() -> Value {
    let (properties, required) = word("name");
    question("What is your name?", properties, required)
}

pub(super) fn sampling(text: &str) -> Value {
    let said = json!([{ "role": "user", "content": { "type": "text", "text": text } }]);
    json!({ "method": "sampling/createMessage", "params": { "messages": said, "maxTokens": 100 } })
}

pub(super) fn roots() -> Value {
    json!({ "method": "roots/list", "params": {} })
}
