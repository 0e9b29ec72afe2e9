//! REST: answers, and problems with a stable code for everything that is wrong.

use std::sync::Arc;
use std::time::Duration;

use reqwest::{Method, header};
use serde_json::json;
use skreaver::Runtime;

use crate::support::{Held, Served, config, serve_runtime, start};

const AGENTS: &str = "agents: [
  {name: amber, description: Has tools., tools: [{name: uppercase, source: {type: Builtin}}, {name: split, source: {type: Builtin}}]},
  {name: basalt, tools: [{name: reverse, source: {type: Builtin}}]},
]";
const NO_REVERSE: &str = "{version: 4, policies: [{name: stone, mode: Enforce, defaultAction: Allow, rules: [{name: forward, tools: [rev*], action: Deny}]}]}";

async fn served() -> Served {
    start(config(AGENTS), &[("basalt", NO_REVERSE)], None, Duration::ZERO).await
}

#[tokio::test]
async fn an_observation_gets_the_tools_answer() {
    let served = served().await;
    let (status, answer) = served.observe("amber", "uppercase:hello world").await;
    assert_eq!((status, &answer["output"], &answer["agent"]), (200, &json!("HELLO WORLD"), &json!("amber")));
    assert_eq!(answer["tool_calls"][0]["tool"], "uppercase");
    assert_eq!(answer["usage"]["tool_calls"], 1);
    assert_eq!(served.observe("amber", "split:a b").await.1["output"], r#"["a","b"]"#);
    assert_eq!(served.observe("amber", "good morning").await.1["output"], "good morning");
    served.stop().await;
}

#[tokio::test]
async fn a_denied_tool_is_refused_by_name_and_not_listed() {
    let served = served().await;
    let (status, problem) = served.observe("basalt", "reverse:abc").await;
    assert_eq!((status, &problem["code"]), (403, &json!("tool_denied")));
    assert_eq!((&problem["policy"], &problem["rule"]), (&json!("stone"), &json!("forward")));
    let (_, status) = served.get("/agents/basalt/status").await;
    assert_eq!((&status["tools"], &status["policy_version"]), (&json!([]), &json!(4)));
    served.stop().await;
}

async fn check(served: &Served, method: Method, path: &str, content_type: Option<&str>, body: &str, expected: (u16, &str)) {
    let mut request = served.client.request(method.clone(), served.url(path)).body(body.to_owned());
    if let Some(content_type) = content_type {
        request = request.header(header::CONTENT_TYPE, content_type);
    }
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json", "{method} {path} {body:.40}");
    let problem: serde_json::Value = response.json().await.unwrap();
    let case = format!("{method} {path} {content_type:?} {body:.40}: {problem}");
    assert_eq!((status, problem["code"].as_str().unwrap()), expected, "{case}");
    assert_eq!(problem["status"], status, "{case}");
    assert!(problem["detail"].as_str().is_some_and(|detail| detail.len() > 10), "{case}");
}

#[tokio::test]
async fn bad_input_is_a_problem_with_a_code() {
    let served = served().await;
    let json = Some("application/json");
    let observe = "/agents/amber/observe";
    let (deep, large) = ("[".repeat(100_000), format!(r#"{{"input": "{}"}}"#, "a".repeat(1 << 20)));
    let post = |path, body, expected| check(&served, Method::POST, path, json, body, expected);
    post(observe, r#"{"input": "levitate:x"}"#, (422, "unknown_tool")).await;
    post(observe, r#"{"input": "split:{\"text\": \"a\", \"delimiter\": \"\"}"}"#, (422, "invalid_arguments")).await;
    post("/agents/nobody/observe", r#"{"input": "x"}"#, (404, "unknown_agent")).await;
    post("/agents/%FF/observe", r#"{"input": "x"}"#, (404, "unknown_agent")).await;
    post(observe, "", (400, "malformed_json")).await;
    post(observe, r#"{"input": "#, (400, "malformed_json")).await;
    post(observe, "not json", (400, "malformed_json")).await;
    post(observe, r#"{"input": "\ud800"}"#, (400, "malformed_json")).await;
    post(observe, r#"{"input": 1}"#, (422, "invalid_request")).await;
    post(observe, "{}", (422, "invalid_request")).await;
    post(observe, "[]", (422, "invalid_request")).await;
    post(observe, r#"{"input": "x", "inputs": "y"}"#, (422, "invalid_request")).await;
    post(observe, &deep, (400, "malformed_json")).await;
    post(observe, r#"["uppercase:x"]"#, (422, "invalid_request")).await;
    post(observe, &large, (413, "body_too_large")).await;
    let mcp = "/agents/amber/mcp";
    // What is wrong with a message is told as JSON-RPC does.
    post(mcp, &large, (413, "body_too_large")).await;
    post("/agents/nobody/mcp", "{}", (404, "unknown_agent")).await;
    check(&served, Method::POST, mcp, Some("text/plain"), "{}", (415, "unsupported_media_type")).await;
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        check(&served, method.clone(), mcp, None, "", (405, "method_not_allowed")).await;
        check(&served, method, "/mcp", None, "", (405, "method_not_allowed")).await;
    }
    post("/agents/amber", "{}", (405, "method_not_allowed")).await;
    check(&served, Method::POST, observe, None, r#"{"input": "x"}"#, (415, "unsupported_media_type")).await;
    check(&served, Method::POST, observe, Some("text/plain"), r#"{"input": "x"}"#, (415, "unsupported_media_type")).await;
    check(&served, Method::GET, observe, None, "", (405, "method_not_allowed")).await;
    check(&served, Method::GET, "/nowhere", None, "", (404, "not_found")).await;
    check(&served, Method::DELETE, "/agents/nobody", None, "", (404, "unknown_agent")).await;
    check(&served, Method::POST, "/mcp", json, "{}", (404, "not_found")).await;
    served.stop().await;
}

#[tokio::test]
async fn a_tool_that_fails_or_panics_ends_its_own_run_only() {
    let held = Held(std::sync::Arc::new(tokio::sync::Semaphore::new(10)));
    let served = start(config(AGENTS), &[], Some(held), Duration::ZERO).await;
    let (status, problem) = served.observe("amber", "uppercase:fail").await;
    assert_eq!((status, &problem["code"]), (502, &json!("tool_failed")));
    let (status, problem) = served.observe("amber", "uppercase:panic").await;
    assert_eq!((status, &problem["code"]), (502, &json!("tool_failed")));
    assert!(!problem.to_string().contains("asked to"), "{problem}");
    assert_eq!(served.observe("amber", "uppercase:fine").await.1["output"], "fine");
    let (_, status) = served.get("/agents/amber/status").await;
    assert_eq!((&status["running"], &status["runs"]["failed"], &status["runs"]["completed"]), (&json!(0), &json!(2), &json!(1)));
    served.stop().await;
}

#[tokio::test]
async fn a_run_ends_at_its_timeout() {
    let mut config = config(AGENTS);
    config.agents[0].limits.run_timeout = "20ms".parse().unwrap();
    let held = Held(std::sync::Arc::new(tokio::sync::Semaphore::new(0)));
    let served = start(config, &[], Some(held), Duration::ZERO).await;
    let (status, problem) = served.observe("amber", "uppercase:x").await;
    assert_eq!((status, &problem["code"]), (504, &json!("run_timeout")));
    served.stop().await;
}

#[tokio::test]
async fn an_agent_can_be_removed_on_a_laptop_and_not_in_a_cluster() {
    let served = served().await;
    let delete = |served: &Served| served.client.delete(served.url("/agents/amber")).send();
    assert_eq!(delete(&served).await.unwrap().status(), 204);
    assert_eq!(served.observe("amber", "x").await.0, 404);
    assert_eq!(served.get("/agents").await.1["agents"][0]["id"], "basalt");
    served.stop().await;

    let mut config = config(AGENTS);
    config.cluster = serde_yaml::from_str("{namespace: quarry, hosts: [amber], policiesFile: /none}").unwrap();
    let served = start(config, &[], None, Duration::ZERO).await;
    let response = delete(&served).await.unwrap();
    assert_eq!(response.status(), 409);
    let problem: serde_json::Value = response.json().await.unwrap();
    assert_eq!(problem["detail"], "delete the Agent instead: kubectl delete agent amber --namespace quarry");
    served.stop().await;
}

#[tokio::test]
async fn what_happened_is_counted() {
    let served = served().await;
    served.observe("amber", "uppercase:a").await;
    served.observe("basalt", "reverse:a").await;
    served.observe("amber", "levitate:a").await;
    let response = served.client.get(served.url("/metrics")).send().await.unwrap();
    assert!(response.headers()[header::CONTENT_TYPE].to_str().unwrap().starts_with("text/plain; version=0.0.4"));
    let text = response.text().await.unwrap();
    for line in [
        r#"tool_exec_total{tool="uppercase"} 1"#,
        r#"tool_exec_duration_seconds_count{tool="uppercase"} 1"#,
        r#"agent_errors_total{kind="auth"} 1"#,
        r#"agent_errors_total{kind="parse"} 1"#,
        r#"tool_policy_refusals_total{mode="Enforce",policy="stone",rule="forward"} 1"#,
        r#"http_requests_total{method="POST",route="/agents/{id}/observe"} 3"#,
        "agent_runs_active 0",
    ] {
        assert!(text.lines().any(|found| found == line), "no line `{line}` in:\n{text}");
    }
    served.stop().await;
}

#[tokio::test]
async fn lists_come_in_parts() {
    let served = served().await;
    let (_, first) = served.get("/agents?limit=1").await;
    assert_eq!((&first["agents"][0]["id"], &first["next"]), (&json!("amber"), &json!("amber")));
    let (_, second) = served.get("/agents?limit=1&from=amber").await;
    assert_eq!((&second["agents"][0]["id"], second.get("next")), (&json!("basalt"), None));
    assert_eq!(served.get("/agents?from=basalt").await.1, json!({ "agents": [] }));
    for bad in ["limit=0", "limit=201", "limit=x", "from=Not%20a%20name", "page=2"] {
        check(&served, Method::GET, &format!("/agents?{bad}"), None, "", (422, "invalid_request")).await;
    }
    // It says whose sessions, and is no word for other lists.
    for path in ["/agents", "/agents/amber/runs", "/agents/amber/approvals"] {
        check(&served, Method::GET, &format!("{path}?caller=ann"), None, "", (422, "invalid_request")).await;
    }
    check(&served, Method::GET, "/agents/amber/sessions?caller=ann", None, "", (422, "memory_required")).await;
    served.stop().await;
}

#[tokio::test]
async fn large_answers_are_compressed_for_who_takes_it() {
    let served = served().await;
    let get = |encodings: &'static str| {
        served.client.get(served.url("/openapi.json")).header(header::ACCEPT_ENCODING, encodings).send()
    };
    let plain = get("identity").await.unwrap();
    assert!(!plain.headers().contains_key(header::CONTENT_ENCODING));
    let plain = plain.bytes().await.unwrap().len();
    for (encodings, expected) in [("gzip", "gzip"), ("gzip, br", "br"), ("br;q=0.5, gzip;q=1", "gzip")] {
        let answer = get(encodings).await.unwrap();
        assert_eq!(answer.headers()[header::CONTENT_ENCODING], expected, "{encodings}");
        assert!(answer.headers()[header::VARY].to_str().unwrap().contains("accept-encoding"), "{encodings}");
        assert!(answer.bytes().await.unwrap().len() < plain / 4, "{encodings}");
    }
    let request = served.client.post(served.url("/agents/amber/observe")).json(&json!({ "input": "x".repeat(9000) }));
    let events = request.header(header::ACCEPT, "text/event-stream").header(header::ACCEPT_ENCODING, "gzip, br");
    assert!(!events.send().await.unwrap().headers().contains_key(header::CONTENT_ENCODING), "events are not held back");
    served.stop().await;
}

#[tokio::test]
async fn an_answer_tells_its_trace() {
    let served = served().await;
    let get = |caller: &'static str| served.client.get(served.url("/health")).header("traceparent", caller).send();
    let answer = get("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01").await.unwrap();
    let told = answer.headers()["traceparent"].to_str().unwrap().to_owned();
    assert!(told.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-") && told.ends_with("-01"), "{told}");
    assert!(!told.contains("00f067aa0ba902b7"), "the span is ours: {told}");
    let told = get("nonsense").await.unwrap().headers()["traceparent"].to_str().unwrap().to_owned();
    assert!(told.len() == 55 && told.ends_with("-00"), "{told}");
    served.stop().await;
}

#[tokio::test]
async fn scripts_of_other_origins_may_call_only_where_that_is_configured() {
    let preflight = async |served: &Served, origin: &'static str| {
        let request = served.client.request(Method::OPTIONS, served.url("/agents/amber/observe")).header(header::ORIGIN, origin);
        let request =
            request.header("access-control-request-method", "POST").header("access-control-request-headers", "content-type");
        let answer = request.send().await.unwrap();
        answer.headers().get("access-control-allow-origin").map(|value| value.to_str().unwrap().to_owned())
    };
    let closed = served().await;
    assert_eq!(preflight(&closed, "https://console.example").await, None);
    closed.stop().await;
    let open =
        Runtime::builder().config(config(AGENTS)).cors_origins(["https://console.example".parse().unwrap()]).build().unwrap();
    let open = serve_runtime(Arc::new(open)).await;
    assert_eq!(preflight(&open, "https://console.example").await.as_deref(), Some("https://console.example"));
    assert_eq!(preflight(&open, "https://elsewhere.example").await, None);
    open.stop().await;
}
