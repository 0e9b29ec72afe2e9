//! What a tool of a server gave, as the result of a call. Pure.

use rmcp::model::{CallToolResult, ContentBlock};
use serde_json::{Map, Value};
use skreaver_detect::Content;
use skreaver_tools::ToolError;

use crate::text::seen;

/// The most bytes of a result, as JSON, where the policies have no lower number.
pub(super) const MOST_BYTES: usize = 4 << 20;

/// The structured content where there is some; else a text, or a list of all that there is.
pub(super) fn result(given: CallToolResult, promises_structure: bool, most: usize) -> Result<Value, ToolError> {
    let CallToolResult { content, structured_content, is_error, .. } = given;
    if is_error == Some(true) {
        return Err(ToolError::Failed(why(&content)));
    }
    let value = match structured_content {
        Some(value) => value,
        None if promises_structure => structured(content)?,
        None => together(content),
    };
    let size = value.to_string().len();
    if size > most {
        return Err(ToolError::Failed(format!("the result has {size} bytes, and {most} are the most: ask for less of it")));
    }
    Ok(value)
}

fn why(content: &[ContentBlock]) -> String {
    let texts = content.iter().filter_map(|block| match block {
        ContentBlock::Text(text) => Some(text.text.as_str()),
        _ => None,
    });
    match texts.collect::<Vec<_>>().join("\n") {
        why if why.trim().is_empty() => "the tool failed and did not say why".to_owned(),
        why => seen(&Content::new(), &why),
    }
}

/// Older servers promise a structure and give it as a text.
fn structured(content: Vec<ContentBlock>) -> Result<Value, ToolError> {
    let parsed = match content.as_slice() {
        [ContentBlock::Text(text)] => serde_json::from_str(&text.text).ok().filter(Value::is_object),
        _ => None,
    };
    parsed.ok_or_else(|| ToolError::Failed("the tool promises a structured result and gave none".to_owned()))
}

fn together(content: Vec<ContentBlock>) -> Value {
    let mut items: Vec<_> = content.into_iter().map(item).collect();
    match items.len() {
        0 => Value::Null,
        1 => items.remove(0),
        _ => Value::Array(items),
    }
}

/// A text is a text; images, sounds and resources are objects with their `type`, without what is for hosts alone.
fn item(block: ContentBlock) -> Value {
    match block {
        ContentBlock::Text(text) => Value::String(text.text),
        other => match serde_json::to_value(other) {
            Ok(Value::Object(fields)) => {
                Value::Object(fields.into_iter().filter(|(key, _)| key != "_meta" && key != "annotations").collect::<Map<_, _>>())
            }
            Ok(value) => value,
            Err(_) => Value::Null,
        },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(given: Value, promises: bool, expected: Result<Value, &str>) {
        let told = given.to_string();
        let result = result(serde_json::from_value(given).unwrap(), promises, 200);
        assert_eq!(result, expected.map_err(|why| ToolError::Failed(why.to_owned())), "{told}");
    }

    #[test]
    fn a_result_is_its_structure_or_its_text_or_all_of_it() {
        let text = |text: &str| json!({"type": "text", "text": text});
        let image = json!({"type": "image", "data": "QUJD", "mimeType": "image/png", "annotations": {"priority": 1.0}});
        let shown = json!({"type": "image", "data": "QUJD", "mimeType": "image/png"});
        check(json!({"content": [text("3")], "structuredContent": {"sum": 3}}), true, Ok(json!({"sum": 3})));
        check(json!({"content": [text("3")]}), false, Ok(json!("3")));
        check(json!({"content": []}), false, Ok(json!(null)));
        check(json!({"content": [text("a"), text("b")]}), false, Ok(json!(["a", "b"])));
        check(json!({"content": [text("a"), image.clone()]}), false, Ok(json!(["a", shown.clone()])));
        check(json!({"content": [image]}), false, Ok(shown));
        check(json!({"content": [text("{\"sum\":3}")]}), true, Ok(json!({"sum": 3})));
        check(json!({"content": [text("3")]}), true, Err("the tool promises a structured result and gave none"));
    }

    #[test]
    fn failures_say_why_and_large_results_are_failures() {
        let failed = |content: Value| json!({"content": content, "isError": true, "structuredContent": {"a": 1}});
        check(failed(json!([{"type": "text", "text": "no \u{1b}[31msuch account"}])), false, Err("no such account"));
        check(failed(json!([])), true, Err("the tool failed and did not say why"));
        let why = "the result has 302 bytes, and 200 are the most: ask for less of it";
        check(json!({"content": [{"type": "text", "text": "x".repeat(300)}]}), false, Err(why));
    }
}
