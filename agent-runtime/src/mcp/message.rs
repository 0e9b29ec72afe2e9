//! What a client sends, judged before the SDK sees it: whether it is JSON, and one message of JSON-RPC.

use rmcp::model::{ClientJsonRpcMessage, ErrorCode, ErrorData, JsonRpcError, RequestId};
use serde::Deserialize;
use serde_json::Value;
use skreaver_protocol::strict_json;

/// Reads a message; nothing where it is a notification that makes no sense: those are never answered.
///
/// # Errors
/// What is answered to something that is none.
pub(super) fn read(text: &[u8]) -> Result<Option<ClientJsonRpcMessage>, Box<JsonRpcError>> {
    let value = strict_json::read(text).map_err(|error| {
        let said = error.to_string();
        // That a name stands twice says nothing of whether it is JSON, only that nobody knows what is meant.
        let error = if error.is_data() { ErrorData::invalid_request(said, None) } else { ErrorData::parse_error(said, None) };
        answer(None, error)
    })?;
    match ClientJsonRpcMessage::deserialize(&value) {
        Ok(message) => Ok(Some(message)),
        Err(_) if value["jsonrpc"] == "2.0" && value["method"].is_string() && value.get("id").is_none() => Ok(None),
        Err(_) => {
            let id = value.get("id").and_then(|id| RequestId::deserialize(id).ok());
            Err(answer(id, wrong(&value)))
        }
    }
}

fn answer(id: Option<RequestId>, error: ErrorData) -> Box<JsonRpcError> {
    Box::new(JsonRpcError::new(id, error))
}

/// What is wrong with what is no message.
fn wrong(value: &Value) -> ErrorData {
    if value.is_array() {
        return ErrorData::invalid_request("send messages one by one: this protocol has no batches", None);
    }
    match (&value["method"], &value["params"]) {
        (Value::String(_), Value::Object(_) | Value::Null) => ErrorData::invalid_request(WRONG, None),
        (Value::String(method), _) => {
            ErrorData::invalid_params(format!("the parameters of `{}` are no object", method.escape_debug()), None)
        }
        _ => ErrorData::invalid_request(WRONG, None),
    }
}

const WRONG: &str = "this is no request, notification or response of JSON-RPC 2.0: it needs `jsonrpc`, and either `method`, with an \
                     `id` that is a text or a whole number where it is a request, or an `id` and one of `result` and `error`";

/// What is answered to a message that is longer than one may be.
pub(super) fn too_long(most: usize) -> Box<JsonRpcError> {
    answer(None, ErrorData::invalid_request(format!("a message may have {most} bytes"), None))
}

/// What is wrong with a request that the SDK could not read as one that it knows: its parameters, or its method.
pub(super) fn unreadable(method: &str, params: Option<&Value>) -> ErrorData {
    if METHODS.contains(&method) {
        let said = match params {
            None => format!("`{method}` needs parameters"),
            Some(_) => format!("these are no parameters of `{method}`"),
        };
        return ErrorData::invalid_params(said, None);
    }
    ErrorData::new(ErrorCode::METHOD_NOT_FOUND, format!("there is no method `{}`", method.escape_debug()), None)
}

/// The methods that are answered here.
const METHODS: [&str; 12] = [
    "initialize",
    "server/discover",
    "ping",
    "tools/list",
    "tools/call",
    "resources/list",
    "resources/templates/list",
    "resources/read",
    "prompts/list",
    "prompts/get",
    "completion/complete",
    "subscriptions/listen",
];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_no_message_is_answered_by_what_is_wrong_with_it() {
        let check = |text: &[u8], code: i32, id: Value| {
            let answer = json!(read(text).expect_err(&String::from_utf8_lossy(text)));
            assert_eq!((&answer["error"]["code"], &answer["id"]), (&json!(code), &id), "{answer}");
        };
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        for no_json in [b"".as_slice(), b"{", b"not json", b"\xff\xfe", b"{\"a\": \"\xc3\x28\"}", b"{} {}", deep.as_bytes()] {
            check(no_json, -32700, Value::Null);
        }
        check(br#"{"jsonrpc": "2.0", "id": 1, "id": 2, "method": "ping"}"#, -32600, Value::Null);
        check(br#"[{"jsonrpc": "2.0", "id": 1, "method": "ping"}]"#, -32600, Value::Null);
        check(br#"{"jsonrpc": "1.0", "id": 7, "method": "ping"}"#, -32600, json!(7));
        check(br#"{"id": "a", "method": "ping"}"#, -32600, json!("a"));
        for id in ["null", "1.5", "true", "{}", "[1]", "18446744073709551616"] {
            check(format!(r#"{{"jsonrpc": "2.0", "id": {id}, "method": "ping"}}"#).as_bytes(), -32600, Value::Null);
        }
        check(br#"{"jsonrpc": "2.0", "id": 7, "result": {}, "error": {"code": 1, "message": ""}}"#, -32600, json!(7));
        check(br#"{"jsonrpc": "2.0", "id": 7, "method": 8}"#, -32600, json!(7));
        check(br#"{"jsonrpc": "2.0", "id": 7, "method": "ping", "params": [1]}"#, -32602, json!(7));
        assert!(read(br#"{"jsonrpc": "2.0", "id": 7, "method": "ping"}"#).unwrap().is_some());
        assert!(read(br#"{"jsonrpc": "2.0", "method": "notifications/cancelled", "params": [1]}"#).unwrap().is_none());
    }
}
