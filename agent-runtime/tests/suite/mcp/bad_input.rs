//! What is no message of MCP, over both transports: each is answered as JSON-RPC says, and the next message as if nothing was.

use std::time::Duration;

use reqwest::header;
use serde_json::{Value, json};
use skreaver::mcp::McpServer;

use super::spoken::{Spoken, laptop};
use crate::support::{Served, config, start};

const PARSE_ERROR: i32 = -32700;
const INVALID_REQUEST: i32 = -32600;
const METHOD_NOT_FOUND: i32 = -32601;
const INVALID_PARAMS: i32 = -32602;

/// What is sent, the code of the error that comes back, and the id that it names.
type Case = (Vec<u8>, i32, Value);

/// What is no message, before any method is looked at: over HTTP that is 400.
fn no_messages() -> Vec<Case> {
    let mut cases = unread();
    for params in [json!([]), json!("reverse"), json!(7), json!(true)] {
        cases.push((request("tools/call", &params), INVALID_PARAMS, json!(-1)));
        cases.push((request("levitate", &params), INVALID_PARAMS, json!(-1)));
    }
    cases
}

fn request(method: &str, params: &Value) -> Vec<u8> {
    json!({ "jsonrpc": "2.0", "id": -1, "method": method, "params": params }).to_string().into_bytes()
}

fn unread() -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    let mut case = |text: &[u8], code: i32, id: Value| cases.push((text.to_vec(), code, id));
    for no_json in [
        b"{".as_slice(),
        b"not json",
        b"{} {}",
        b"\xff\xfe",
        b"{\"jsonrpc\": \"2.0\", \"id\": 1, \"method\": \"\xc3\x28\"}",
        b"{\"jsonrpc\": \"2.0\", \"id\": 1, \"method\": \"\\ud800\"}",
        b"{\"jsonrpc\": \"2.0\", \"id\": 01, \"method\": \"ping\"}",
        b"{\"jsonrpc\": \"2.0\", \"id\": NaN, \"method\": \"ping\"}",
    ] {
        case(no_json, PARSE_ERROR, Value::Null);
    }
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    case(format!(r#"{{"jsonrpc": "2.0", "id": 1, "method": "ping", "params": {deep}}}"#).as_bytes(), PARSE_ERROR, Value::Null);
    let deep = format!("{}1{}", r#"{"a":"#.repeat(100_000), "}".repeat(100_000));
    case(deep.as_bytes(), PARSE_ERROR, Value::Null);
    for no_message in ["{}", "[]", "null", "7", r#""ping""#, r#"[{"jsonrpc": "2.0", "id": 1, "method": "ping"}]"#] {
        case(no_message.as_bytes(), INVALID_REQUEST, Value::Null);
    }
    // Nobody knows which of two names is meant.
    for twice in [
        r#"{"jsonrpc": "2.0", "id": 1, "id": 2, "method": "ping"}"#,
        r#"{"jsonrpc": "2.0", "id": 1, "method": "ping", "method": "tools/list"}"#,
        r#"{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "reverse", "arguments": {"text": "a", "text": "b"}}}"#,
    ] {
        case(twice.as_bytes(), INVALID_REQUEST, Value::Null);
    }
    for id in ["null", "1.5", "true", "{}", "[1]", "18446744073709551616", "1e300"] {
        case(format!(r#"{{"jsonrpc": "2.0", "id": {id}, "method": "ping"}}"#).as_bytes(), INVALID_REQUEST, Value::Null);
    }
    for wrong in [
        r#"{"id": 7, "method": "ping"}"#,
        r#"{"jsonrpc": "1.0", "id": 7, "method": "ping"}"#,
        r#"{"jsonrpc": 2.0, "id": 7, "method": "ping"}"#,
        r#"{"jsonrpc": "2.0", "id": 7}"#,
        r#"{"jsonrpc": "2.0", "id": 7, "method": 8}"#,
        r#"{"jsonrpc": "2.0", "id": 7, "method": null}"#,
        r#"{"jsonrpc": "2.0", "id": 7, "method": "ping", "result": {}}"#,
        r#"{"jsonrpc": "2.0", "id": 7, "result": {}, "error": {"code": 1, "message": ""}}"#,
        r#"{"jsonrpc": "2.0", "id": 7, "error": "no"}"#,
    ] {
        case(wrong.as_bytes(), INVALID_REQUEST, json!(7));
    }
    cases
}

/// Requests of what is not there.
fn impossible() -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for method in ["levitate", "tools/levitate", "Ping", "", "notifications/levitate", "rpc.discover", "sampling/createMessage"] {
        cases.push((request(method, &json!({})), METHOD_NOT_FOUND, json!(-1)));
    }
    for (method, params) in [
        ("tools/call", json!(null)),
        ("tools/call", json!({})),
        ("tools/call", json!({ "name": 5 })),
        ("tools/call", json!({ "name": "reverse", "arguments": ["a"] })),
        ("tools/call", json!({ "name": "reverse", "arguments": "a" })),
        ("tools/call", json!({ "name": "levitate", "arguments": {} })),
        ("tools/list", json!({ "cursor": "of nobody" })),
        ("prompts/list", json!({ "cursor": "of nobody" })),
        ("resources/templates/list", json!({ "cursor": "of nobody" })),
        ("resources/read", json!({})),
        ("resources/read", json!({ "uri": 5 })),
        ("resources/list", json!({ "cursor": "\u{0}" })),
        ("prompts/get", json!({ "name": "levitate" })),
        ("prompts/get", json!({ "name": "amber", "arguments": { "request": 5 } })),
        ("prompts/get", json!({ "name": "amber" })),
        ("completion/complete", json!({ "ref": {}, "argument": {} })),
    ] {
        cases.push((request(method, &params), INVALID_PARAMS, json!(-1)));
    }
    cases
}

/// What is heard and not answered.
const SILENT: [&str; 6] = [
    r#"{"jsonrpc": "2.0", "method": "notifications/levitate", "params": {"a": 1}}"#,
    r#"{"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": "of nothing"}}"#,
    r#"{"jsonrpc": "2.0", "method": "notifications/cancelled", "params": []}"#,
    r#"{"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progressToken": "p", "progress": 1}}"#,
    r#"{"jsonrpc": "2.0", "method": "tools/list"}"#,
    r#"{"jsonrpc": "2.0", "method": "$/cancelRequest", "params": 7}"#,
];

/// Answers to what nobody asked.
const UNASKED: [&str; 2] = [
    r#"{"jsonrpc": "2.0", "id": 9, "result": {"roots": []}}"#,
    r#"{"jsonrpc": "2.0", "id": 9, "error": {"code": -1, "message": "no"}}"#,
];

async fn post(served: &Served, body: Vec<u8>) -> (u16, Value) {
    let request = served.client.post(served.url("/agents/amber/mcp")).body(body).header(header::CONTENT_TYPE, "application/json");
    let response = request.header(header::ACCEPT, "application/json, text/event-stream").send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap_or_default())
}

#[tokio::test]
async fn over_http_it_is_refused_by_status_and_code() {
    let agents = "agents: [{name: amber, tools: [{name: reverse, source: {type: Builtin}}], memory: {store: {backend: InMemory}, durability: Ephemeral}}]";
    let served = start(config(agents), &[], None, Duration::ZERO).await;
    crate::support::until(async || (served.get("/ready").await.0 == 200).then_some(())).await;
    // Of what is a message, clients of older revisions are told by 200 that it came to nothing.
    let cases = no_messages().into_iter().map(|case| (400, case)).chain(impossible().into_iter().map(|case| (200, case)));
    for (expected, (text, code, id)) in cases {
        let shown = String::from_utf8_lossy(&text[..text.len().min(200)]).into_owned();
        let (status, answer) = post(&served, text).await;
        assert_eq!((status, &answer["error"]["code"], &answer["id"]), (expected, &json!(code), &id), "{shown}: {answer}");
    }
    assert_eq!(post(&served, Vec::new()).await.1["error"]["code"], PARSE_ERROR);
    for silent in SILENT {
        assert_eq!(post(&served, silent.into()).await.0, 202, "{silent}");
    }
    for unasked in UNASKED {
        let (status, answer) = post(&served, unasked.into()).await;
        assert_eq!((status, &answer["error"]["code"]), (400, &json!(INVALID_REQUEST)), "{unasked}");
    }
    let (status, problem) = post(&served, vec![b' '; (1 << 20) + 1]).await;
    assert_eq!((status, &problem["code"]), (413, &json!("body_too_large")));
    let (status, answer) = post(&served, br#"{"jsonrpc": "2.0", "id": 1, "method": "ping"}"#.to_vec()).await;
    assert_eq!((status, &answer["result"]), (200, &json!({})));
    served.stop().await;
}

#[tokio::test]
async fn headers_of_the_newest_revision_have_to_say_what_the_message_says() {
    let served =
        start(config("agents: [{name: amber, tools: [{name: reverse, source: {type: Builtin}}]}]"), &[], None, Duration::ZERO)
            .await;
    let meta = |version: &str| {
        json!({
            "io.modelcontextprotocol/protocolVersion": version,
            "io.modelcontextprotocol/clientInfo": { "name": "t", "version": "0" },
            "io.modelcontextprotocol/clientCapabilities": {}
        })
    };
    let newest = "2026-07-28";
    // The headers of version, method and name, what `_meta` says, and the code that comes back.
    let cases = [
        ([newest, "tools/call", "reverse"], meta(newest), None),
        (["1999-01-01", "tools/call", "reverse"], meta("1999-01-01"), Some(-32022)),
        ([newest, "tools/call", "reverse"], json!({}), Some(INVALID_PARAMS)),
        ([newest, "tools/call", "reverse"], meta("2025-11-25"), Some(-32020)),
        ([newest, "tools/list", "reverse"], meta(newest), Some(-32020)),
        ([newest, "tools/call", "uppercase"], meta(newest), Some(-32020)),
        ([newest, "tools/call", ""], meta(newest), Some(-32020)),
    ];
    for ([version, method, name], meta, code) in cases {
        let params = json!({ "name": "reverse", "arguments": { "text": "ab" }, "_meta": meta });
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
        let request = served.client.post(served.url("/mcp")).json(&body).header("mcp-protocol-version", version);
        let request = request.header("mcp-method", method).header("mcp-name", name);
        let response = request.header(header::ACCEPT, "application/json, text/event-stream").send().await.unwrap();
        let status = response.status().as_u16();
        let answer: Value = response.json().await.unwrap_or_default();
        match code {
            None => assert_eq!((status, &answer["result"]["content"][0]["text"]), (200, &json!("ba")), "{answer}"),
            Some(code) => {
                assert_eq!((status, &answer["error"]["code"]), (400, &json!(code)), "{version} {method} {name}: {answer}")
            }
        }
    }
    served.stop().await;
}

#[tokio::test]
async fn over_streams_each_line_is_answered_or_not_and_the_next_one_is() {
    let runtime = laptop(None);
    let mut amber = Spoken::to(McpServer::of_agent(&runtime, "amber").unwrap(), json!({})).await;
    runtime.ready_within(Duration::from_secs(30)).await;
    for (text, code, id) in no_messages().into_iter().chain(impossible()) {
        let shown = String::from_utf8_lossy(&text[..text.len().min(200)]).into_owned();
        amber.write(&[text.as_slice(), b"\n"].concat()).await;
        let answer = amber.hear().await;
        assert_eq!((&answer["error"]["code"], &answer["id"]), (&json!(code), &id), "{shown}: {answer}");
    }
    for silent in SILENT.iter().chain(&UNASKED).chain(&["", "\r"]) {
        amber.write(format!("{silent}\n").as_bytes()).await;
        assert_eq!(amber.ask("ping", json!({})).await["result"], json!({}), "{silent}");
    }
    amber.write(&[&vec![b'x'; (1 << 20) + 1], b"\n".as_slice()].concat()).await;
    assert_eq!(amber.hear().await["error"]["code"], INVALID_REQUEST);
    // An id that is still in use is the client's mistake: the SDK answers one of the two, or both, and goes on.
    let ping = json!({ "jsonrpc": "2.0", "id": 5, "method": "ping" });
    amber.write(format!("{ping}\n{ping}\n").as_bytes()).await;
    assert_eq!(amber.hear().await["id"], 5);
    amber.say(&json!({ "jsonrpc": "2.0", "id": 6, "method": "ping" })).await;
    while amber.hear().await["id"] != 6 {}
    amber.write("\u{feff}".as_bytes()).await;
    assert_eq!(amber.ask("ping", json!({})).await["result"], json!({}));
    // What is cut off is no message.
    amber.write(br#"{"jsonrpc": "2.0", "id": 1, "method": "pi"#).await;
    amber.close().await;
}
