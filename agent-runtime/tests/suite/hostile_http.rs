//! HTTP as it should not be, at every door that takes a body: what two readers could take to mean different things, what does not
//! end, and bodies that are none. It is refused as the protocol says, at a bounded cost, and others are answered meanwhile.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::{Served, config, start};

const AGENTS: &str = "agents: [{name: amber, tools: [{name: uppercase, source: {type: Builtin}}]}]";
const SOON: Duration = Duration::from_secs(20);
/// How long nothing has to come for it to be the end of what comes.
const QUIET: Duration = Duration::from_millis(150);

/// The doors that take a body, and one that they answer 200.
const DOORS: [(&str, &str); 5] = [
    ("/agents/amber/observe", r#"{"input": "x"}"#),
    ("/v1/chat/completions", r#"{"model": "amber", "messages": [{"role": "user", "content": "x"}]}"#),
    ("/agents/amber/mcp", r#"{"jsonrpc": "2.0", "id": 1, "method": "ping"}"#),
    ("/agents/amber/a2a", r#"{"jsonrpc": "2.0", "id": 1, "method": "ListTasks", "params": {}}"#),
    ("/agents/amber/a2a/message:send", r#"{"message": {"messageId": "1", "role": "ROLE_USER", "parts": [{"text": "x"}]}}"#),
];

async fn served() -> Served {
    start(config(AGENTS), &[], None, Duration::ZERO).await
}

/// What came back: the status of each answer, all of it as text, and whether the connection was closed.
#[derive(Debug)]
struct Heard {
    statuses: Vec<u16>,
    text: String,
    is_closed: bool,
}

/// Sends bytes, and hears until the connection is closed or nothing more comes.
async fn heard(served: &Served, bytes: &[u8]) -> Heard {
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    // Who is refused amid what it sends reads why.
    let _ = timeout(SOON, stream.write_all(bytes)).await.expect("what is sent is taken, or refused");
    let (mut all, mut piece) = (Vec::new(), [0; 16 << 10]);
    let is_closed = loop {
        let patience = if all.is_empty() { SOON } else { QUIET };
        match timeout(patience, stream.read(&mut piece)).await {
            Ok(Ok(0) | Err(_)) => break true,
            Ok(Ok(length)) => all.extend(&piece[..length]),
            Err(_) => break false,
        }
    };
    let text = String::from_utf8_lossy(&all).into_owned();
    let statuses = text.split("HTTP/1.1 ").skip(1).map(|answer| answer[..3].parse().unwrap()).collect();
    Heard { statuses, text, is_closed }
}

/// The head of a good request to a door, up to where its body is described.
fn head(path: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Accept: application/json, text/event-stream\r\nA2A-Version: 1.0\r\n"
    )
}

fn chunked(body: &str) -> String {
    format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len())
}

/// Headers in the place of those that describe the body. `LENGTH` is the length of the body.
const REFUSED_WITH_LENGTH: [&str; 19] = [
    "Content-Length: LENGTH\r\nContent-Length: 1\r\n",
    "Content-Length: LENGTH, LENGTH\r\n",
    "Content-Length: +LENGTH\r\n",
    "Content-Length: -1\r\n",
    "Content-Length: 0xe\r\n",
    "Content-Length: 99999999999999999999999\r\n",
    "Content-Length : LENGTH\r\n",
    "Content-Length: LENGTH\r\nX-A: b\r\n c\r\n",
    "X-A: b\r\n\tc\r\nContent-Length: LENGTH\r\n",
    "Content-Length: LENGTH\r\nX-A: b\rX-B: c\r\n",
    "Content-Length: LENGTH\r\nX\0A: b\r\n",
    "Content-Length: LENGTH\r\nXA: b\0c\r\n",
    "Content-Length: LENGTH\r\n: b\r\n",
    "Content-Length: LENGTH\r\nno colon\r\n",
    "Content-Length: LENGTH\r\nX(A): b\r\n",
    "Content-Length: LENGTH\r\nHost: elsewhere\r\n",
    "Content-Length: LENGTH\r\nHost: localhost\r\n",
    "Content-Length: LENGTH\r\nTransfer-Encoding: identity\r\n",
    "Transfer-Encoding: \r\nContent-Length: LENGTH\r\n",
];
const REFUSED_WITH_CHUNKS: [&str; 12] = [
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
    "Transfer-Encoding: chunked, chunked\r\n",
    "Transfer-Encoding: chunked, identity\r\n",
    "Transfer-Encoding: gzip, chunked\r\n",
    "Transfer-Encoding: xchunked\r\n",
    "Transfer-Encoding: \x0bchunked\r\n",
    "Transfer-Encoding: \"chunked\"\r\n",
    "Transfer-Encoding: chunked\0\r\n",
    "Transfer-Encoding : chunked\r\n",
    " Transfer-Encoding: chunked\r\n",
    "Transfer-Encoding:\r\n chunked\r\n",
    "Transfer-Encoding: chunked;q=1\r\n",
];
/// Bodies that say they are chunked.
const REFUSED_CHUNKS: [&str; 9] = [
    "zz\r\n{}\r\n0\r\n\r\n",
    "-1\r\n{}\r\n0\r\n\r\n",
    "ffffffffffffffffff\r\n{}\r\n0\r\n\r\n",
    "0x2\r\n{}\r\n0\r\n\r\n",
    "2\n{}\n0\n\n",
    "2;a\n\r\n{}\r\n0\r\n\r\n",
    "2 2\r\n{}\r\n0\r\n\r\n",
    "2\r\n{}x\r\n0\r\n\r\n",
    "\r\n2\r\n{}\r\n0\r\n\r\n",
];

/// Refused, closed, and nothing that stands behind it is taken for a request.
async fn check_refused(served: &Served, request: &str) {
    let behind = "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let heard = heard(served, format!("{request}{behind}").as_bytes()).await;
    assert_eq!((&heard.statuses[..], heard.is_closed), (&[400][..], true), "{request:?}: {heard:?}");
}

#[tokio::test]
async fn what_two_readers_could_read_differently_is_refused_and_closed() {
    let served = served().await;
    for (path, body) in DOORS {
        let good = heard(&served, format!("{}Content-Length: {}\r\n\r\n{body}", head(path), body.len()).as_bytes()).await;
        assert_eq!((&good.statuses[..], good.is_closed), (&[200][..], false), "{path}: {good:?}");
        let good = heard(&served, format!("{}Transfer-Encoding: chunked\r\n\r\n{}", head(path), chunked(body)).as_bytes()).await;
        assert_eq!((&good.statuses[..], good.is_closed), (&[200][..], false), "{path}: {good:?}");
        for headers in REFUSED_WITH_LENGTH {
            let headers = headers.replace("LENGTH", &body.len().to_string());
            check_refused(&served, &format!("{}{headers}\r\n{body}", head(path))).await;
        }
        for headers in REFUSED_WITH_CHUNKS {
            check_refused(&served, &format!("{}{headers}\r\n{}", head(path), chunked(body))).await;
        }
        for chunks in REFUSED_CHUNKS {
            check_refused(&served, &format!("{}Transfer-Encoding: chunked\r\n\r\n{chunks}", head(path))).await;
        }
        let no_host = head(path).replace("Host: localhost\r\n", "");
        check_refused(&served, &format!("{no_host}Content-Length: {}\r\n\r\n{body}", body.len())).await;
        let bad_host = head(path).replace("localhost", "local host");
        check_refused(&served, &format!("{bad_host}Content-Length: {}\r\n\r\n{body}", body.len())).await;
        let of_1_0 = head(path).replace("HTTP/1.1", "HTTP/1.0");
        check_refused(&served, &format!("{of_1_0}Transfer-Encoding: chunked\r\n\r\n{}", chunked(body))).await;
    }
    served.stop().await;
}

/// RFC 9112, section 6.3: the chunks count, and the connection ends, so that whoever believed the length smuggles nothing.
#[tokio::test]
async fn of_a_length_and_chunks_the_chunks_count_and_nothing_behind_them() {
    let served = served().await;
    for (path, body) in DOORS {
        for headers in
            ["Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"]
        {
            let behind = "DELETE /agents/amber HTTP/1.1\r\nHost: localhost\r\n\r\n";
            let heard = heard(&served, format!("{}{headers}\r\n{}{behind}", head(path), chunked(body)).as_bytes()).await;
            assert_eq!((&heard.statuses[..], heard.is_closed), (&[200][..], true), "{path}: {heard:?}");
        }
    }
    assert_eq!(served.observe("amber", "x").await.0, 200);
    served.stop().await;
}

#[tokio::test]
async fn headers_and_targets_have_bounds() {
    let served = served().await;
    let request = |line: &str, headers: &str| format!("{line} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n");
    let many: String = (0..10_000).map(|number| format!("X-{number}: a\r\n")).collect();
    for (path, body) in DOORS {
        let length = format!("Content-Length: {}\r\n", body.len());
        for headers in [format!("X-A: {}\r\n", "a".repeat(1 << 20)), many.clone(), format!("{}: a\r\n", "x".repeat(100_000))] {
            let heard = heard(&served, format!("{}{headers}{length}\r\n{body}", head(path)).as_bytes()).await;
            assert!(matches!(heard.statuses[..], [431 | 400]) && heard.is_closed, "{path}: {:?}", heard.statuses);
        }
    }
    let check = async |line: &str, headers: &str, expected: u16| {
        let heard = heard(&served, request(line, headers).as_bytes()).await;
        assert_eq!(heard.statuses, [expected], "{line:.60}: {:.300}", heard.text);
        heard
    };
    check(&format!("GET /{}", "a".repeat(70_000)), "", 414).await;
    check(&format!("GET /health?{}", "a".repeat(60_000)), "", 200).await;
    // Absolute targets are to be taken; where they name somebody else, we are asked all the same.
    check("GET http://localhost/health", "", 200).await;
    check("GET http://elsewhere.example/health", "", 200).await;
    check("GET http://elsewhere.example/nowhere", "", 404).await;
    check("OPTIONS *", "", 404).await;
    check("GET *", "", 404).await;
    check("CONNECT localhost:80", "", 404).await;
    check("get /health", "", 405).await;
    check("GET /health\0", "", 400).await;
    check("GET\t/health", "", 400).await;
    check("GET  /health", "", 400).await;
    let echoed = check("TRACE /agents", "Cookie: sesame\r\n", 405).await;
    assert!(!echoed.text.contains("sesame"), "nobody is told what they sent: {}", echoed.text);
    for garbage in [
        "GET /health\r\n",
        "GET /health HTTP/1.2\r\nHost: a\r\n\r\n",
        "GET /health HTTP/3.0\r\nHost: a\r\n\r\n",
        "\x16\x03\x01\x02\r\n\r\n",
    ] {
        let heard = heard(&served, garbage.as_bytes()).await;
        assert_eq!((&heard.statuses[..], heard.is_closed), (&[400][..], true), "{garbage:?}");
    }
    // A body where none is looked at is passed over, and is no request.
    let hidden = request("GET /agents", "");
    let heard = heard(&served, request("GET /health", &format!("Content-Length: {}\r\n", hidden.len())).as_bytes()).await;
    assert_eq!(heard.statuses, [200]);
    served.stop().await;
}

#[tokio::test]
async fn bodies_that_do_not_end_are_cut_off_at_the_limit() {
    let served = served().await;
    for (path, _) in DOORS {
        let mut stream = TcpStream::connect(served.address).await.unwrap();
        stream.write_all(format!("{}Transfer-Encoding: chunked\r\n\r\n", head(path)).as_bytes()).await.unwrap();
        let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x10000));
        let mut sent = 0;
        let endless = async {
            while stream.write_all(chunk.as_bytes()).await.is_ok() {
                sent += chunk.len();
            }
        };
        timeout(SOON, endless).await.expect("it is cut off");
        assert!(sent < 32 << 20, "{path} took {sent} bytes");
        let declared = format!("{}Content-Length: 99999999999\r\n\r\n", head(path));
        let heard = heard(&served, format!("{declared}{}", " ".repeat(2 << 20)).as_bytes()).await;
        assert_eq!((&heard.statuses[..], heard.is_closed), (&[413][..], true), "{path}: {heard:?}");
        assert_eq!(served.observe("amber", "x").await.0, 200);
    }
    served.stop().await;
}

/// Bodies that are no JSON, or none that anybody means.
fn strange_bodies() -> Vec<(&'static str, Vec<u8>)> {
    let text = |text: &str| text.as_bytes().to_vec();
    vec![
        ("nothing", Vec::new()),
        ("arrays in arrays", "[".repeat(100_000).into_bytes()),
        ("closed arrays in arrays", ("[".repeat(100_000) + &"]".repeat(100_000)).into_bytes()),
        ("objects in objects", r#"{"a":"#.repeat(100_000).into_bytes()),
        ("depth in a known place", format!(r#"{{"input": {}}}"#, "[".repeat(100_000)).into_bytes()),
        (
            "depth in params",
            format!(r#"{{"jsonrpc": "2.0", "id": 1, "method": "x", "params": {}}}"#, "[".repeat(100_000)).into_bytes(),
        ),
        ("bytes that are no UTF-8", b"{\"input\": \"\xff\xfe\"}".to_vec()),
        ("an overlong character", b"{\"input\": \"\xc0\x80\"}".to_vec()),
        ("a surrogate in bytes", b"{\"input\": \"\xed\xa0\x80\"}".to_vec()),
        ("half a surrogate", text(r#"{"input": "\ud800"}"#)),
        ("surrogates the wrong way round", text(r#"{"input": "\udc00\ud800"}"#)),
        ("a number beyond all", text(r#"{"input": 1e999}"#)),
        ("a long number", format!(r#"{{"input": {}}}"#, "9".repeat(100_000)).into_bytes()),
        ("not a number", text(r#"{"input": NaN}"#)),
        ("a byte order mark", b"\xef\xbb\xbf{\"input\": \"x\"}".to_vec()),
        ("two values", text(r#"{"input": "x"} {"input": "y"}"#)),
        ("a trailing comma", text(r#"{"input": "x",}"#)),
        ("a comment", text(r#"{"input": /* x */ "x"}"#)),
        ("a bare control character", b"{\"input\": \"\n\"}".to_vec()),
        ("UTF-16", b"{\0\"\0i\0\"\0:\0\"\0x\0\"\0}\0".to_vec()),
        ("no object", text("[]")),
        ("a batch", text(r#"[{"jsonrpc": "2.0", "id": 1, "method": "ping"}]"#)),
        ("null", text("null")),
        ("an empty object", text("{}")),
        ("JSON-RPC of another version", text(r#"{"jsonrpc": "1.0", "id": 1, "method": "ping"}"#)),
        ("a method that is no text", text(r#"{"jsonrpc": "2.0", "id": 1, "method": 1}"#)),
        ("an id that is an object", text(r#"{"jsonrpc": "2.0", "id": {}, "method": "ping"}"#)),
        ("params that are a text", text(r#"{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": "x"}"#)),
        ("an answer to nothing", text(r#"{"jsonrpc": "2.0", "id": 1, "result": {}}"#)),
    ]
}

async fn post(served: &Served, path: &str, kind: Option<&str>, body: Vec<u8>) -> (u16, String) {
    let request = served.client.post(served.url(path)).body(body).header("a2a-version", "1.0");
    let request = request.header("accept", "application/json, text/event-stream");
    let request = kind.into_iter().fold(request, |request, kind| request.header("content-type", kind));
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

#[tokio::test]
async fn bodies_that_nobody_means_are_refused_at_every_door() {
    let served = served().await;
    for (path, body) in DOORS {
        for (what, strange) in strange_bodies() {
            let (status, text) = post(&served, path, Some("application/json"), strange).await;
            let answer: Value = serde_json::from_str(&text).unwrap_or_default();
            let is_rpc = path.ends_with("/a2a") || path.ends_with("/mcp");
            // JSON-RPC says it in its answer; an answer or a notification to MCP is taken and comes to nothing.
            let is_told = (400..500).contains(&status)
                || (is_rpc && status == 200 && answer["error"]["code"].is_i64())
                || (path.ends_with("/mcp") && status == 202);
            assert!(is_told, "{path}: {what}: {status} {text:.300}");
        }
        // The last of two keys of one name counts, or both are refused: never a 5xx.
        let twice = body.replacen('{', r#"{"jsonrpc": "2.0", "jsonrpc": "2.0", "input": "x", "input": "y", "#, 1);
        let (status, text) = post(&served, path, Some("application/json"), twice.into_bytes()).await;
        assert!(status < 500, "{path}: {status} {text:.300}");
        let kinds = [
            None,
            Some("text/plain"),
            Some("multipart/form-data; boundary=a"),
            Some("application/x-www-form-urlencoded"),
            Some("application/xml"),
            Some("json"),
            Some(""),
        ];
        for kind in kinds {
            let (status, text) = post(&served, path, kind, body.as_bytes().to_vec()).await;
            assert_eq!(status, 415, "{path}: {kind:?}: {text:.300}");
        }
    }
    assert_eq!(served.observe("amber", "uppercase:x").await.1["output"], "X");
    served.stop().await;
}

#[tokio::test]
async fn every_method_on_every_path_is_answered_as_http_says() {
    let served = served().await;
    let (_, document) = served.get("/openapi.json").await;
    let run = "01900000-0000-7000-8000-000000000000";
    let parts = [
        ("{id}", "amber"),
        ("{run}", run),
        ("{session}", "s"),
        ("{approval}", "b"),
        ("{task}", run),
        ("{config}", "c"),
        ("{file}", "start.js"),
    ];
    for (path, item) in document["paths"].as_object().unwrap() {
        let filled = parts.iter().fold(path.clone(), |path, (part, with)| path.replace(part, with));
        let takes = |method: &str| item.get(method.to_lowercase()).is_some();
        for method in ["HEAD", "OPTIONS", "TRACE", "PUT", "PATCH", "BREW"] {
            let request = served.client.request(method.parse().unwrap(), served.url(&filled));
            let response = request.header("a2a-version", "1.0").send().await.unwrap();
            let status = response.status().as_u16();
            if method == "HEAD" && takes("GET") {
                let get = served.client.get(served.url(&filled)).header("a2a-version", "1.0").send().await.unwrap();
                assert_eq!(status, get.status().as_u16(), "{method} {path}");
                assert_eq!(response.bytes().await.unwrap().len(), 0, "{method} {path}");
                continue;
            }
            assert_eq!(status, 405, "{method} {path}");
            let allowed = response.headers()["allow"].to_str().unwrap().to_owned();
            for taken in ["GET", "POST", "DELETE"] {
                assert_eq!(allowed.split(',').any(|allowed| allowed == taken), takes(taken), "{method} {path}: {allowed}");
            }
        }
    }
    let (_, readiness) = served.get("/ready").await;
    assert_eq!(readiness["ready"], json!(true));
    served.stop().await;
}
