//! Documents as an attacker would write them, for the built-in tools that read documents. Each is at most as long as a request.

use serde_json::{Value, json};

/// The longest that a request may be.
const LONGEST: usize = 1 << 20;

/// As often as it fits.
fn filled(part: &str) -> String {
    part.repeat(LONGEST / part.len())
}

/// Opened as often as both fit, and closed again.
fn nested(open: &str, close: &str) -> String {
    let times = LONGEST / (open.len() + close.len());
    format!("{}{}", open.repeat(times), close.repeat(times))
}

fn texts(tool: &'static str, texts: impl IntoIterator<Item = String>) -> Vec<(&'static str, Value)> {
    texts.into_iter().map(|text| (tool, json!({ "text": text }))).collect()
}

/// All of them: a tool, and what it is given.
pub(crate) fn hostile() -> Vec<(&'static str, Value)> {
    [json(), queries(), transformations(), xml(), html()].concat()
}

fn json() -> Vec<(&'static str, Value)> {
    let mut documents = texts(
        "json_parse",
        [
            filled("["),
            nested("[", "]"),
            filled(r#"{"a":"#),
            format!("[{}1]", filled("1,")),
            format!("[{}1]", filled("[],")),
            format!("[{}1]", filled(r#"{"":{}},"#)),
            format!("{{{}\"b\":1}}", filled(r#""a":1,"#)),
            format!("{{{}}}", (0..60_000).map(|n| format!("\"k{n}\":{n}")).collect::<Vec<_>>().join(",")),
            filled("9"),
            format!("0.{}", filled("0")),
            format!("1e{}", filled("9")),
            format!("\"{}", filled("\\u0000")),
            format!("\"{}\"", filled("\\ud83d\\ude00")),
            filled("-"),
            filled(" "),
            filled("\0"),
            filled("\u{feff}"),
        ],
    );
    let deep = (0..99).fold(json!(1), |inner, _| json!([inner]));
    documents.push(("json_format", json!({ "json": vec![deep; 2000] })));
    documents
}

fn queries() -> Vec<(&'static str, Value)> {
    let wide = json!(vec![json!({"a": [1, 2, {"b": "aaaaaaaaaaaaaaaaaaaaaaaaaaaa"}]}); 10_000]);
    let deep = (0..90).fold(json!({}), |inner, _| json!({"a": inner, "b": [1]}));
    let paths = [
        "$..*".to_owned(),
        "$..*..*..*..*..*..*".to_owned(),
        "$..[*,*,*,*]..[*,*,*,*]..[*,*,*,*]".to_owned(),
        "$[?$..[?$..[?$..[?$..*]]]]".to_owned(),
        "$..[?count($..*) > count(@..*)]".to_owned(),
        "$..[?@..a == $..b]".to_owned(),
        "$..[?match(@, '(a*)*b')]".to_owned(),
        "$..[?search(@, '((a{0,100}){0,100}){0,100}')]".to_owned(),
        format!("${}", "..*".repeat(300)),
        format!("$[{}]", ["*"; 300].join(",")),
        format!("$[?{}@{}]", "(".repeat(400), ")".repeat(400)),
        format!("$[?{}@]", "!".repeat(900)),
        format!("$[{}", "[".repeat(900)),
    ];
    let query = |json: &Value| {
        let json = json.clone();
        move |path: &String| ("json_query", json!({ "json": json, "path": path }))
    };
    paths.iter().map(query(&wide)).chain(paths.iter().map(query(&deep))).collect()
}

fn transformations() -> Vec<(&'static str, Value)> {
    let copies = |from: &str, path: fn(usize) -> String| -> Vec<Value> {
        (0..1000).map(|number| json!({"op": "copy", "from": from, "path": path(number)})).collect()
    };
    let picks: serde_json::Map<_, _> = (0..200).map(|number| (number.to_string(), json!("$..*..*"))).collect();
    let deep = (0..90).fold(json!(1), |inner, _| json!({"a": inner}));
    vec![
        (
            "json_transform",
            json!({"json": {"a": {"x": "y".repeat(1000)}}, "patch": copies("/a", |number| format!("/a/{number}"))}),
        ),
        ("json_transform", json!({"json": {"a": {}}, "patch": copies("", |_| "/a".to_owned())})),
        ("json_transform", json!({"json": [["x"]], "patch": copies("", |_| "/-".to_owned())})),
        ("json_transform", json!({"json": vec![0; 100_000], "patch": vec![json!({"op": "remove", "path": "/0"}); 1000]})),
        ("json_transform", json!({"json": vec![json!({"a": 1}); 50_000], "pick": picks})),
        ("json_transform", json!({"json": deep, "merge": deep})),
    ]
}

fn xml() -> Vec<(&'static str, Value)> {
    let laughs: String = (1..12).map(|n| format!("<!ENTITY l{n} '{}'>", format!("&l{};", n - 1).repeat(10))).collect();
    let attributes: String = (0..80_000).map(|n| format!(" a{n}=''")).collect();
    texts(
        "xml_parse",
        [
            format!("<!DOCTYPE l [<!ENTITY l0 'ha'>{laughs}]><l>&l11;</l>"),
            format!("<!DOCTYPE l [<!ENTITY a '{}'>]><l>{}</l>", "x".repeat(50_000), "&a;".repeat(50_000)),
            "<!DOCTYPE l SYSTEM 'file:///dev/zero'><l/>".to_owned(),
            "<!DOCTYPE l [<!ENTITY % p SYSTEM 'http://127.0.0.1:1/'>%p;]><l/>".to_owned(),
            nested("<a>", "</a>"),
            filled("<a>"),
            format!("<a>{}</a>", filled("<b/>")),
            format!("<a>{}</a>", filled("x<b/>")),
            format!("<a{attributes}/>"),
            format!("<a {}", filled("b='c' ")),
            format!("<a>{}", filled("&#65;")),
            format!("<a>{}", filled("&")),
            format!("<!--{}", filled("-")),
            format!("<a><![CDATA[{}", filled("]]")),
            format!("<?{}", filled("?")),
            format!("<{}/>", filled("n")),
            filled("<"),
            filled("</a>"),
        ],
    )
}

fn html() -> Vec<(&'static str, Value)> {
    let tags = [
        "<div>",
        "<b>",
        "<p><b>",
        "<a><p>",
        "<table><td>",
        "<table><b>",
        "<select><option>",
        "<svg>",
        "<math><mi>",
        "<form><button>",
    ];
    let mut pages: Vec<_> = tags.map(filled).into();
    pages.extend([
        nested("<span>", "</span>"),
        filled("<p>"),
        filled("<li>x"),
        filled("<b><i></b>"),
        filled("<a href=x>y</a>"),
        filled("</p>"),
        filled("&notit;"),
        filled("&amp"),
        filled("<!--"),
        filled("<"),
        filled("\0"),
        format!("<p style='{}'>", filled("display:none;")),
        format!("<p {}>", (0..90_000).map(|n| format!("a{n} ")).collect::<String>()),
        format!("<pre>{}", filled("\n")),
        format!("<textarea>{}", filled("</textare>")),
        format!("<script>{}", filled("<!--<script>")),
        format!("<table>{}", filled("x<tr>")),
        format!("<body {}", filled("a='b' ")),
    ]);
    texts("html_to_text", pages)
}
