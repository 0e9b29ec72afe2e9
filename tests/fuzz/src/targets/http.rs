//! The API as it is served: whatever comes, a well-formed answer, and never one that admits a bug.

use std::sync::OnceLock;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, header};
use serde_json::Value;
use skreaver::testing::{Harness, Started, inside};
use tower::ServiceExt;

use crate::Came;

struct Served {
    runtime: tokio::runtime::Runtime,
    api: Router,
    _agent: Started,
}

/// One for all threads: it is as clients find it.
fn served() -> &'static Served {
    static SERVED: OnceLock<Served> = OnceLock::new();
    SERVED.get_or_init(|| {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime is made");
        let agent =
            runtime.block_on(Harness::new("amber").builtin("uppercase").builtin("json_parse").start()).expect("it starts");
        Served { api: inside::api(agent.runtime()), runtime, _agent: agent }
    })
}

/// A request as HTTP/1.1 writes it: a line, headers, an empty line, a body.
pub(super) fn requests(bytes: &[u8]) -> Came {
    let Some(request) = request(bytes) else { return Came::NOTHING };
    let Served { runtime, api, .. } = served();
    // Who removes the agent takes it away from all requests after it.
    if request.method() == "DELETE" && request.uri().path().matches('/').count() < 3 {
        return Came::NOTHING;
    }
    let path = request.uri().path().to_owned();
    let (head, body) = runtime.block_on(async {
        let response = api.clone().oneshot(request).await.expect("it always answers");
        let (head, body) = response.into_parts();
        let body = tokio::time::timeout(Duration::from_secs(15), to_bytes(body, 1 << 22)).await;
        (head, body.expect("every answer ends").expect("no answer breaks off"))
    });
    let status = head.status.as_u16();
    assert!(status != 500, "{path}: {}", String::from_utf8_lossy(&body));
    let kind = head.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default().to_owned();
    let code = if status >= 400 && !body.is_empty() { refusal(&path, status, &kind, &body) } else { Value::Null };
    Came::to(&(status, kind, code))
}

/// Why a request was refused, in the shape of the door that it came to.
fn refusal(path: &str, status: u16, kind: &str, body: &[u8]) -> Value {
    let told: Value = serde_json::from_slice(body).unwrap_or_else(|error| panic!("{path}: a refusal is JSON: {error}"));
    if kind == "application/problem+json" {
        assert_eq!(told["status"], status, "{path}");
        return told["code"].clone();
    }
    if path.ends_with("/mcp") || path.ends_with("/a2a") {
        assert!(kind == "application/json" && told["jsonrpc"] == "2.0", "{path}: {told}");
        return told["error"]["code"].clone();
    }
    if path.contains("/a2a/") {
        assert!(kind == "application/a2a+json" && told["error"]["code"] == status, "{path}: {told}");
        return told["error"]["details"][0]["reason"].clone();
    }
    assert_eq!(kind, "application/json", "{path}");
    if path.starts_with("/v1/") {
        assert!(told["error"]["message"].is_string() && told["error"]["type"].is_string(), "{path}: {told}");
        return told["error"]["code"].clone();
    }
    panic!("{path} has no door: {told}")
}

fn request(bytes: &[u8]) -> Option<Request<Body>> {
    let end = bytes.windows(2).position(|window| window == b"\n\n");
    let (head, body) = end.map_or((bytes, &[][..]), |end| (&bytes[..end], &bytes[end + 2..]));
    let mut lines = head.split(|byte| *byte == b'\n');
    let mut first = std::str::from_utf8(lines.next()?).ok()?.splitn(2, ' ');
    let mut request = Request::builder().method(first.next()?).uri(first.next()?);
    for line in lines {
        let colon = line.iter().position(|byte| *byte == b':')?;
        request = request.header(&line[..colon], line[colon + 1..].trim_ascii());
    }
    request.body(Body::from(body.to_vec())).ok()
}
