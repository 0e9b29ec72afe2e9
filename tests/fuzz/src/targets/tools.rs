//! The built-in tools on what strangers wrote: an answer of the form that they promise, or a sentence why not.

use std::cell::LazyCell;

use futures::executor::block_on;
use serde_json::{Value, json};
use skreaver_policy::{Call, Ledger, Permit, Policy};
use skreaver_protocol::policy::PolicyBundle;
use skreaver_protocol::{AgentName, Builtin, Caller, ToolName};
use skreaver_tools::{ToolError, builtin};

use super::first_line;
use crate::Came;

thread_local! {
    static POLICY: LazyCell<(Policy, Ledger)> =
        LazyCell::new(|| (Policy::compile(&PolicyBundle::default()).expect("nothing is no problem"), Ledger::default()));
}

/// A permit for a call under no policy.
pub(super) fn permit(tool: &str, arguments: &Value) -> Permit {
    let (agent, tool) = (AgentName::parse("amber").expect("it is a name"), ToolName::parse(tool).expect("it is a name"));
    let call = Call {
        agent: &agent,
        tool: &tool,
        arguments,
        caller: &Caller::Anonymous,
        session: None,
        read: None,
        id: "call",
        approved: None,
    };
    POLICY
        .with(|policy| policy.0.authorize(&call).settle(&policy.1, std::time::Duration::ZERO).verdict)
        .expect("there is no policy")
}

/// Runs a tool, and again.
fn run(tool: Builtin, arguments: &Value) -> Result<Value, ToolError> {
    let found = builtin(tool).expect("it needs nothing");
    let once = block_on(found.run(permit(tool.name(), arguments), arguments.clone()));
    if let Ok(answer) = &once {
        let text = answer.to_string();
        assert!(serde_json::from_str::<Value>(&text).is_ok(), "nobody can read the answer again");
    }
    once
}

fn told(ran: &Result<Value, ToolError>) -> Came {
    match ran {
        Ok(answer) => Came::to(&(answer.is_object(), answer.to_string().len().checked_ilog2())),
        Err(error) => Came::told(&error.to_string()),
    }
}

/// What is parsed and written out is parsed as the same.
pub(super) fn json_tools(bytes: &[u8]) -> Came {
    let Ok(text) = std::str::from_utf8(bytes) else { return Came::NOTHING };
    let parsed = run(Builtin::JsonParse, &json!({ "text": text }));
    assert_eq!(parsed, run(Builtin::JsonParse, &json!({ "text": text })));
    let Ok(value) = serde_json::from_str::<Value>(text) else { return told(&parsed) };
    let formatted = run(Builtin::JsonFormat, &json!({ "json": value }));
    let transformed = run(Builtin::JsonTransform, &value);
    Came::to(&(told(&parsed), told(&formatted), told(&transformed)))
}

/// A path in the first line and a document below it.
pub(super) fn json_path(bytes: &[u8]) -> Came {
    let (path, document) = first_line(bytes);
    let (Ok(path), Ok(document)) = (std::str::from_utf8(path), serde_json::from_slice::<Value>(document)) else {
        return Came::NOTHING;
    };
    let arguments = json!({ "json": document, "path": path });
    let found = run(Builtin::JsonQuery, &arguments);
    assert_eq!(found, run(Builtin::JsonQuery, &arguments));
    told(&found)
}

pub(super) fn xml(bytes: &[u8]) -> Came {
    let Ok(text) = std::str::from_utf8(bytes) else { return Came::NOTHING };
    let parsed = run(Builtin::XmlParse, &json!({ "text": text }));
    assert_eq!(parsed, run(Builtin::XmlParse, &json!({ "text": text })));
    told(&parsed)
}

/// The text of a page is no page: nothing of it is a tag that was one.
pub(super) fn html(bytes: &[u8]) -> Came {
    let Ok(text) = std::str::from_utf8(bytes) else { return Came::NOTHING };
    let arguments = json!({ "text": text });
    let read = run(Builtin::HtmlToText, &arguments);
    assert_eq!(read, run(Builtin::HtmlToText, &arguments));
    told(&read)
}

/// Sums are exact: what was added can be taken away.
pub(super) fn numbers(bytes: &[u8]) -> Came {
    let Ok(Value::Object(fields)) = serde_json::from_slice::<Value>(bytes) else { return Came::NOTHING };
    let (a, b) = (fields.get("a").cloned().unwrap_or_default(), fields.get("b").cloned().unwrap_or_default());
    let two = |a: &Value, b: &Value| json!({ "a": a, "b": b });
    let sum = run(Builtin::Add, &two(&a, &b));
    // What is refused is refused by its first reason.
    assert_eq!(sum.as_ref().ok(), run(Builtin::Add, &two(&b, &a)).as_ref().ok(), "{a} + {b}");
    assert_eq!(run(Builtin::Multiply, &two(&a, &b)).ok(), run(Builtin::Multiply, &two(&b, &a)).ok(), "{a} * {b}");
    let difference = run(Builtin::Subtract, &two(&a, &b));
    let quotient = run(Builtin::Divide, &two(&a, &b));
    Came::to(&(told(&sum), told(&difference), told(&quotient)))
}

/// The name of a tool in the first line and a text below it, as a rule agent calls it.
pub(super) fn tool_texts(bytes: &[u8]) -> Came {
    let (name, text) = first_line(bytes);
    let (Ok(name), Ok(text)) = (std::str::from_utf8(name), std::str::from_utf8(text)) else { return Came::NOTHING };
    let Some((tool, found)) = Builtin::from_name(name).and_then(|tool| Some((tool, builtin(tool)?))) else {
        return Came::NOTHING;
    };
    let arguments = found.arguments_from_text(text);
    assert!(arguments.is_object(), "arguments are an object: {arguments}");
    let ran = run(tool, &arguments);
    // Characters of several parts may join with others when they are turned round.
    if let (Builtin::Reverse, true, Ok(Value::String(turned))) = (tool, text.is_ascii() && !text.contains('\r'), &ran) {
        let again = run(tool, &found.arguments_from_text(turned));
        assert_eq!(again.ok(), Some(Value::from(text)), "turned twice it is what it was");
    }
    Came::to(&(name, told(&ran)))
}
