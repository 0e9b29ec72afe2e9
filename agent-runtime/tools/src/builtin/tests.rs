//! What the tools of texts, numbers and codes say, and what they refuse. Those of JSON, XML and HTML stand in files beside.

mod documents;
mod laws;

use std::time::Duration;

use serde_json::json;
use skreaver_policy::{Call, Ledger, Policy};
use skreaver_protocol::policy::PolicyBundle;
use skreaver_protocol::{AgentName, Caller, ToolName};

use super::*;
use crate::{Isolation, ToolError};

fn tool_of(tool: Builtin) -> Arc<dyn Tool> {
    builtin(tool).unwrap()
}

/// The tools that are here.
fn all() -> impl Iterator<Item = Builtin> {
    Builtin::ALL.into_iter().filter(|tool| builtin(*tool).is_some())
}

async fn run(tool: Builtin, arguments: Value) -> Result<Value, ToolError> {
    let agent = AgentName::parse("tester").unwrap();
    let name = ToolName::parse(tool.name()).unwrap();
    let (asked, caller) = (&arguments, &Caller::Anonymous);
    let call =
        Call { agent: &agent, tool: &name, arguments: asked, caller, session: None, read: None, id: "run/0", approved: None };
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
    check(Builtin::Analyze, "One öl\none two", json!({"bytes": 15, "characters": 14, "words": 4, "unique_words": 3, "lines": 2}))
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

async fn refuses(tool: Builtin, text: &str, why: &str) {
    let arguments = tool_of(tool).arguments_from_text(text);
    let refused = run(tool, arguments).await;
    assert!(refused.as_ref().is_err_and(|error| error.to_string().contains(why)), "{}:{text}: {refused:?}", tool.name());
}

#[tokio::test]
async fn sums_are_exact() {
    check(Builtin::Add, "1 2", json!(3)).await;
    check(Builtin::Add, "0.1 + 0.2", json!(0.3)).await;
    check(Builtin::Add, "-1.25, 1", json!(-0.25)).await;
    check(Builtin::Add, "9007199254740993 1", json!(9007199254740994_i64)).await;
    check(Builtin::Add, "18446744073709551615 1", json!("18446744073709551616")).await;
    check(Builtin::Add, "1e30 1e-30", json!("1000000000000000000000000000000.000000000000000000000000000001")).await;
    assert_eq!(run(Builtin::Add, json!({"a": 0.1, "b": "0.2"})).await, Ok(json!(0.3)));
    for wrong in [json!({"a": 1}), json!({"a": "x", "b": 2}), json!({"a": 1e200, "b": 1}), json!({"a": 1, "b": null})] {
        assert!(matches!(run(Builtin::Add, wrong).await, Err(ToolError::InvalidArguments(_))));
    }
    refuses(Builtin::Add, "1 2 3", "unknown field").await;
}

#[tokio::test]
async fn the_other_operations_are_exact_too() {
    check(Builtin::Subtract, "1 - 0.9", json!(0.1)).await;
    check(Builtin::Subtract, "5-3", json!(2)).await;
    check(Builtin::Subtract, "5, -3", json!(8)).await;
    check(Builtin::Subtract, "-5 - -3", json!(-2)).await;
    check(Builtin::Multiply, "0.1 * 0.1", json!(0.01)).await;
    check(Builtin::Multiply, "99999999999 99999999999", json!("9999999999800000000001")).await;
    check(Builtin::Divide, "1 / 8", json!(0.125)).await;
    check(Builtin::Divide, "6/-3", json!(-2)).await;
    check(Builtin::Divide, "0.3 0.1", json!(3)).await;
    check(Builtin::Divide, "0 7", json!(0)).await;
}

#[tokio::test]
async fn a_quotient_without_end_wants_places() {
    refuses(Builtin::Divide, "1 / 3", "say by `places`").await;
    refuses(Builtin::Divide, "1 / 0", "nothing can be divided by 0").await;
    refuses(Builtin::Divide, r#"{"a": 1, "b": 3, "places": 101}"#, "`places` is at most 100").await;
    check(Builtin::Divide, r#"{"a": 1, "b": 3, "places": 4}"#, json!(0.3333)).await;
    check(Builtin::Divide, r#"{"a": -2, "b": 3, "places": 2}"#, json!(-0.67)).await;
    for (a, rounded) in [(5, 0), (15, 2), (25, 2), (-5, 0), (-15, -2), (16, 2), (-16, -2), (14, 1)] {
        let quotient = run(Builtin::Divide, json!({"a": a, "b": 10, "places": 0})).await;
        assert_eq!(quotient, Ok(json!(rounded)), "{a}");
    }
}

#[tokio::test]
async fn digests_are_those_of_the_standard() {
    let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    check(Builtin::Hash, "abc", json!({"algorithm": "sha256", "hex": abc})).await;
    check(Builtin::Hash, r#"{"text": "YWJj", "is_base64": true}"#, json!({"algorithm": "sha256", "hex": abc})).await;
    let long = run(Builtin::Hash, json!({"text": "abc", "algorithm": "sha512"})).await.unwrap();
    assert!(long["hex"].as_str().unwrap().starts_with("ddaf35a193617abacc417349ae204131"));
    refuses(Builtin::Hash, r#"{"text": "!", "is_base64": true}"#, "no base64").await;
    refuses(Builtin::Hash, r#"{"text": "abc", "algorithm": "md5"}"#, "unknown variant `md5`").await;
}

#[tokio::test]
async fn base64_is_read_in_either_alphabet() {
    check(Builtin::Base64Encode, "h\u{e9}?>", json!("aMOpPz4=")).await;
    check(Builtin::Base64Encode, r#"{"text": "??>>", "url_safe": true}"#, json!("Pz8-Pg")).await;
    for text in ["Pz8-Pg", "Pz8+Pg==", " Pz8+\nPg== "] {
        check(Builtin::Base64Decode, text, json!("??>>")).await;
    }
    for (text, why) in [("a", "no base64"), ("Pz8-Pg+/", "no base64"), ("====", "no base64"), ("/w==", "byte 0 is no UTF-8")] {
        refuses(Builtin::Base64Decode, text, why).await;
    }
}

#[tokio::test]
async fn search_refuses_an_empty_pattern() {
    let refused = run(Builtin::Search, json!({"text": "abc", "pattern": ""})).await;
    assert!(matches!(refused, Err(ToolError::InvalidArguments(_))), "{refused:?}");
}

#[tokio::test]
async fn every_tool_refuses_arguments_of_another_shape() {
    for tool in all() {
        for arguments in [json!({"txt": "x"}), json!([[]]), json!({"text": 1}), json!(null)] {
            let refused = run(tool, arguments.clone()).await;
            assert!(matches!(refused, Err(ToolError::InvalidArguments(_))), "{} {arguments}: {refused:?}", tool.name());
        }
    }
}

#[test]
fn every_tool_tells_what_it_takes_and_what_it_gives() {
    for tool in all() {
        let (name, tool) = (tool.name(), tool_of(tool));
        let schema = tool.input_schema();
        assert_eq!(schema["type"], "object", "{name}");
        let arguments = schema["properties"].as_object().unwrap();
        assert!(arguments.values().all(|argument| argument["description"].is_string()), "{name}: {schema}");
        assert!(tool.output_schema().is_some(), "{name}");
    }
}

#[tokio::test]
async fn what_is_to_be_isolated_is_bounded_where_it_is_not() {
    let large = format!("\"{}\"", "x".repeat(256 << 10));
    refuses(Builtin::JsonParse, &large, "takes worker processes").await;
    let isolated: Vec<_> = all().filter(|tool| tool_of(*tool).isolation() != Isolation::InProcess).map(Builtin::name).collect();
    assert_eq!(isolated, ["json_parse", "json_format", "json_query", "json_transform", "xml_parse", "html_to_text"]);
}
