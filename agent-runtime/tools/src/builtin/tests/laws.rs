//! What holds for whatever is given.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::super::function_of;
use crate::ToolError;
use crate::nesting::{MOST_NESTED, is_deeper};

fn call(tool: &str, arguments: Value) -> Result<Value, ToolError> {
    function_of(tool).unwrap()(arguments)
}

/// About 1 % of what a soak takes.
fn cases() -> ProptestConfig {
    let is_soak = std::env::var_os("SKREAVER_SOAK").is_some();
    ProptestConfig { cases: if is_soak { 20_000 } else { 200 }, failure_persistence: None, ..ProptestConfig::default() }
}

/// Any JSON value; numbers are those that JSON can say.
fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_filter("JSON has no such number", |number| number.is_finite()).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(any::<String>(), inner, 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// A decimal number as a text.
fn numbers() -> impl Strategy<Value = String> {
    "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,20})?"
}

/// A decimal number that is not 0.
fn divisors() -> impl Strategy<Value = String> {
    numbers().prop_filter("nothing can be divided by 0", |number| number.contains(|c| matches!(c, '1'..='9')))
}

/// A document without nulls in objects, which in a merge patch would remove.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let kept = members.into_iter().filter(|(_, member)| !member.is_null());
            kept.map(|(name, member)| (name, without_nulls(member))).collect::<Map<_, _>>().into()
        }
        other => other,
    }
}

/// The number that a result says, without zeros that say nothing.
fn plain(number: &Value) -> String {
    let sum = call("add", json!({"a": number, "b": 0})).unwrap();
    sum.as_str().map_or_else(|| sum.to_string(), str::to_owned)
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn what_is_written_is_read_again(value in values(), style in prop_oneof![Just("pretty"), Just("compact")], sort: bool) {
        let arguments = json!({"json": [value.clone()], "style": style, "sort": sort});
        let text = call("json_format", arguments).unwrap();
        prop_assert_eq!(call("json_parse", json!({"text": text})), Ok(json!([value])));
    }

    #[test]
    fn the_path_of_everything_finds_everything(value in values()) {
        prop_assert_eq!(call("json_query", json!({"json": [value.clone()], "path": "$[0]"})), Ok(json!([value])));
    }

    #[test]
    fn a_merge_of_a_document_with_itself_changes_nothing(value in values()) {
        let json = without_nulls(json!({ "a": value }));
        let merged = call("json_transform", json!({ "json": json.clone(), "merge": json.clone() }));
        prop_assert_eq!(merged, Ok(json));
    }

    #[test]
    fn subtracting_undoes_adding(a in numbers(), b in numbers()) {
        let sum = call("add", json!({"a": a, "b": b})).unwrap();
        let back = call("subtract", json!({"a": sum, "b": b})).unwrap();
        prop_assert_eq!(plain(&back), plain(&json!(a)));
    }

    #[test]
    fn dividing_undoes_multiplying(a in numbers(), b in divisors()) {
        let product = call("multiply", json!({"a": a, "b": b})).unwrap();
        let back = call("divide", json!({"a": product, "b": b})).unwrap();
        prop_assert_eq!(plain(&back), plain(&json!(a)));
    }

    #[test]
    fn a_rounded_quotient_is_at_most_half_a_unit_off(a in numbers(), b in divisors(), places in 0_u32..20) {
        let quotient = call("divide", json!({"a": a, "b": b, "places": places})).unwrap();
        let error = call("subtract", json!({"a": call("multiply", json!({"a": quotient, "b": b})).unwrap(), "b": a})).unwrap();
        // |error| * 2 * 10^places <= |b|, all of it exact.
        let scaled = call("multiply", json!({"a": error, "b": format!("2e{places}")})).unwrap();
        let (scaled, b) = (plain(&scaled).replace('-', ""), plain(&json!(b)).replace('-', ""));
        let rest = call("subtract", json!({"a": b, "b": scaled})).unwrap();
        prop_assert!(!plain(&rest).starts_with('-'), "{} of {}", scaled, b);
    }

    #[test]
    fn base64_comes_back(text: String, url_safe: bool) {
        let encoded = call("base64_encode", json!({"text": text, "url_safe": url_safe})).unwrap();
        prop_assert_eq!(call("base64_decode", json!({"text": encoded})), Ok(json!(text)));
    }

    #[test]
    fn a_text_stands_in_xml_as_it_is(text in "[^\\x00-\\x1f]*", name in "[a-z][a-z0-9.-]{0,8}") {
        let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        let xml = format!("<{name}>{escaped}</{name}>");
        // XML reads these two as the end of a line.
        prop_assume!(!text.contains(['\u{85}', '\u{2028}']));
        prop_assert_eq!(call("xml_parse", json!({"text": xml})), Ok(json!({name: text})));
    }

    #[test]
    fn a_text_stands_in_html_as_it_is(words in prop::collection::vec("[!-~]{1,8}", 0..8)) {
        let text = words.join(" ");
        let escaped = text.replace('&', "&amp;").replace('<', "&lt;");
        prop_assert_eq!(call("html_to_text", json!({"text": escaped})), Ok(json!(text)));
    }

    #[test]
    fn garbage_breaks_nothing(text in ".*", tool in prop::sample::select(vec!["json_parse", "json_format", "xml_parse", "html_to_text", "base64_decode"])) {
        let argument = if tool == "json_format" { "json" } else { "text" };
        if let Ok(value) = call(tool, json!({argument: text})) {
            prop_assert!(!is_deeper(&value, MOST_NESTED));
        }
    }

    #[test]
    fn what_looks_like_markup_breaks_nothing(parts in prop::collection::vec(prop::sample::select(vec![
        "<a>", "</a>", "<b c='", "'>", "<!--", "-->", "<![CDATA[", "]]>", "&", "&#", ";", "<table>", "<td>", "<p>", "</p>", "<select>",
        "<template>", "</template>", "<svg>", "<math>", "<script>", "</script>", "<li>", "<form>", "<frameset>", "<?", "?>", "x", "\0", "<!DOCTYPE a",
    ]), 0..60)) {
        let text = parts.concat();
        let _ = call("xml_parse", json!({"text": text.clone()}));
        let read = call("html_to_text", json!({"text": text}));
        prop_assert!(read.is_ok());
    }

    #[test]
    fn no_path_breaks_anything(path in "\\$[\\[\\]\\.\\*\\?\\(\\)@'\"a-c0-9,: <=!&|-]{0,40}", value in values()) {
        let _ = call("json_query", json!({"json": [value], "path": path}));
    }
}
