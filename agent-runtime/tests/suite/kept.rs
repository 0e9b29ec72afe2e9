//! Agents with memory: runs that outlive their callers and their process, sessions, keys, events.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use reqwest::StatusCode;
use serde_json::{Value, json};
use skreaver::memory::{Durability, Entry, InMemory, Keep, Key, Memory, MemoryError, Scan, Transaction, Verdict};
use skreaver::model::Model;
use skreaver::policy::Permit;
use skreaver::protocol::AgentName;
use skreaver::protocol::config::AgentConfig;
use skreaver::testing::Harness;
use skreaver::{Listeners, Observation, Runtime, Tool, ToolError, serve};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::double::{Double, answer, ask_for};
use crate::support::{Served, config, until};

const AGENT: &str = "
agents:
- name: clerk
  tools: [{name: add, source: {type: Builtin}}, {name: remember, source: {type: Builtin}}, {name: recall, source: {type: Builtin}}]
  models: [{provider: OpenAICompatible, name: one, baseURL: 'http://unused', timeout: 5s, maxAttempts: 1}]
  memory: {store: {backend: InMemory}, durability: Ephemeral, compaction: {tokenThreshold: 9000, keepLast: 2}}
";

/// Serves the clerk over this memory.
async fn clerk(memory: &Arc<InMemory>, model: &Arc<Double>) -> Served {
    let name = AgentName::parse("clerk").unwrap();
    let runtime = Runtime::builder()
        .config(config(AGENT))
        .memory(name.clone(), Arc::clone(memory) as Arc<dyn Memory>)
        .models(name, vec![Arc::clone(model) as Arc<dyn Model>])
        .build()
        .unwrap();
    let api = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = api.local_addr().unwrap();
    let shutdown = CancellationToken::new();
    let ended = tokio::spawn(serve(Arc::new(runtime), Listeners { api, admin: None }, shutdown.clone(), Duration::ZERO));
    let served = Served { address, shutdown, ended, client: reqwest::Client::new() };
    until(async || (served.get("/ready").await.0 == 200).then_some(())).await;
    served
}

async fn post(served: &Served, body: Value, headers: &[(&str, &str)]) -> (StatusCode, Value) {
    let mut request = served.client.post(served.url("/agents/clerk/observe")).json(&body);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = request.send().await.unwrap();
    (response.status(), response.json().await.unwrap())
}

async fn ended(served: &Served, run: &str) -> Value {
    until(async || {
        let (_, status) = served.get(&format!("/agents/clerk/runs/{run}")).await;
        (status["state"] != "running").then_some(status)
    })
    .await
}

#[tokio::test]
async fn an_answer_may_come_later_and_is_found_by_its_run() {
    let (memory, model) = (Arc::new(InMemory::new()), Double::gated(vec![answer("later")]));
    let served = clerk(&memory, &model).await;
    let request = served.client.post(served.url("/agents/clerk/observe")).header("prefer", "respond-async, wait=1");
    let response = request.json(&json!({"input": "go"})).send().await.unwrap();
    assert_eq!(
        (response.status(), &response.headers()["preference-applied"]),
        (StatusCode::ACCEPTED, &"respond-async".parse().unwrap())
    );
    let location = response.headers()["location"].to_str().unwrap().to_owned();
    let accepted: Value = response.json().await.unwrap();
    assert_eq!((&accepted["state"], &accepted["agent"]), (&json!("running"), &json!("clerk")));
    let run = accepted["run"].as_str().unwrap();
    assert_eq!(location, format!("/agents/clerk/runs/{run}"));
    assert_eq!(served.get(&location).await.1["state"], "running");
    model.let_go(1);
    let status = ended(&served, run).await;
    assert_eq!((&status["state"], &status["output"]), (&json!("completed"), &json!("later")));
    assert_eq!(served.get("/agents/clerk/runs").await.1["runs"][0], status);
    let metrics = served.client.get(served.url("/metrics")).send().await.unwrap().text().await.unwrap();
    for line in
        [r#"memory_ops_total{op="commit"} "#, r#"memory_ops_total{op="get"} "#, "agent_sessions_active 0", "agent_runs_active 0"]
    {
        assert!(metrics.lines().any(|found| found.starts_with(line)), "no line `{line}` in:\n{metrics}");
    }
    served.stop().await;
}

#[tokio::test]
async fn a_run_can_be_cancelled_once() {
    let (memory, model) = (Arc::new(InMemory::new()), Double::gated(vec![]));
    let served = clerk(&memory, &model).await;
    let (_, accepted) = post(&served, json!({"input": "go"}), &[("prefer", "respond-async")]).await;
    let run = accepted["run"].as_str().unwrap();
    let cancel = async |run: &str| {
        let response = served.client.post(served.url(&format!("/agents/clerk/runs/{run}/cancel"))).send().await.unwrap();
        response.status().as_u16()
    };
    assert_eq!(cancel(run).await, 202);
    let status = ended(&served, run).await;
    assert_eq!((&status["state"], &status["problem"]["code"]), (&json!("cancelled"), &json!("cancelled")));
    assert_eq!(cancel(run).await, 409);
    assert_eq!(cancel("01900000-0000-7000-8000-000000000000").await, 404);
    assert_eq!(cancel("nonsense").await, 422);
    served.stop().await;
}

#[tokio::test]
async fn a_key_stands_for_one_run() {
    let (memory, model) = (Arc::new(InMemory::new()), Double::gated(vec![answer("once")]));
    let served = clerk(&memory, &model).await;
    let key = [("idempotency-key", "order-7")];
    let both = async { tokio::join!(post(&served, json!({"input": "go"}), &key), post(&served, json!({"input": "go"}), &key)) };
    let let_go = async {
        until(async || (!model.questions().is_empty()).then_some(())).await;
        model.let_go(1);
    };
    let ((first, second), ()) = tokio::join!(both, let_go);
    assert_eq!((first.0, &first.1["output"]), (StatusCode::OK, &json!("once")));
    assert_eq!(first, second);
    assert_eq!(post(&served, json!({"input": "go"}), &key).await, first);
    let (status, problem) = post(&served, json!({"input": "something else"}), &key).await;
    assert_eq!((status.as_u16(), &problem["code"]), (422, &json!("key_reused")));
    assert_eq!(model.questions().len(), 1);
    served.stop().await;
}

#[tokio::test]
async fn sessions_remember_what_was_said_one_run_at_a_time() {
    let (memory, model) =
        (Arc::new(InMemory::new()), Double::new(vec![answer("hello Ada"), answer("you are Ada"), answer("who?")]));
    let served = clerk(&memory, &model).await;
    let say = async |session: &str, input: &str| post(&served, json!({"input": input, "session": session}), &[]).await.1;
    assert_eq!(say("a", "I am Ada").await["session"], "a");
    assert_eq!(say("a", "who am I?").await["output"], "you are Ada");
    say("b.2", "who am I?").await;
    let questions = model.questions();
    assert_eq!(questions.iter().map(|question| question.messages.len()).collect::<Vec<_>>(), [1, 3, 1]);
    assert_eq!(served.get("/agents/clerk/sessions").await.1, json!({"sessions": ["a", "b.2"]}));
    let (_, history) = served.get("/agents/clerk/sessions/a").await;
    let texts: Vec<_> = history["messages"].as_array().unwrap().iter().map(|message| message["text"].clone()).collect();
    assert_eq!(texts, ["I am Ada", "hello Ada", "who am I?", "you are Ada"]);
    let delete = async || served.client.delete(served.url("/agents/clerk/sessions/a")).send().await.unwrap().status().as_u16();
    assert_eq!((delete().await, delete().await), (204, 404));
    assert_eq!(served.get("/agents/clerk/sessions").await.1, json!({"sessions": ["b.2"]}));
    assert_eq!(served.get("/agents/clerk/sessions/..%2fx").await.0, 422);
    served.stop().await;
}

#[tokio::test]
async fn two_runs_of_a_session_follow_each_other() {
    let (memory, model) = (Arc::new(InMemory::new()), Double::gated(vec![answer("one"), answer("two")]));
    let served = clerk(&memory, &model).await;
    let say = async |input: &str| post(&served, json!({"input": input, "session": "a"}), &[]).await.1;
    let both = async { tokio::join!(say("first"), say("second")) };
    let let_go = async {
        until(async || (!model.questions().is_empty()).then_some(())).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!(model.questions().len(), 1, "the other one waits");
        model.let_go(2);
    };
    tokio::join!(both, let_go);
    assert_eq!(model.questions()[1].messages.len(), 3);
    served.stop().await;
}

#[tokio::test]
async fn a_long_conversation_is_summed_up_and_its_end_stays() {
    let long = "word ".repeat(6000);
    let replies = vec![answer("hi"), answer("the summary"), answer("short"), answer("shorter")];
    let (memory, model) = (Arc::new(InMemory::new()), Double::new(replies));
    let served = clerk(&memory, &model).await;
    let say = async |input: &str| post(&served, json!({"input": input, "session": "a"}), &[]).await.1;
    say(&long).await;
    assert_eq!(say("and now?").await["output"], "short");
    say("and then?").await;
    let questions = model.questions();
    let text =
        |question: usize, message: usize| serde_json::to_value(&questions[question].messages[message]).unwrap()["text"].clone();
    assert!(text(1, 1).as_str().unwrap().starts_with("Sum up"), "{}", text(1, 1));
    assert!(text(2, 0).as_str().unwrap().ends_with("the summary"));
    // The summary, and what was said since.
    let last: Vec<_> = (0..questions[3].messages.len()).map(|message| text(3, message)).collect();
    assert!(last[0].as_str().unwrap().ends_with("the summary"), "{last:?}");
    assert_eq!(last.last().unwrap(), "and then?");
    // Nobody's words are lost for those who read the session.
    let (_, history) = served.get("/agents/clerk/sessions/a").await;
    assert_eq!((history["messages"].as_array().unwrap().len(), &history["summary"]), (6, &json!("the summary")));
    served.stop().await;
}

#[tokio::test]
async fn what_was_remembered_is_recalled_in_another_session() {
    let replies = vec![
        ask_for(&[("remember", json!({"text": "Ada likes basalt"})), ("remember", json!({"text": "Bob likes chalk"}))]),
        answer("noted"),
        ask_for(&[("recall", json!({"query": "what does Ada like"}))]),
        answer("basalt"),
    ];
    let (memory, model) = (Arc::new(InMemory::new()), Double::new(replies));
    let served = clerk(&memory, &model).await;
    post(&served, json!({"input": "remember this", "session": "a"}), &[]).await;
    post(&served, json!({"input": "what does Ada like?", "session": "b"}), &[]).await;
    let told = serde_json::to_value(model.questions()[3].messages.last().unwrap()).unwrap();
    assert_eq!(told["text"], r#"["Ada likes basalt"]"#);
    served.stop().await;
}

#[tokio::test]
async fn without_memory_nothing_is_promised() {
    let yaml = AGENT
        .split("  memory:")
        .next()
        .unwrap()
        .replace(", {name: remember, source: {type: Builtin}}, {name: recall, source: {type: Builtin}}", "");
    let name = AgentName::parse("clerk").unwrap();
    let model = Double::new(vec![]);
    let runtime = Runtime::builder().config(config(&yaml)).models(name, vec![model as Arc<dyn Model>]).build().unwrap();
    let api = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, shutdown) = (api.local_addr().unwrap(), CancellationToken::new());
    let ended = tokio::spawn(serve(Arc::new(runtime), Listeners { api, admin: None }, shutdown.clone(), Duration::ZERO));
    let served = Served { address, shutdown, ended, client: reqwest::Client::new() };
    for (body, headers) in [
        (json!({"input": "x", "session": "a"}), vec![]),
        (json!({"input": "x"}), vec![("prefer", "respond-async")]),
        (json!({"input": "x"}), vec![("idempotency-key", "k")]),
    ] {
        let (status, problem) = post(&served, body, &headers).await;
        assert_eq!((status.as_u16(), &problem["code"]), (422, &json!("memory_required")), "{problem}");
    }
    for path in ["runs", "sessions", "sessions/a", "runs/01900000-0000-7000-8000-000000000000"] {
        assert_eq!(served.get(&format!("/agents/clerk/{path}")).await.1["code"], "memory_required", "{path}");
    }
    served.stop().await;
}

/// The events of a stream, until it ends: ids, names and data.
async fn events(request: reqwest::RequestBuilder) -> Vec<(String, String, Value)> {
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 200);
    let text = response.text().await.unwrap();
    let field = |block: &str, name: &str| {
        block.lines().find_map(|line| line.strip_prefix(name)).map(|value| value.trim().to_owned()).unwrap_or_default()
    };
    let blocks = text.split("\n\n").filter(|block| block.contains("data:"));
    blocks
        .map(|block| (field(block, "id:"), field(block, "event:"), serde_json::from_str(&field(block, "data:")).unwrap()))
        .collect()
}

fn names(events: &[(String, String, Value)]) -> Vec<&str> {
    let mut names: Vec<_> = events.iter().map(|(_, name, _)| name.as_str()).collect();
    names.dedup();
    names
}

fn said(events: &[(String, String, Value)]) -> String {
    events.iter().filter(|(_, name, _)| name == "model_delta").map(|(_, _, data)| data["text"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_run_is_followed_from_any_point_to_the_letter() {
    let replies = vec![ask_for(&[("add", json!({"a": 1, "b": 2}))]), answer("one and two are three")];
    let (memory, model) = (Arc::new(InMemory::new()), Double::new(replies));
    let served = clerk(&memory, &model).await;
    let observe = served.client.post(served.url("/agents/clerk/observe")).header("accept", "text/event-stream");
    let all = events(observe.json(&json!({"input": "go"}))).await;
    assert_eq!(names(&all), ["started", "tool_call", "tool_result", "model_delta", "completed"]);
    assert_eq!(said(&all), "one and two are three");
    assert_eq!(all.last().unwrap().2["response"]["output"], "one and two are three");
    let path = format!("/agents/clerk/runs/{}/events", all[0].2["run"].as_str().unwrap());
    for (index, (id, _, _)) in all.iter().enumerate() {
        let rest = events(served.client.get(served.url(&path)).header("last-event-id", id)).await;
        assert_eq!(said(&rest), said(&all[index + 1..]), "after {id}");
        assert_eq!(names(&rest), names(&all[index + 1..]), "after {id}");
    }
    // In the middle of a piece: nothing twice, nothing missing.
    let after = async |id: String| events(served.client.get(served.url(&path)).header("last-event-id", id)).await;
    let rest = after(format!("4.4.{:08x}", crc32c::crc32c(b"one "))).await;
    assert_eq!(said(&rest), "and two are three");
    // Of an answer that was made again after a crash: what was told is void.
    let rest = after(format!("4.4.{:08x}", crc32c::crc32c(b"won "))).await;
    assert_eq!((names(&rest), said(&rest)), (vec!["model_reset", "model_delta", "completed"], "one and two are three".into()));
    let wrong = served.client.get(served.url(&path)).header("last-event-id", "x").send().await.unwrap();
    assert_eq!(wrong.status(), 422);
    served.stop().await;
}

/// The clerk in a process of its own: a tokio runtime ends as a process does, with all that it was doing.
async fn mortal_clerk(memory: &Arc<InMemory>, model: &Arc<Double>) -> (tokio::runtime::Runtime, Served) {
    let (memory, model) = (Arc::clone(memory), Arc::clone(model));
    let begin = move || {
        let process = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let served = process.block_on(clerk(&memory, &model));
        (process, served)
    };
    tokio::task::spawn_blocking(begin).await.unwrap()
}

#[tokio::test]
async fn another_process_takes_up_a_run_whose_process_died() {
    let memory = Arc::new(InMemory::new());
    let model = Double::gated(vec![ask_for(&[("add", json!({"a": 1, "b": 2}))]), answer("three")]);
    let (process, first) = mortal_clerk(&memory, &model).await;
    let key = [("idempotency-key", "k"), ("prefer", "respond-async")];
    let (_, accepted) = post(&first, json!({"input": "go", "session": "a"}), &key).await;
    model.let_go(1);
    // The first answer is written down when the second is asked for.
    until(async || (model.questions().len() == 2).then_some(())).await;
    process.shutdown_background();
    model.let_go(2);
    let second = clerk(&memory, &model).await;
    let (status, joined) = post(&second, json!({"input": "go", "session": "a"}), &key[..1]).await;
    assert_eq!((status, &joined["output"], &joined["run"]), (StatusCode::OK, &json!("three"), &accepted["run"]));
    // What the model had answered was not asked again.
    let asked: Vec<_> = model.questions().iter().map(|question| question.messages.len()).collect();
    assert_eq!(asked, [1, 3, 3]);
    assert_eq!(joined["tool_calls"].as_array().unwrap().len(), 1);
    second.stop().await;
}

#[tokio::test]
async fn runs_that_queued_in_a_session_follow_each_other_at_once_after_a_restart() {
    let memory = Arc::new(InMemory::new());
    let model = Double::gated((0..8).map(|_| answer("well")).collect::<Vec<_>>());
    let (process, first) = mortal_clerk(&memory, &model).await;
    let mut runs = Vec::new();
    for number in 0..4 {
        let body = json!({"input": format!("{number}"), "session": "a"});
        let (_, accepted) = post(&first, body, &[("prefer", "respond-async")]).await;
        runs.push(accepted["run"].as_str().unwrap().to_owned());
    }
    process.shutdown_background();
    let second = clerk(&memory, &model).await;
    let begin = std::time::Instant::now();
    model.let_go(8);
    for run in &runs {
        assert_eq!(ended(&second, run).await["state"], "completed");
    }
    // Open runs are looked for every two seconds: one of them at each look would take six.
    assert!(begin.elapsed() < Duration::from_secs(4), "{:?}", begin.elapsed());
    second.stop().await;
}

#[tokio::test]
async fn a_run_that_fails_amid_its_tools_leaves_a_conversation_that_can_go_on() {
    let many: Vec<_> = (0..70).map(|n| ("add", json!({"a": n, "b": 1}))).collect();
    let (memory, model) = (Arc::new(InMemory::new()), Double::new(vec![ask_for(&many), answer("well")]));
    let served = clerk(&memory, &model).await;
    let say = async |input: &str| post(&served, json!({"input": input, "session": "a"}), &[]).await;
    assert_eq!(say("too much").await.1["code"], "tool_calls_exceeded");
    assert_eq!(say("and now?").await.0, StatusCode::OK);
    let told = serde_json::to_value(&model.questions()[1].messages).unwrap();
    let of_role = |role: &str| told.as_array().unwrap().iter().filter(|message| message["role"] == role).count();
    assert_eq!((of_role("user"), of_role("tool")), (2, 70), "every request is answered");
    served.stop().await;
}

#[tokio::test]
async fn a_run_that_waits_in_a_session_hears_that_it_is_to_end() {
    let (memory, model) = (Arc::new(InMemory::new()), Double::gated(vec![answer("first")]));
    let served = clerk(&memory, &model).await;
    let accept = async || {
        let (_, accepted) = post(&served, json!({"input": "go", "session": "a"}), &[("prefer", "respond-async")]).await;
        accepted["run"].as_str().unwrap().to_owned()
    };
    let (first, second) = (accept().await, accept().await);
    let cancel = served.client.post(served.url(&format!("/agents/clerk/runs/{second}/cancel")));
    assert_eq!(cancel.send().await.unwrap().status(), 202);
    assert_eq!(ended(&served, &second).await["state"], "cancelled");
    assert_eq!(served.get(&format!("/agents/clerk/runs/{first}")).await.1["state"], "running");
    model.let_go(1);
    assert_eq!(ended(&served, &first).await["state"], "completed");
    assert_eq!(model.questions().len(), 1);
    served.stop().await;
}

#[tokio::test]
async fn runs_of_a_session_come_in_the_order_in_which_they_were_accepted() {
    let (memory, model) = (Arc::new(InMemory::new()), Double::new((0..6).map(|_| answer("well")).collect::<Vec<_>>()));
    let served = clerk(&memory, &model).await;
    let mut runs = Vec::new();
    for number in 0..6 {
        let body = json!({"input": format!("number {number}"), "session": "a"});
        runs.push(post(&served, body, &[("prefer", "respond-async")]).await.1["run"].as_str().unwrap().to_owned());
    }
    for run in &runs {
        ended(&served, run).await;
    }
    let last =
        |question: &skreaver::model::Question| serde_json::to_value(question.messages.last().unwrap()).unwrap()["text"].clone();
    let asked: Vec<_> = model.questions().iter().map(last).collect();
    assert_eq!(asked, (0..6).map(|number| json!(format!("number {number}"))).collect::<Vec<_>>());
    served.stop().await;
}

/// Memory that takes no writes while it stands still or is full.
struct Stalling {
    memory: InMemory,
    stands_still: watch::Sender<bool>,
    is_full: AtomicBool,
    /// Commits that would wait for a disk.
    syncs: AtomicUsize,
}

impl Stalling {
    fn new() -> Arc<Self> {
        let (stands_still, _) = watch::channel(false);
        Arc::new(Self { memory: InMemory::new(), stands_still, is_full: AtomicBool::new(false), syncs: AtomicUsize::new(0) })
    }
}

#[async_trait]
impl Memory for Stalling {
    async fn get(&self, key: &Key) -> Result<Option<Bytes>, MemoryError> {
        self.memory.get(key).await
    }

    async fn scan(&self, scan: &Scan) -> Result<Vec<Entry>, MemoryError> {
        self.memory.scan(scan).await
    }

    async fn commit(&self, transactions: &[Transaction], keep: Keep) -> Result<Vec<Verdict>, MemoryError> {
        self.syncs.fetch_add(usize::from(keep == Keep::Durable), Ordering::SeqCst);
        self.stands_still.subscribe().wait_for(|stands_still| !stands_still).await.unwrap();
        if self.is_full.load(Ordering::SeqCst) {
            return Err(MemoryError::Full { what: "the test's memory".into(), source: "no space".into() });
        }
        self.memory.commit(transactions, keep).await
    }

    async fn health(&self) -> Result<(), MemoryError> {
        self.memory.health().await
    }

    fn strongest(&self) -> Durability {
        Durability::Durable
    }

    fn is_shared(&self) -> bool {
        self.memory.is_shared()
    }
}

/// A tool that stops memory, and one that ends some steps later.
#[derive(Clone)]
struct Staged {
    memory: Arc<Stalling>,
    stops: bool,
    ended: Arc<AtomicBool>,
}

#[async_trait]
impl Tool for Staged {
    fn description(&self) -> &str {
        "Plays its part."
    }

    fn input_schema(&self) -> Value {
        json!({ "type": "object" })
    }

    async fn run(&self, _: Permit, _: Value) -> Result<Value, ToolError> {
        if self.stops {
            self.memory.stands_still.send_replace(true);
            return Ok(json!("stopped"));
        }
        self.memory.stands_still.subscribe().wait_for(|stands_still| *stands_still).await.unwrap();
        // Long enough for the other's end to be on its way into memory.
        tokio::time::sleep(Duration::from_millis(100)).await;
        self.ended.store(true, Ordering::SeqCst);
        Ok(json!("done"))
    }
}

#[tokio::test]
async fn tools_go_on_while_memory_stands_still() {
    let memory = Stalling::new();
    let staged = |stops| Staged { memory: Arc::clone(&memory), stops, ended: Arc::default() };
    let (quick, slow) = (staged(true), staged(false));
    let model = Double::new(vec![ask_for(&[("quick", json!({})), ("slow", json!({}))]), answer("both")]);
    let harness = Harness::new("clerk").model(&model).memory(&memory).tool("quick", &quick).tool("slow", &slow);
    let started = harness.start().await.unwrap();
    let observed = tokio::spawn({
        let agent = Arc::clone(started.agent());
        async move { agent.observe(Observation::new("go")).await }
    });
    until(async || slow.ended.load(Ordering::SeqCst).then_some(())).await;
    assert!(!observed.is_finished());
    memory.stands_still.send_replace(false);
    assert_eq!(observed.await.unwrap().unwrap().output, "both");
    started.stop().await;
}

#[tokio::test]
async fn memory_that_takes_no_writes_is_not_ready_until_it_does() {
    let memory = Stalling::new();
    let started = Harness::new("clerk").model(&Double::new(vec![answer("well")])).memory(&memory).start().await.unwrap();
    memory.is_full.store(true, Ordering::SeqCst);
    let refused = started.observe("go").await.unwrap_err();
    assert_eq!((refused.status, refused.run), (503, None), "what was not accepted has no run: {}", refused.detail);
    until(async || (!started.runtime().readiness().ready).then_some(())).await;
    memory.is_full.store(false, Ordering::SeqCst);
    until(async || started.runtime().readiness().ready.then_some(())).await;
    assert_eq!(started.observe("go").await.unwrap().output, "well");
    started.stop().await;
}

#[tokio::test]
async fn runs_that_end_while_the_disk_is_busy_share_its_next_sync() {
    const RUNS: usize = 64;
    let (memory, model) = (Stalling::new(), Double::gated((0..RUNS).map(|_| answer("well")).collect::<Vec<_>>()));
    let durable = |config: &mut AgentConfig| {
        let stored = json!({"store": {"backend": "InMemory"}, "durability": "Durable"});
        config.memory = Some(serde_json::from_value(stored).unwrap());
        config.limits.concurrency = 100;
    };
    let started = Harness::new("clerk").model(&model).memory(&memory).configured(durable).start().await.unwrap();
    let observe = |_| {
        let agent = Arc::clone(started.agent());
        tokio::spawn(async move { agent.observe(Observation::new("go")).await.unwrap().output })
    };
    let observed: Vec<_> = (0..RUNS).map(observe).collect();
    until(async || (model.questions().len() == RUNS).then_some(())).await;
    assert_eq!(memory.syncs.load(Ordering::SeqCst), 0, "nothing was promised yet");
    memory.stands_still.send_replace(true);
    model.let_go(RUNS);
    until(async || (memory.syncs.load(Ordering::SeqCst) == 1).then_some(())).await;
    // The disk is busy with the first: long enough for all others to come to their end.
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!observed.iter().any(tokio::task::JoinHandle::is_finished), "an answer came before its sync");
    memory.stands_still.send_replace(false);
    for output in futures::future::join_all(observed).await {
        assert_eq!(output.unwrap(), "well");
    }
    let syncs = memory.syncs.load(Ordering::SeqCst);
    assert!(syncs <= 2, "{RUNS} runs took {syncs} syncs");
    started.stop().await;
}
