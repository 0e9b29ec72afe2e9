//! The tools of the image. All are bounded by construction: their work grows with the input alone, and
//! the input is bounded by the size of a request.

mod add;
mod analyze;
mod lowercase;
mod note;
mod reverse;
mod search;
mod split;
mod uppercase;

use std::sync::Arc;

use serde_json::Value;
use skreaver_protocol::Builtin;

use super::Tool;
use crate::agent::Slot;

/// The tool behind a built-in name, for an agent with this memory.
///
/// # Panics
/// For a tool that needs memory, without any: the builder refuses such an agent before.
pub(crate) fn builtin(builtin: Builtin, memory: Option<&Arc<Slot>>) -> Arc<dyn Tool> {
    let memory = || Arc::clone(memory.expect("an agent with this tool has memory"));
    match builtin {
        Builtin::Uppercase => Arc::new(uppercase::tool()),
        Builtin::Lowercase => Arc::new(lowercase::tool()),
        Builtin::Reverse => Arc::new(reverse::tool()),
        Builtin::Split => Arc::new(split::tool()),
        Builtin::Analyze => Arc::new(analyze::tool()),
        Builtin::Search => Arc::new(search::tool()),
        Builtin::Add => Arc::new(add::tool()),
        Builtin::Remember => Arc::new(note::Remember(memory())),
        Builtin::Recall => Arc::new(note::Recall(memory())),
    }
}

/// A text that is a JSON object with a `text`, as its arguments: the way to reach a tool's options from a bare text.
fn object_with_text(text: &str) -> Option<Value> {
    if !text.trim_start().starts_with('{') {
        return None;
    }
    serde_json::from_str(text).ok().filter(|value: &Value| value.get("text").is_some_and(Value::is_string))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use serde_json::json;
    use skreaver_policy::{Call, Ledger, Policy};
    use skreaver_protocol::policy::PolicyBundle;
    use skreaver_protocol::{AgentName, Caller, ToolName};

    use crate::tools::ToolError;

    fn tool_of(tool: Builtin) -> Arc<dyn Tool> {
        builtin(tool, None)
    }

    /// The tools that are a function of a text.
    fn of_texts() -> impl Iterator<Item = Builtin> {
        Builtin::ALL.into_iter().filter(|tool| !tool.needs_memory() && *tool != Builtin::Add)
    }

    async fn run(tool: Builtin, arguments: Value) -> Result<Value, ToolError> {
        let agent = AgentName::parse("tester").unwrap();
        let name = ToolName::parse(tool.name()).unwrap();
        let (arguments_of, caller) = (&arguments, &Caller::Anonymous);
        let call = Call { agent: &agent, tool: &name, arguments: arguments_of, caller, session: None, read: None, id: "run/0" };
        let decision = Policy::compile(&PolicyBundle::default()).unwrap().authorize(&call);
        let permit = decision.settle(&Ledger::default(), Duration::ZERO).verdict.unwrap();
        tool_of(tool).run(permit, arguments.clone()).await
    }

    async fn check(tool: Builtin, text: &str, expected: Value) {
        let arguments = tool_of(tool).arguments_from_text(text);
        assert_eq!(run(tool, arguments).await, Ok(expected), "{}:{text}", tool.name());
    }

    #[tokio::test]
    async fn case_follows_unicode() {
        check(Builtin::Uppercase, "hello world", json!("HELLO WORLD")).await;
        check(Builtin::Uppercase, "straße", json!("STRASSE")).await;
        check(Builtin::Lowercase, "ÅNGSTRÖM", json!("ångström")).await;
    }

    #[tokio::test]
    async fn reverse_keeps_what_a_reader_sees_as_one_character() {
        check(Builtin::Reverse, "abc", json!("cba")).await;
        check(Builtin::Reverse, "e\u{301}a", json!("ae\u{301}")).await;
        check(Builtin::Reverse, "", json!("")).await;
    }

    #[tokio::test]
    async fn split_takes_commas_and_white_space_unless_told_otherwise() {
        check(Builtin::Split, "a, b c\nd", json!(["a", "b", "c", "d"])).await;
        check(Builtin::Split, "", json!([])).await;
        check(Builtin::Split, r#"{"text": "a--b--c", "delimiter": "--", "limit": 2}"#, json!(["a", "b--c"])).await;
        check(Builtin::Split, r#"{"text": "a,,b", "delimiter": ","}"#, json!(["a", "", "b"])).await;
    }

    #[tokio::test]
    async fn split_refuses_an_empty_delimiter() {
        let refused = run(Builtin::Split, json!({"text": "abc", "delimiter": ""})).await;
        assert!(matches!(refused, Err(ToolError::InvalidArguments(_))), "{refused:?}");
    }

    #[tokio::test]
    async fn analyze_counts() {
        check(
            Builtin::Analyze,
            "One öl\none two",
            json!({"bytes": 15, "characters": 14, "words": 4, "unique_words": 3, "lines": 2}),
        )
        .await;
        check(Builtin::Analyze, "", json!({"bytes": 0, "characters": 0, "words": 0, "lines": 0, "unique_words": 0})).await;
    }

    #[tokio::test]
    async fn search_takes_the_pattern_first() {
        check(
            Builtin::Search,
            "fox the quick fox and\na fox",
            json!({"pattern": "fox", "count": 2, "matches": [{"line": 1, "column": 11}, {"line": 2, "column": 3}]}),
        )
        .await;
        check(
            Builtin::Search,
            r#"{"text": "Öl and öl", "pattern": "ÖL", "ignore_case": true}"#,
            json!({"pattern": "ÖL", "count": 2, "matches": [{"line": 1, "column": 1}, {"line": 1, "column": 8}]}),
        )
        .await;
        check(Builtin::Search, "fox", json!({"pattern": "fox", "count": 0, "matches": []})).await;
    }

    #[tokio::test]
    async fn sums_are_exact() {
        check(Builtin::Add, "1 2", json!(3)).await;
        check(Builtin::Add, "0.1 + 0.2", json!(0.3)).await;
        check(Builtin::Add, "-1.25, 1", json!(-0.25)).await;
        check(Builtin::Add, "9007199254740993 1", json!(9007199254740994_i64)).await;
        check(Builtin::Add, "18446744073709551615 1", json!("18446744073709551616")).await;
        for wrong in [json!({"a": 1}), json!({"a": "1", "b": 2}), json!({"a": 1e40, "b": 1})] {
            assert!(matches!(run(Builtin::Add, wrong).await, Err(ToolError::InvalidArguments(_))));
        }
        let three = tool_of(Builtin::Add).arguments_from_text("1 2 3");
        assert!(matches!(run(Builtin::Add, three).await, Err(ToolError::InvalidArguments(_))));
    }

    #[tokio::test]
    async fn search_refuses_an_empty_pattern() {
        let refused = run(Builtin::Search, json!({"text": "abc", "pattern": ""})).await;
        assert!(matches!(refused, Err(ToolError::InvalidArguments(_))), "{refused:?}");
    }

    #[tokio::test]
    async fn every_tool_refuses_arguments_of_another_shape() {
        for tool in of_texts() {
            for arguments in [json!({"txt": "x"}), json!([]), json!({"text": 1}), json!(null)] {
                let refused = run(tool, arguments.clone()).await;
                assert!(matches!(refused, Err(ToolError::InvalidArguments(_))), "{} {arguments}: {refused:?}", tool.name());
            }
        }
    }

    #[test]
    fn every_schema_is_an_object_that_a_client_can_fill_in() {
        for tool in of_texts() {
            let schema = tool_of(tool).input_schema();
            assert_eq!(schema["type"], "object", "{}", tool.name());
            assert!(schema["properties"]["text"]["description"].is_string(), "{}: {schema}", tool.name());
        }
    }
}
