//! What the tools of JSON, XML and HTML say, and what they refuse.

use serde_json::json;
use skreaver_protocol::Builtin;

use super::{check, refuses, run};
use crate::ToolError;

#[tokio::test]
async fn json_is_read_strictly() {
    check(Builtin::JsonParse, r#"{"a":1}"#, json!({"a": 1})).await;
    check(Builtin::JsonParse, r#" [null, true, -1.5e3, "\u00e9\ud83d\ude00", {}] "#, json!([null, true, -1500.0, "é😀", {}]))
        .await;
    for (text, why) in [
        ("", "no JSON"),
        ("{'a': 1}", "no JSON"),
        ("[1,]", "no JSON"),
        ("{} {}", "trailing characters"),
        ("1e999", "number out of range"),
        ("NaN", "no JSON"),
        (r#""\ud800""#, "no JSON"),
        (r#"{"a": 1, "b": {"c": 1, "c": 2}}"#, "an object has the name `c` twice"),
        (r#"{"a": 1, "\u0061": 2}"#, "an object has the name `a` twice"),
    ] {
        refuses(Builtin::JsonParse, text, why).await;
    }
}

#[tokio::test]
async fn json_nests_so_far_and_no_further() {
    let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    let inmost = (1..100).fold(json!([]), |inner, _| json!([inner]));
    check(Builtin::JsonParse, &nested(100), inmost).await;
    for levels in [101, 128, 129, 100_000] {
        refuses(Builtin::JsonParse, &nested(levels), "nests deeper than 100 levels").await;
    }
}

#[tokio::test]
async fn json_is_written_for_people_or_for_machines() {
    check(Builtin::JsonFormat, r#"{"b":1,"a":[]}"#, json!("{\n  \"b\": 1,\n  \"a\": []\n}")).await;
    let sorted = json!({"json": {"b": {"d": 1, "c": 2}, "a": 3}, "style": "compact", "sort": true});
    assert_eq!(run(Builtin::JsonFormat, sorted).await, Ok(json!(r#"{"a":3,"b":{"c":2,"d":1}}"#)));
    assert_eq!(run(Builtin::JsonFormat, json!({"json": "\"a text\""})).await, Ok(json!("\"a text\"")));
    refuses(Builtin::JsonFormat, "a text", "no JSON").await;
}

const BOOKS: &str = r#"{"books": [{"title": "Amber", "price": 8}, {"title": "Basalt", "price": 12.5}, {"title": "Chalk"}]}"#;

#[tokio::test]
async fn a_query_lists_what_its_path_names() {
    for (path, found) in [
        ("$.books[0].title", json!(["Amber"])),
        ("$.books[?@.price < 10].title", json!(["Amber"])),
        ("$..price", json!([8, 12.5])),
        ("$.books[-1:].title", json!(["Chalk"])),
        ("$.books[?match(@.title, 'B.*')].price", json!([12.5])),
        ("$.books[?length(@.title) == 5].title", json!(["Amber", "Chalk"])),
        ("$.nobody", json!([])),
    ] {
        check(Builtin::JsonQuery, &format!("{path} {BOOKS}"), found.clone()).await;
        assert_eq!(run(Builtin::JsonQuery, json!({"json": BOOKS, "path": path})).await, Ok(found), "{path}");
    }
    refuses(Builtin::JsonQuery, &format!("$.books[] {BOOKS}"), "is no JSONPath").await;
    refuses(Builtin::JsonQuery, "$.books", "no JSON").await;
}

#[tokio::test]
async fn a_query_that_finds_too_much_says_so() {
    let large = json!(vec!["x".repeat(1000); 100]);
    let path = format!("$[{}]", vec!["*"; 200].join(","));
    let found = run(Builtin::JsonQuery, json!({"json": large, "path": path})).await;
    assert_eq!(found, Err(ToolError::Failed("the path finds more than 4 MiB; ask for less".into())));
}

#[tokio::test]
async fn a_transformation_picks_merges_or_patches() {
    let pick = json!({"json": BOOKS, "pick": {"first": "$.books[0].title", "all": "$..title", "none": "$.x", "no": "$.x[*]"}});
    let picked = json!({"first": "Amber", "all": ["Amber", "Basalt", "Chalk"], "none": null, "no": []});
    assert_eq!(run(Builtin::JsonTransform, pick).await, Ok(picked));
    let merge = json!({"json": {"a": {"b": 1, "c": 2}}, "merge": {"a": {"b": null, "d": 3}}});
    assert_eq!(run(Builtin::JsonTransform, merge).await, Ok(json!({"a": {"c": 2, "d": 3}})));
    assert_eq!(run(Builtin::JsonTransform, json!({"json": {"a": 1}, "merge": null})).await, Ok(json!(null)));
    let patch = json!([
        {"op": "test", "path": "/tags/0", "value": "old"},
        {"op": "add", "path": "/tags/-", "value": "new"},
        {"op": "move", "from": "/name", "path": "/title"},
    ]);
    let patched = run(Builtin::JsonTransform, json!({"json": {"tags": ["old"], "name": "Amber"}, "patch": patch})).await;
    assert_eq!(patched, Ok(json!({"tags": ["old", "new"], "title": "Amber"})));
}

#[tokio::test]
async fn a_transformation_that_cannot_be_done_says_why() {
    let one = ToolError::InvalidArguments("give one of `pick`, `merge` and `patch`".into());
    assert_eq!(run(Builtin::JsonTransform, json!({"json": {}})).await, Err(one.clone()));
    assert_eq!(run(Builtin::JsonTransform, json!({"json": {}, "pick": {}, "merge": {}})).await, Err(one));
    for (step, why) in [
        (json!({"op": "test", "path": "/a", "value": 2}), "step 0 of the patch: value did not match"),
        (json!({"op": "remove", "path": "/b"}), "step 0 of the patch: path is invalid"),
        (json!({"op": "run", "path": "/b"}), "unknown variant `run`"),
    ] {
        let failed = run(Builtin::JsonTransform, json!({"json": {"a": 1}, "patch": [step]})).await.unwrap_err();
        assert!(failed.to_string().contains(why), "{failed}");
    }
}

#[tokio::test]
async fn a_patch_that_doubles_ends_at_its_bounds() {
    let copies = |path: &str| vec![json!({"op": "copy", "from": "", "path": path}); 150];
    let deep = run(Builtin::JsonTransform, json!({"json": {"a": {}}, "patch": copies("/a")})).await.unwrap_err();
    assert!(deep.to_string().contains("nests deeper") || deep.to_string().contains("more than 4 MiB"), "{deep}");
    let steps = (0..60).map(|number| json!({"op": "copy", "from": "/a", "path": format!("/a/{number}")})).collect::<Vec<_>>();
    let wide = run(Builtin::JsonTransform, json!({"json": {"a": {"x": "y".repeat(1000)}}, "patch": steps})).await.unwrap_err();
    assert!(wide.to_string().contains("more than 4 MiB"), "{wide}");
}

#[tokio::test]
async fn xml_keeps_what_repeats_what_is_mixed_and_what_is_in_attributes() {
    for (text, value) in [
        ("<a/>", json!({"a": ""})),
        ("<a> x </a>", json!({"a": " x "})),
        ("<a>\n <b>1</b>\n <b>2</b> <c/>\n</a>", json!({"a": {"b": ["1", "2"], "c": ""}})),
        (r#"<a id="1" x:y='&lt;&#65;'>t</a>"#, json!({"a": {"@id": "1", "@x:y": "<A", "#text": "t"}})),
        ("<p>so <b>bold</b> <i>it</i> is</p>", json!({"p": {"#mixed": ["so ", {"b": "bold"}, " ", {"i": "it"}, " is"]}})),
        ("<a>1 &lt; 2 <![CDATA[<&>]]>&#x41;</a>", json!({"a": "1 < 2 <&>A"})),
        ("\u{feff}<?xml version='1.0' encoding='latin1'?><!-- c --><n:a xmlns:n='u'/>\n", json!({"n:a": {"@xmlns:n": "u"}})),
        ("<é>ü</é>", json!({"é": "ü"})),
    ] {
        check(Builtin::XmlParse, text, value).await;
    }
    let list = run(Builtin::XmlParse, json!({"text": "<a><b>1</b></a>", "arrays": ["b"]})).await;
    assert_eq!(list, Ok(json!({"a": {"b": ["1"]}})));
}

#[tokio::test]
async fn xml_that_is_none_is_refused() {
    for (text, why) in [
        ("", "no XML element"),
        ("text", "outside of the element"),
        ("<a>", "`a` has no end"),
        ("<a></b>", "no XML that can be read"),
        ("</a>", "no XML that can be read"),
        ("<a/><b/>", "a second element"),
        ("<a/>text", "outside of the element"),
        ("<a b='1' b='2'/>", "no XML that can be read"),
        ("<a b=1/>", "no XML that can be read"),
        ("<1/>", "`1` is no name"),
        ("<a>&x;</a>", "nothing defines the entity `x`"),
        ("<a b='&x;'/>", "no XML that can be read"),
        ("<a>&#0;</a>", "no XML that can be read"),
        ("<a>&#1;</a>", "control character"),
        ("<a>\u{1b}[2J</a>", "control character"),
        ("<a><!-- -- --></a>", "no XML that can be read"),
        ("<a><![CDATA[x</a>", "no XML that can be read"),
    ] {
        refuses(Builtin::XmlParse, text, why).await;
    }
}

#[tokio::test]
async fn no_entity_is_ever_defined() {
    let laughs = r#"<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]><l>&b;</l>"#;
    let file = r#"<!DOCTYPE f [<!ENTITY x SYSTEM "file:///etc/passwd">]><f>&x;</f>"#;
    for text in [laughs, file, "<!DOCTYPE html><html/>", "<!doctype a><a/>"] {
        let refused = run(Builtin::XmlParse, json!({"text": text})).await;
        assert!(matches!(refused, Err(ToolError::InvalidArguments(_))), "{text}: {refused:?}");
    }
}

#[tokio::test]
async fn xml_is_bounded_in_depth_attributes_and_size() {
    let nested = |levels: usize| format!("{}{}", "<a>".repeat(levels), "</a>".repeat(levels));
    assert!(run(Builtin::XmlParse, json!({"text": nested(64)})).await.is_ok());
    refuses(Builtin::XmlParse, &nested(65), "nests deeper than 64 elements").await;
    refuses(Builtin::XmlParse, &"<a>".repeat(80_000), "nests deeper").await;
    let mixed = (0..64).fold("x".to_owned(), |inner, _| format!("<a>t{inner}</a>"));
    refuses(Builtin::XmlParse, &mixed, "the result nests deeper than 100 levels").await;
    let attributes: String = (0..300).map(|number| format!(" a{number}=''")).collect();
    refuses(Builtin::XmlParse, &format!("<a{attributes}/>"), "more than 256 attributes").await;
    let many = super::super::function_of("xml_parse").unwrap()(json!({"text": format!("<a>{}</a>", "<b/>".repeat(100_000))}));
    assert!(many.unwrap_err().to_string().contains("more than 100000 elements"));
}

#[tokio::test]
async fn html_is_read_as_its_reader_sees_it() {
    for (html, text) in [
        ("<p>One  <b>two</b>\nthree<p>four", "One two three\n\nfour"),
        ("<title>T</title><h1>Head</h1>body<br>line<br><br>next", "Head\n\nbody\nline\n\nnext"),
        ("<ul><li>one<li>two</ul>after", "- one\n- two\n\nafter"),
        ("<table><tr><th>a<th>b<tr><td>1<td>2</table>", "a\tb\n1\t2"),
        ("<pre>  two\n    lines </pre>", "  two\n    lines "),
        ("Tom &amp; Jerry &lt;3 &eacute; &#x1F600;", "Tom & Jerry <3 é 😀"),
        ("<a href='https://example.com/'>home</a>.", "home."),
        ("<div style='height:0; left:-9px; color:red; font-size:10px'>here</div>", "here"),
        ("x<sup>2</sup> in<span>line</span>", "x2 inline"),
        ("plain text", "plain text"),
        ("", ""),
        ("<", "<"),
        ("</p></div><b><i></b>odd", "odd"),
    ] {
        check(Builtin::HtmlToText, html, json!(text)).await;
    }
    let links = json!({"text": "<a href=' /x '>home</a>, <a name=y>not</a>", "links": true});
    assert_eq!(run(Builtin::HtmlToText, links).await, Ok(json!("home </x>, not")));
}

#[tokio::test]
async fn what_a_page_hides_is_not_read() {
    for html in [
        "<script>hidden</script>seen",
        "<style>hidden</style>seen",
        "<head><title>hidden</title></head>seen",
        "<!-- hidden -->seen",
        "<p hidden>hidden<p>seen",
        "<div hidden=until-found>hidden</div>seen",
        "<div style='color: red; DISPLAY : None'>hidden<b>hidden</b></div>seen",
        "<div style='visibility:hidden!important'>hidden</div>seen",
        "<span style='font-size:0px'>hidden</span>seen",
        "<span style='opacity: 0.0'>hidden</span>seen",
        "<span style='color:transparent'>hidden</span>seen",
        "<div style='position:absolute; left:-9999px'>hidden</div>seen",
        "<div style='height:1px; overflow:hidden'>hidden</div>seen",
        "<div style='transform: rotate(3deg) scale( 0 )'>hidden</div>seen",
        "<template>hidden</template>seen",
        "<noscript>hidden</noscript>seen",
        "<svg><text>hidden</text></svg>seen",
        "<iframe>hidden</iframe>seen",
        "<input type=hidden value=hidden><img alt=hidden>seen",
        "s\u{200b}ee\u{202e}n\u{e0068}\u{e0069}",
    ] {
        check(Builtin::HtmlToText, html, json!("seen")).await;
    }
}

#[tokio::test]
async fn a_page_that_nests_without_end_is_refused() {
    check(Builtin::HtmlToText, &format!("{}x", "<div>".repeat(400)), json!("x")).await;
    for tag in ["<div>", "<b>", "<p><b>", "<table><td>", "<svg>", "<a><p>"] {
        let html = tag.repeat((200 << 10) / tag.len());
        let started = std::time::Instant::now();
        let read = run(Builtin::HtmlToText, json!({"text": html})).await;
        assert!(started.elapsed().as_secs() < 20, "{tag}: {:?}", started.elapsed());
        assert!(read.is_err() || read == Ok(json!("")), "{tag}: {read:?}");
    }
}
