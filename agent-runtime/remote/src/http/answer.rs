//! What a server answered, as the result of a tool: a value, or why there is none.

use serde_json::{Value, json};
use skreaver_effects::Content;
use skreaver_effects::http::Answer;
use skreaver_policy::bounds::shown;
use skreaver_tools::ToolError;

use crate::headers::Read;
use crate::shape::Shape;

/// The most characters of an answer that stand in an error.
const EXCERPT: usize = 300;
/// The most levels of a result: journals and messages wrap it, and what reads them has a limit.
const MOST_NESTED: usize = 100;

/// The result that an answer is. JSON is parsed, also where it is called something else and is an object or a list; other
/// texts are themselves; nothing is null; what is no text is `{"base64": ...}`.
pub(crate) fn value(answer: Answer, output: Option<&Shape>, sent: &Read) -> Result<Value, ToolError> {
    let Answer { url: _, status, headers, content } = answer;
    if !(200..300).contains(&status) {
        return Err(ToolError::Failed(format!("the server answered {status}{}", told(content, sent))));
    }
    let is_json = headers.get("content-type").is_some_and(|name| is_json(name));
    let value = match content {
        Content::Base64(bytes) => json!({ "base64": bytes }),
        Content::Text(text) if text.is_empty() => Value::Null,
        Content::Text(text) => parsed(sent.masked(text), is_json, output.is_some())?,
    };
    if is_deeper(&value, MOST_NESTED) {
        return Err(ToolError::Failed(format!("the answer nests deeper than {MOST_NESTED} levels")));
    }
    if let Some(output) = output {
        let unlike = |why| ToolError::Failed(format!("the answer has not the form that was declared: {why}"));
        output.check(&value).map_err(unlike)?;
    }
    Ok(value)
}

fn parsed(text: String, is_json: bool, is_declared: bool) -> Result<Value, ToolError> {
    if !is_json && !is_declared && !text.trim_start().starts_with(['{', '[']) {
        return Ok(Value::String(text));
    }
    match serde_json::from_str(&text) {
        Ok(value) => Ok(value),
        Err(error) if is_json => Err(ToolError::Failed(format!("the answer calls itself JSON and is none: {error}"))),
        Err(_) => Ok(Value::String(text)),
    }
}

/// `application/json` and all that is built on it (RFC 6839).
pub(crate) fn is_json(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    matches!(essence.as_str(), "application/json" | "text/json")
        || (essence.starts_with("application/") && essence.ends_with("+json"))
}

/// The beginning of an answer, for an error.
fn told(content: Content, sent: &Read) -> String {
    let Content::Text(text) = content else { return String::new() };
    let text = sent.masked(text);
    let mut words = text.split_whitespace().flat_map(|word| [" ", word]).skip(1);
    let mut excerpt = String::new();
    while let Some(word) = words.next().filter(|_| excerpt.chars().count() < EXCERPT) {
        excerpt.extend(word.chars().take(EXCERPT));
    }
    let cut: String = excerpt.chars().take(EXCERPT).flat_map(printable).collect();
    if cut.is_empty() { cut } else { format!(": {cut}") }
}

/// Control characters and marks that nobody sees, escaped.
fn printable(character: char) -> Vec<char> {
    let escaped = shown(character.encode_utf8(&mut [0; 4]));
    if matches!(character, '"' | '\'' | '\\') { vec![character] } else { escaped.chars().collect() }
}

fn is_deeper(value: &Value, levels: usize) -> bool {
    match value {
        Value::Array(items) => levels == 0 || items.iter().any(|item| is_deeper(item, levels - 1)),
        Value::Object(members) => levels == 0 || members.values().any(|member| is_deeper(member, levels - 1)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}
