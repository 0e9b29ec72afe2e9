//! Another agent as a tool.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use serde_json::{Value, json};
use skreaver_protocol::config::AgentToolConfig;
use skreaver_remote::agent::{AgentTool, Asked, Observe, places};
use skreaver_remote::hops;
use skreaver_tools::{Tool, ToolError};

use crate::support::{Vault, answer, json_answer, permit, permit_under, serve, world};

type AskedOf = (String, String, String, u8);

/// The agents of this process: they say what they are told, backwards.
#[derive(Default)]
struct Here(Mutex<Vec<AskedOf>>);

#[async_trait]
impl Observe for Here {
    async fn observe(&self, asked: Asked<'_>) -> Result<String, String> {
        let Asked { agent, input, call, caller: _, hops } = asked;
        self.0.lock().unwrap().push((agent.to_string(), input.to_owned(), call.to_owned(), hops));
        if input == "no" { Err("queue_full: come later".to_owned()) } else { Ok(input.chars().rev().collect()) }
    }
}

fn config(value: Value) -> AgentToolConfig {
    serde_json::from_value(value).unwrap()
}

fn tool(declared: Value, server: std::net::SocketAddr, here: &Arc<Here>) -> AgentTool {
    let here: Arc<dyn Observe> = here.clone();
    AgentTool::compile(&config(declared), &world(server, &Vault::default()), &here).unwrap()
}

fn answered(output: &str) -> Value {
    json!({"output": output, "agent": "onyx", "run": "r", "usage": {"tool_calls": 0, "duration_us": 1}, "tool_calls": []})
}

#[tokio::test]
async fn an_agent_elsewhere_is_asked_once_for_each_call() {
    let server = serve(|seen| {
        let told = (seen.line(), seen.header("idempotency-key"), seen.header("skreaver-hops"));
        assert_eq!(told, ("POST /agents/onyx/observe", Some("run-7/3"), Some("3")));
        json_answer(200, &answered(&format!("told {}", seen.json())))
    })
    .await;
    let declared = json!({"agent": "onyx", "url": "http://onyx.default.svc:8080/"});
    let own = places(&config(declared.clone()));
    assert_eq!(own.len(), 1);
    let tool = tool(declared, server, &Arc::default());
    let refused = tool.run(permit(), json!({"input": "x"})).await.unwrap_err();
    assert!(matches!(refused, ToolError::Refused { .. }), "{refused}");
    let run = tool.run(permit_under(json!([]), own), json!({"input": "dig"}));
    assert_eq!(hops::within(2, run).await.unwrap(), json!("told {\"input\":\"dig\"}"));
    assert!(!tool.is_idempotent());
}

#[tokio::test]
async fn an_agent_elsewhere_is_told_who_asks_by_the_token_as_it_is_now() {
    let server = serve(|seen| {
        let token = seen.header("authorization").unwrap_or("none").to_owned();
        if token == "Bearer flint-second" {
            let problem =
                json!({"type": "about:blank", "title": "x", "status": 401, "detail": format!("not {token}"), "code": "internal"});
            return Some(answer(401, &[("content-type", "application/problem+json")], problem.to_string().as_bytes()));
        }
        json_answer(200, &answered(&token))
    })
    .await;
    let vault = Vault::default();
    let here: Arc<dyn Observe> = Arc::new(Here::default());
    let declared = json!({"agent": "onyx", "url": "http://a.example", "token": "file:/tokens/onyx"});
    let tool = AgentTool::compile(&config(declared), &world(server, &vault), &here).unwrap();
    let ask = async || tool.run(permit(), json!({"input": "x"})).await;
    assert!(ask().await.unwrap_err().to_string().contains("failed to read `file:/tokens/onyx`"));
    vault.put("flint-first");
    assert_eq!(ask().await.unwrap(), json!("Bearer flint-first"));
    vault.put("flint-second");
    let refused = ask().await.unwrap_err().to_string();
    assert!(refused.contains("not Bearer [secret]") && !refused.contains("flint"), "{refused}");
}

#[tokio::test]
async fn an_agent_without_memory_is_asked_again_without_a_key() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = asked.clone();
    let server = serve(move |seen| {
        counted.fetch_add(1, Ordering::SeqCst);
        match seen.header("idempotency-key") {
            Some(_) => {
                let problem =
                    json!({"type": "about:blank", "title": "x", "status": 422, "detail": "no memory", "code": "memory_required"});
                Some(answer(422, &[("content-type", "application/problem+json")], problem.to_string().as_bytes()))
            }
            None => json_answer(200, &answered("ok")),
        }
    })
    .await;
    let tool = tool(json!({"agent": "onyx", "url": "http://a.example"}), server, &Arc::default());
    assert_eq!(tool.run(permit(), json!({"input": "x"})).await.unwrap(), json!("ok"));
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn problems_of_the_agent_are_told_with_their_code() {
    let server = serve(|seen| match seen.json()["input"].as_str() {
        Some("full") => {
            let problem =
                json!({"type": "about:blank", "title": "x", "status": 429, "detail": "it runs\n10", "code": "queue_full"});
            Some(answer(429, &[("content-type", "application/problem+json")], problem.to_string().as_bytes()))
        }
        Some("page") => Some(answer(502, &[], b"<html>\x07bad gateway")),
        Some("silent") => None,
        _ => json_answer(200, &json!({"answer": 1})),
    })
    .await;
    let tool = tool(json!({"agent": "onyx", "url": "http://a.example", "timeout": "80ms"}), server, &Arc::default());
    let why = async |input: &str| match tool.run(permit(), json!({"input": input})).await {
        Err(ToolError::Failed(why)) => why,
        other => panic!("{other:?}"),
    };
    assert_eq!(why("full").await, "agent `onyx`: queue_full: it runs\\n10");
    let page = why("page").await;
    assert!(page.contains("502") && !page.contains('\x07'), "{page}");
    assert!(why("silent").await.contains("80 ms"));
    assert!(why("else").await.contains("none of an agent"));
    let invalid = tool.run(permit(), json!({"inputs": "x"})).await.unwrap_err();
    assert!(matches!(invalid, ToolError::InvalidArguments(_)), "{invalid}");
}

#[tokio::test]
async fn an_agent_of_the_process_is_asked_there_and_circles_end() {
    let here = Arc::new(Here::default());
    let tool = tool(json!({"agent": "onyx"}), "127.0.0.1:1".parse().unwrap(), &here);
    assert_eq!(tool.run(permit(), json!({"input": "abc"})).await.unwrap(), json!("cba"));
    let why = tool.run(permit(), json!({"input": "no"})).await.unwrap_err().to_string();
    assert_eq!(why, "agent `onyx`: queue_full: come later");
    let last = hops::within(hops::MOST - 1, tool.run(permit(), json!({"input": "x"}))).await;
    assert_eq!(last.unwrap(), json!("x"));
    let beyond = hops::within(hops::MOST, tool.run(permit(), json!({"input": "x"}))).await.unwrap_err();
    assert!(beyond.to_string().contains("circle"), "{beyond}");
    let asked = here.0.lock().unwrap().clone();
    assert_eq!(asked.iter().map(|(.., hops)| *hops).collect::<Vec<_>>(), [1, 1, hops::MOST]);
    assert_eq!(asked[0], ("onyx".into(), "abc".into(), "run-7/3".into(), 1));
}

#[test]
fn a_place_with_query_or_variables_is_none() {
    for url in ["http://a.example/?x", "http://a.example/{x}", "a.example", "http://u@a.example"] {
        let here: Arc<dyn Observe> = Arc::new(Here::default());
        let declared = config(json!({"agent": "onyx", "url": url}));
        let world = world("127.0.0.1:1".parse().unwrap(), &Vault::default());
        assert!(AgentTool::compile(&declared, &world, &here).is_err(), "{url}");
        assert!(places(&declared).is_empty(), "{url}");
    }
}
