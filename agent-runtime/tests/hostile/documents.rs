//! Documents as an attacker would write them, for the built-in tools that read documents, each with the way in which it ends.

use serde_json::{Value, json};

use crate::case::Case;
use crate::case::Ending::{self, Answered, Memory, Output, Refused, Time};

pub(crate) fn cases() -> impl Iterator<Item = Case> {
    xml().into_iter().chain(json_texts()).chain(queries()).chain(transformations()).chain(html())
}

fn text(tool: &'static str, name: &'static str, ending: Ending, text: String) -> Case {
    Case { name, tool, arguments: json!({ "text": text }), ending }
}

/// Opened so many times, and closed as often.
fn nested(times: usize, open: &str, close: &str) -> String {
    format!("{}{}", open.repeat(times), close.repeat(times))
}

fn numbered(count: usize, write: fn(usize) -> String) -> String {
    (0..count).map(write).collect()
}

fn xml() -> Vec<Case> {
    let case = |name, ending, document| text("xml_parse", name, ending, document);
    let laughs = numbered(12, |n| format!("<!ENTITY l{} '{}'>", n + 1, format!("&l{n};").repeat(10)));
    let (x, references) = ("x".repeat(50_000), "&a;".repeat(50_000));
    let no_type = Refused("document type (DTD)");
    vec![
        case("xml_laughs", no_type, format!("<!DOCTYPE l [<!ENTITY l0 'ha'>{laughs}]><l>&l11;</l>")),
        case("xml_quadratic", no_type, format!("<!DOCTYPE l [<!ENTITY a '{x}'>]><l>{references}</l>")),
        case("xml_of_a_file", no_type, "<!DOCTYPE l SYSTEM 'file:///dev/zero'><l/>".to_owned()),
        case("xml_of_the_net", no_type, "<!DOCTYPE l [<!ENTITY % p SYSTEM 'http://127.0.0.1:1/'>%p;]><l/>".to_owned()),
        case("xml_unknown_entity", Refused("nothing defines the entity"), format!("<l>{references}</l>")),
        case("xml_deep", Refused("nests deeper than 64 elements"), nested(100_000, "<a>", "</a>")),
        case("xml_wide", Refused("more than 100000 elements"), format!("<a>{}</a>", "<b/>".repeat(150_000))),
        case("xml_attributes", Refused("more than 256 attributes"), format!("<a{}/>", numbered(80_000, |n| format!(" a{n}=''")))),
        case("xml_long_attribute", Answered, format!("<a b='{}'/>", "x".repeat(900_000))),
        case("xml_long_name", Answered, format!("<{}/>", "n".repeat(900_000))),
        case("xml_references", Answered, format!("<a>{}</a>", "&#65;".repeat(50_000))),
        case("xml_without_end", Refused("CDATA not closed"), format!("<a><![CDATA[{}", "]]".repeat(400_000))),
        case("xml_control_character", Refused("control character"), "<a>&#27;[2J</a>".to_owned()),
    ]
}

fn json_texts() -> Vec<Case> {
    let case = |name, ending, document| text("json_parse", name, ending, document);
    let deep = (0..99).fold(json!(1), |inner, _| json!([inner]));
    let mut cases = vec![
        case("json_deep", Refused("nests deeper than 100 levels"), nested(400_000, "[", "]")),
        case("json_deep_objects", Refused("nests deeper than 100 levels"), format!("{}1", r#"{"a":"#.repeat(150_000))),
        case("json_wide", Answered, format!("[{}1]", "1,".repeat(100_000))),
        case("json_empty_objects", Memory, format!("[{}1]", r#"{"":{}},"#.repeat(250_000))),
        case("json_long_number", Refused("number out of range"), "9".repeat(900_000)),
        case("json_long_fraction", Answered, format!("0.{}1", "0".repeat(900_000))),
        case("json_exponent", Refused("number out of range"), format!("1e{}", "9".repeat(900_000))),
        case("json_long_text", Answered, format!("\"{}\"", "x".repeat(900_000))),
        case("json_escapes", Answered, format!("\"{}\"", r"\ud83d\ude00".repeat(75_000))),
        case("json_control_characters", Output, format!("\"{}\"", r"\u0000".repeat(200_000))),
        case("json_duplicates", Refused("the name `a` twice"), format!("{{{}\"b\":1}}", r#""a":1,"#.repeat(100_000))),
        case("json_of_spaces", Refused("EOF"), " ".repeat(900_000)),
    ];
    let deep = json!({ "json": vec![deep; 100] });
    cases.push(Case { name: "json_indented", tool: "json_format", arguments: deep, ending: Output });
    cases
}

fn queries() -> Vec<Case> {
    let wide = json!(vec![json!({"a": [1, 2, {"b": "aaaaaaaaaaaaaaaaaaaaaaaaaaaa"}]}); 5_000]);
    let deep = (0..90).fold(json!("x".repeat(2000)), |inner, _| json!([inner]));
    let small = json!(vec![json!({"a": "aaaaaaaaaaaaaaaaaaaaaaaaaaaa"}); 500]);
    let case = |name, ending, json: &Value, path: &str| Case {
        name,
        tool: "json_query",
        arguments: json!({ "json": json, "path": path }),
        ending,
    };
    let parentheses = format!("$[?{}@{}]", "(".repeat(400), ")".repeat(400));
    vec![
        case("path_descents", Refused("finds more than 4 MiB"), &deep, "$..*..*"),
        case("path_nested_filters", Time, &wide, "$[?$..[?$..[?$..[?$..*]]]]"),
        case("path_joins", Time, &wide, "$..[?count($..*) > count(@..*)]"),
        case("path_steps", Answered, &small, "$[::9007199254740991]"),
        case("path_backward_steps", Answered, &small, "$[9007199254740991:-9007199254740991:-9007199254740991]"),
        case("path_steps_of_zero", Answered, &small, "$[0:500:0]"),
        case("path_step_too_large", Refused("no JSONPath"), &small, "$[::9007199254740992]"),
        case("path_many_selectors", Refused("finds more than 4 MiB"), &wide, &format!("$[{}*]", "*,".repeat(60))),
        case("path_backtracking", Answered, &small, "$..[?match(@.a, '(a*)*b')]"),
        case("path_large_expression", Answered, &json!([{"a": "aaaa"}]), "$..[?search(@.a, '((a{0,100}){0,100}){0,100}')]"),
        case("path_parentheses", Refused("nests deeper than 16 brackets"), &small, &parentheses),
        case("path_too_long", Refused("more than 1024 bytes"), &small, &"$..*".repeat(300)),
    ]
}

fn transformations() -> Vec<Case> {
    let case = |name, ending, arguments| Case { name, tool: "json_transform", arguments, ending };
    let copies = |from: &str, path: fn(usize) -> String| -> Vec<Value> {
        (0..1000).map(|number| json!({"op": "copy", "from": from, "path": path(number)})).collect()
    };
    let large = json!({"a": {"x": "y".repeat(10_000)}});
    let removals = vec![json!({"op": "remove", "path": "/0"}); 1000];
    let picks: serde_json::Map<_, _> = (0..200).map(|number| (number.to_string(), json!("$..*..*"))).collect();
    let deep = (0..90).fold(json!(1), |inner, _| json!({"a": inner}));
    vec![
        case("patch_doubles", Memory, json!({"json": [["x"]], "patch": copies("", |_| "/-".to_owned())})),
        case("patch_nests", Refused("nests deeper than 100"), json!({"json": {}, "patch": copies("", |_| "/a".to_owned())})),
        case("patch_copies", Refused("more than 4 MiB"), json!({"json": large, "patch": copies("/a", |n| format!("/a/{n}"))})),
        case("patch_removes", Answered, json!({"json": vec![0; 10_000], "patch": removals})),
        case("patch_too_long", Refused("more than 1000 steps"), json!({"json": [], "patch": vec![&removals[0]; 1001]})),
        case(
            "picks_of_all",
            Refused("more than 4 MiB"),
            json!({"json": vec![json!({"a": "b".repeat(1000)}); 100], "pick": picks}),
        ),
        case("merge_deep", Answered, json!({"json": &deep, "merge": deep})),
    ]
}

fn html() -> Vec<Case> {
    let case = |name, ending, page| text("html_to_text", name, ending, page);
    let too_deep = Refused("nests deeper than 512 elements");
    vec![
        case("html_deep", too_deep, nested(50_000, "<div>", "</div>")),
        case("html_without_ends", too_deep, "<table><td>".repeat(10_000)),
        case("html_tables_in_tables", Answered, "<table><b>".repeat(500)),
        case("html_items", Answered, "<li>x".repeat(5_000)),
        case("html_misnested", too_deep, "<b><i></b>".repeat(1_000)),
        case("html_links_in_links", Answered, "<a href=x><p>y".repeat(200)),
        case("html_ends_alone", Answered, "</p>".repeat(5_000)),
        case("html_entities", Answered, "&notit;&amp;&#x41;".repeat(5_000)),
        case("html_attributes", Time, format!("<p {}>", numbered(90_000, |n| format!("a{n} ")))),
        case("html_comment", Answered, format!("<!--{}", "<!--".repeat(20_000))),
        case("html_script", Answered, format!("<script>{}", "<!--<script>".repeat(5_000))),
        case("html_textarea", Answered, format!("<textarea>{}", "</textare>".repeat(5_000))),
        case("html_style", Answered, format!("<p style='{}'>x", "display:block;".repeat(20_000))),
    ]
}
