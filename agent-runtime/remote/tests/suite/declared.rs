//! One declared HTTP request as a tool.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use skreaver_protocol::config::HttpToolConfig;
use skreaver_remote::http::{compile, places};
use skreaver_tools::{Tool, ToolError};

use crate::support::{Vault, answer, echo, json_answer, permit, permit_under, serve, world};

fn config(value: Value) -> HttpToolConfig {
    serde_json::from_value(value).unwrap()
}

async fn call(server: SocketAddr, declared: Value, arguments: Value) -> Result<Value, ToolError> {
    let tool = compile(&config(declared), &world(server, &Vault::default())).unwrap();
    tool.run(permit(), arguments).await
}

fn failed(result: Result<Value, ToolError>) -> String {
    match result {
        Err(ToolError::Failed(why)) => why,
        other => panic!("{other:?}"),
    }
}

fn invalid(result: Result<Value, ToolError>) -> String {
    match result {
        Err(ToolError::InvalidArguments(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn arguments_go_into_url_query_and_body() {
    let server = echo().await;
    let schema = json!({"properties": {"id": {"type": "integer"}, "tags": {"type": "array"}, "note": {"type": ["string", "null"]}},
        "required": ["id"]});
    let of = |method: &str| {
        json!({"method": method, "url": "http://a.example/items/{id}", "inputSchema": schema,
            "headers": [{"name": "X-Key", "value": "Tom & Jerry"}]})
    };
    let arguments = json!({"id": 7, "tags": ["a b", "c"], "note": null});
    let told = call(server, of("GET"), arguments.clone()).await.unwrap();
    assert_eq!(told["line"], "GET /items/7?tags=a%20b&tags=c");
    assert_eq!((&told["host"], &told["key"], &told["body"]), (&json!("a.example"), &json!("Tom & Jerry"), &json!(null)));
    let told = call(server, of("PUT"), arguments.clone()).await.unwrap();
    assert_eq!((&told["line"], &told["body"]), (&json!("PUT /items/7"), &json!({"tags": ["a b", "c"], "note": null})));
    assert_eq!(told["type"], "application/json");
    let told = call(server, of("POST"), json!({"id": 7})).await.unwrap();
    assert_eq!((&told["line"], &told["type"]), (&json!("POST /items/7"), &json!(null)));
    let told = call(server, of("DELETE"), json!({"id": 7})).await.unwrap();
    assert_eq!(told["line"], "DELETE /items/7");
    let told = call(server, of("PATCH"), json!({"id": 7, "tags": []})).await.unwrap();
    assert_eq!(told["body"], json!({"tags": []}));
}

#[tokio::test]
async fn arguments_that_do_not_fit_never_leave() {
    let reached = Arc::new(AtomicUsize::new(0));
    let counted = reached.clone();
    let server = serve(move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
        json_answer(200, &json!({}))
    })
    .await;
    let plain = json!({"url": "http://a.example/users/{id}?q={q}"});
    let why = invalid(call(server, plain.clone(), json!({"id": "x"})).await);
    assert!(why.contains("q"), "{why}");
    let why = invalid(call(server, plain.clone(), json!({"id": "x", "q": "y", "extra": 1})).await);
    assert!(why.contains("extra"), "{why}");
    let why = invalid(call(server, plain.clone(), json!({"id": 7, "q": "y"})).await);
    assert!(why.starts_with("`/id`"), "{why}");
    for hostile in ["../admin", "%2e%2e", "a\r\nHost: b", ""] {
        let why = invalid(call(server, plain.clone(), json!({"id": hostile, "q": "y"})).await);
        assert!(why.starts_with("`/id`") && !why.contains('\n'), "{why}");
    }
    invalid(call(server, plain, json!([1])).await);
    let object = json!({"url": "http://a.example/", "inputSchema": {"properties": {"filter": {"type": "object"}}}});
    let why = invalid(call(server, object, json!({"filter": {"a": 1}})).await);
    assert!(why.starts_with("`/filter`"), "{why}");
    assert_eq!(reached.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn the_smallest_tool_of_the_cluster_reaches_only_what_its_spec_names() {
    let server = serve(|_| json_answer(200, &json!({"EUR": 1.1}))).await;
    let declared = config(json!({"method": "GET", "url": "http://rates.default.svc/today", "timeout": "2s"}));
    let tool = compile(&declared, &world(server, &Vault::default())).unwrap();
    assert_eq!(tool.description(), "GET http://rates.default.svc/today");
    assert!(tool.is_idempotent());
    let refused = tool.run(permit(), json!({})).await.unwrap_err();
    assert!(matches!(refused, ToolError::Refused { .. }), "{refused}");
    let told = tool.run(permit_under(json!([]), places(&declared)), json!({})).await.unwrap();
    assert_eq!(told, json!({"EUR": 1.1}));
}

#[tokio::test]
async fn a_redirect_is_judged_and_takes_no_secret_along() {
    let server = serve(|seen| match (seen.line(), seen.header("host")) {
        ("GET /here", _) => Some(answer(302, &[("location", "/there")], b"")),
        ("GET /there", _) => json_answer(200, &json!({"key": seen.header("x-key")})),
        ("GET /away", Some("a.example")) => Some(answer(302, &[("location", "http://b.example/away")], b"")),
        ("GET /away", _) => json_answer(200, &json!({"head": seen.head})),
        _ => Some(answer(302, &[("location", "http://169.254.169.254/latest/meta-data")], b"")),
    })
    .await;
    let vault = Vault::default();
    vault.put("basalt-17");
    let of = |url: &str| {
        let headers = json!([{"name": "X-Key", "secret": "file:/run/key"}, {"name": "Accept", "value": "text/html"}]);
        compile(&config(json!({"url": url, "headers": headers})), &world(server, &vault)).unwrap()
    };
    let told = of("http://a.example/here").run(permit(), json!({})).await.unwrap();
    assert_eq!(told, json!({"key": "[secret]"}));
    let told = of("http://a.example/away").run(permit(), json!({})).await.unwrap().to_string();
    assert!(told.contains("b.example") && told.contains("text/html") && !told.to_lowercase().contains("x-key"), "{told}");
    let refused = of("http://a.example/metadata").run(permit(), json!({})).await.unwrap_err();
    assert!(matches!(refused, ToolError::Refused { .. }), "{refused}");
}

#[tokio::test]
async fn a_secret_that_changed_is_read_again_and_one_that_is_missing_is_told() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let kept = seen.clone();
    let server = serve(move |request| {
        kept.lock().unwrap().push(request.header("authorization").map(str::to_owned));
        Some(answer(401, &[], format!("no {}", request.header("authorization").unwrap()).as_bytes()))
    })
    .await;
    let vault = Vault::default();
    let headers = json!([{"name": "Authorization", "secret": "file:/run/key"}]);
    let tool = compile(&config(json!({"url": "http://a.example/", "headers": headers})), &world(server, &vault)).unwrap();
    let why = failed(tool.run(permit(), json!({})).await);
    assert!(why.contains("file:/run/key"), "{why}");
    for secret in ["Bearer first-1", "Bearer second-2"] {
        vault.put(secret);
        let why = failed(tool.run(permit(), json!({})).await);
        assert_eq!(why, "the server answered 401: no [secret]");
    }
    vault.put("Bearer x\r\nHost: b");
    let why = failed(tool.run(permit(), json!({})).await);
    assert!(!why.contains("Bearer"), "{why}");
    assert_eq!(*seen.lock().unwrap(), [Some("Bearer first-1".to_owned()), Some("Bearer second-2".to_owned())]);
}

#[tokio::test]
async fn a_slow_server_is_left_at_the_smaller_of_both_times() {
    let server = serve(|_| None).await;
    let tool = |timeout: &str| {
        let declared = config(json!({"url": "http://a.example/", "timeout": timeout}));
        compile(&declared, &world(server, &Vault::default())).unwrap()
    };
    let why = failed(tool("60ms").run(permit(), json!({})).await);
    assert!(why.contains("60 ms"), "{why}");
    let policy = json!([{"name": "granite", "mode": "Enforce", "defaultAction": "Allow", "resources": {"timeout": "70ms"}}]);
    let why = failed(tool("30s").run(permit_under(policy, Vec::new()), json!({})).await);
    assert!(why.contains("70 ms"), "{why}");
}

#[tokio::test]
async fn answers_are_values_texts_or_told_failures() {
    let server = serve(|seen| {
        let answered = |headers: &[(&str, &str)], body: &[u8]| Some(answer(200, headers, body));
        match seen.line() {
            "GET /plain" => answered(&[("content-type", "text/plain")], b"basalt {"),
            "GET /number" => answered(&[("content-type", "text/plain")], b"17"),
            "GET /untold" => answered(&[], b" {\"a\": 1}"),
            "GET /problem" => answered(&[("content-type", "application/vnd.x+json; charset=utf-8")], b"[1]"),
            "GET /broken" => answered(&[("content-type", "application/json")], b"{\"a\":"),
            "GET /empty" => Some(answer(204, &[], b"")),
            "GET /binary" => answered(&[], b"\xff\xfe"),
            "GET /deep" => answered(&[], format!("{}{}", "[".repeat(110), "]".repeat(110)).as_bytes()),
            "GET /huge" => answered(&[], &vec![b'x'; 9 << 20]),
            "GET /error" => Some(answer(503, &[], format!("\x1b[31mred\n\u{202e}{}", "y ".repeat(4000)).as_bytes())),
            _ => None,
        }
    })
    .await;
    let get = |path: &str| call(server, json!({"url": format!("http://a.example/{path}")}), json!({}));
    assert_eq!(get("plain").await.unwrap(), json!("basalt {"));
    assert_eq!(get("number").await.unwrap(), json!("17"));
    assert_eq!(get("untold").await.unwrap(), json!({"a": 1}));
    assert_eq!(get("problem").await.unwrap(), json!([1]));
    assert_eq!(get("empty").await.unwrap(), json!(null));
    assert_eq!(get("binary").await.unwrap(), json!({"base64": "//4="}));
    assert!(failed(get("broken").await).contains("calls itself JSON"));
    assert!(failed(get("deep").await).contains("deeper"));
    assert!(failed(get("huge").await).contains("larger than"));
    let why = failed(get("error").await);
    assert!(why.starts_with("the server answered 503: ") && why.contains("red"), "{why}");
    assert!(why.chars().count() < 450 && !why.chars().any(|c| c.is_control() || c == '\u{202e}'), "{why}");
}

#[tokio::test]
async fn an_answer_that_is_not_what_was_declared_is_a_failure() {
    let server = serve(|seen| match seen.line() {
        "GET /good" => json_answer(200, &json!({"rate": 1.1})),
        "GET /bad" => json_answer(200, &json!({"rate": "high"})),
        _ => Some(answer(200, &[("content-type", "text/plain")], b"high")),
    })
    .await;
    let schema = json!({"type": "object", "properties": {"rate": {"type": "number"}}, "required": ["rate"]});
    let get = |path: &str| call(server, json!({"url": format!("http://a.example/{path}"), "outputSchema": schema}), json!({}));
    assert_eq!(get("good").await.unwrap(), json!({"rate": 1.1}));
    assert!(failed(get("bad").await).contains("`/rate`"));
    assert!(failed(get("text").await).contains("not the form"));
}

#[test]
fn everything_wrong_with_a_declaration_is_told_at_once() {
    let declared = config(json!({"url": "http://{host}/x/{+y}", "timeout": "0s", "outputSchema": {"type": "strange"},
        "headers": [{"name": "Host", "value": "a"}, {"name": "X", "value": "a\nb"}]}));
    let problems = compile(&declared, &world("127.0.0.1:1".parse().unwrap(), &Vault::default())).err().unwrap();
    let paths: Vec<_> = problems.iter().map(|problem| problem.path.as_str()).collect();
    assert_eq!(paths, ["url", "url", "headers[0].name", "headers[1].value", "outputSchema", "timeout"]);
    let declared = config(json!({"url": "http://a.example/{id}/{n}", "inputSchema": {"properties": {"id": {}}}}));
    let problems = compile(&declared, &world("127.0.0.1:1".parse().unwrap(), &Vault::default())).err().unwrap();
    assert_eq!(problems.len(), 2, "{problems:?}");
}
