//! What the specification of A2A 1.0 asks of a server; the names begin with the section, and docs/a2a-checklist.md lists them.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use skreaver::memory::InMemory;
use skreaver::model::{Model, ModelErrorKind};
use skreaver::protocol::AgentName;
use skreaver::{Listeners, Runtime, serve};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::double::{Double, answer, ask_for, failure};
use crate::support::{Served, config, start, until};

const SPEC: &str = "
agents:
- name: clerk
  description: Adds numbers.
  tools: [{name: add, source: {type: Builtin}}]
  models: [{provider: OpenAICompatible, name: one, baseURL: 'http://unused', timeout: 5s, maxAttempts: 1}]
";
const CARE: &str = "{version: 1, policies: [{name: care, mode: Enforce, defaultAction: Allow, rules: [
    {name: ask, tools: [add], action: RequireApproval, approval: {quorum: 1, timeout: 1m}}]}]}";

/// Serves the clerk with memory.
async fn clerk(model: &Arc<Double>, policies: Option<&str>) -> Served {
    let name = AgentName::parse("clerk").unwrap();
    let spec = format!("{SPEC}  memory: {{store: {{backend: InMemory}}, durability: Ephemeral}}\n");
    let mut builder = Runtime::builder().config(config(&spec)).memory(name.clone(), Arc::new(InMemory::new()));
    if let Some(policies) = policies {
        builder = builder.policies(name.clone(), serde_yaml::from_str(policies).unwrap());
    }
    let runtime = builder.models(name, vec![Arc::clone(model) as Arc<dyn Model>]).build().unwrap();
    let api = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = api.local_addr().unwrap();
    let shutdown = CancellationToken::new();
    let ended = tokio::spawn(serve(Arc::new(runtime), Listeners { api, admin: None }, shutdown.clone(), Duration::ZERO));
    let served = Served { address, shutdown, ended, client: reqwest::Client::new() };
    until(async || (served.get("/ready").await.0 == 200).then_some(())).await;
    served
}

/// Serves an agent without model and memory.
async fn stateless() -> Served {
    start(config("agents: [{name: clerk}]"), &[], None, Duration::ZERO).await
}

async fn raw(served: &Served, body: &str) -> (u16, Value) {
    let request = served.client.post(served.url("/agents/clerk/a2a")).header("a2a-version", "1.0");
    let response = request.header("content-type", "application/json").body(body.to_owned()).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

/// Calls over JSON-RPC: the result, or the code of the error.
async fn rpc(served: &Served, method: &str, params: Value) -> Result<Value, i64> {
    let body = json!({"jsonrpc": "2.0", "id": 7, "method": method, "params": params});
    let (status, answer) = raw(served, &body.to_string()).await;
    assert_eq!((status, &answer["id"], &answer["jsonrpc"]), (200, &json!(7), &json!("2.0")), "{answer}");
    answer["error"]["code"].as_i64().map_or_else(|| Ok(answer["result"].clone()), Err)
}

async fn streamed(served: &Served, method: &str, params: Value, last: Option<&str>) -> Vec<(Option<String>, Value)> {
    let body = json!({"jsonrpc": "2.0", "id": "s", "method": method, "params": params});
    let mut request = served.client.post(served.url("/agents/clerk/a2a")).header("a2a-version", "1.0").json(&body);
    if let Some(last) = last {
        request = request.header("last-event-id", last);
    }
    let text = request.send().await.unwrap().text().await.unwrap();
    let events = text.split("\n\n").filter(|event| event.contains("data:"));
    let field =
        |event: &str, name: &str| event.lines().find_map(|line| line.strip_prefix(name).map(|value| value.trim().to_owned()));
    events.map(|event| (field(event, "id:"), serde_json::from_str(&field(event, "data:").unwrap()).unwrap())).collect()
}

async fn rest(served: &Served, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
    let method = method.parse().unwrap();
    let mut request = served.client.request(method, served.url(&format!("/agents/clerk/a2a{path}"))).header("a2a-version", "1.0");
    if let Some(body) = body {
        request = request.json(&body);
    }
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

fn told(text: &str) -> Value {
    json!({"message": {"messageId": "m1", "role": "ROLE_USER", "parts": [{"text": text}]}})
}

fn with(mut request: Value, place: &str, value: Value) -> Value {
    *request.pointer_mut(place).unwrap() = value;
    request
}

#[tokio::test]
async fn s4_4_1_the_card_tells_what_the_agent_offers() {
    let served = clerk(&Double::new(vec![]), None).await;
    let (status, card) = served.get("/.well-known/agent-card.json").await;
    assert_eq!((status, &card), (200, &served.get("/agents/clerk/.well-known/agent-card.json").await.1));
    let url = served.url("/agents/clerk/a2a");
    let interface = |binding: &str| json!({"url": url, "protocolBinding": binding, "protocolVersion": "1.0"});
    assert_eq!(card["supportedInterfaces"], json!([interface("JSONRPC"), interface("HTTP+JSON")]));
    assert_eq!(card["capabilities"], json!({"streaming": true, "pushNotifications": false, "extendedAgentCard": false}));
    assert_eq!((&card["name"], &card["description"]), (&json!("clerk"), &json!("Adds numbers.")));
    assert_eq!((&card["defaultInputModes"], &card["skills"][0]["id"]), (&json!(["text/plain"]), &json!("clerk")));
    served.stop().await;
}

#[tokio::test]
async fn s8_2_each_of_several_agents_has_its_card() {
    let served = start(config("agents: [{name: amber}, {name: basalt}]"), &[], None, Duration::ZERO).await;
    assert_eq!(served.get("/.well-known/agent-card.json").await.0, 404);
    assert_eq!(served.get("/agents/basalt/.well-known/agent-card.json").await.1["name"], "basalt");
    served.stop().await;
}

#[tokio::test]
async fn s3_6_2_another_version_is_refused_and_none_is_0_3() {
    let served = stateless().await;
    for (version, accepted) in
        [(None, false), (Some(""), false), (Some("0.3"), false), (Some("2.0"), false), (Some("1.0"), true), (Some("1.0.1"), true)]
    {
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": "SendMessage", "params": told("Hello")});
        let mut request = served.client.post(served.url("/agents/clerk/a2a")).json(&body);
        if let Some(version) = version {
            request = request.header("a2a-version", version);
        }
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        assert_eq!(answer["error"]["code"], if accepted { Value::Null } else { json!(-32009) }, "{version:?}");
    }
    served.stop().await;
}

#[tokio::test]
async fn s3_1_1_an_agent_without_memory_answers_with_a_message() {
    let served = stateless().await;
    let answer = rpc(&served, "SendMessage", told("Hello")).await.unwrap();
    assert_eq!((&answer["message"]["role"], &answer["message"]["parts"]), (&json!("ROLE_AGENT"), &json!([{"text": "Hello"}])));
    assert!(answer["message"].get("taskId").is_none());
    let id = "01900000-0000-7000-8000-000000000000";
    assert_eq!(rpc(&served, "GetTask", json!({"id": id})).await, Err(-32001));
    assert_eq!(rpc(&served, "ListTasks", json!({})).await.unwrap()["tasks"], json!([]));
    let in_context = with(
        told("Hello"),
        "/message",
        json!({"messageId": "m", "role": "ROLE_USER", "contextId": "c", "parts": [{"text": "x"}]}),
    );
    assert_eq!(rpc(&served, "SendMessage", in_context).await, Err(-32004), "a context needs memory");
    served.stop().await;
}

#[tokio::test]
async fn s3_1_2_an_agent_without_memory_streams_one_message() {
    let served = stateless().await;
    let events = streamed(&served, "SendStreamingMessage", told("Hello"), None).await;
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].1["result"]["message"]["parts"][0]["text"], "Hello");
    served.stop().await;
}

#[tokio::test]
async fn s3_1_1_a_task_is_told_when_it_is_over_and_can_be_got_again() {
    let served = clerk(&Double::new(vec![answer("Five.")]), None).await;
    let sent = rpc(&served, "SendMessage", told("2 and 3?")).await.unwrap();
    let task = &sent["task"];
    assert_eq!(task["status"]["state"], "TASK_STATE_COMPLETED");
    assert_eq!(task["artifacts"][0]["parts"], json!([{"text": "Five."}]));
    assert_eq!((&task["history"][0]["role"], &task["history"][0]["parts"][0]["text"]), (&json!("ROLE_USER"), &json!("2 and 3?")));
    let id = task["id"].as_str().unwrap();
    assert_eq!(&rpc(&served, "GetTask", json!({"id": id})).await.unwrap(), task);
    assert_eq!(&rest(&served, "GET", &format!("/tasks/{id}"), None).await.1, task);
    assert_eq!(served.get(&format!("/agents/clerk/runs/{id}")).await.1["output"], "Five.", "it is a run");
    served.stop().await;
}

#[tokio::test]
async fn s3_2_2_return_immediately_does_not_wait() {
    let model = Double::gated(vec![answer("later")]);
    let served = clerk(&model, None).await;
    let mut request = told("go");
    request["configuration"] = json!({"returnImmediately": true});
    let sent = rpc(&served, "SendMessage", request).await.unwrap();
    assert_eq!(sent["task"]["status"]["state"], "TASK_STATE_WORKING");
    let id = json!({"id": sent["task"]["id"]});
    model.let_go(1);
    let state = async || rpc(&served, "GetTask", id.clone()).await.unwrap()["status"]["state"].clone();
    until(async || (state().await == "TASK_STATE_COMPLETED").then_some(())).await;
    served.stop().await;
}

#[tokio::test]
async fn s3_2_4_history_is_as_long_as_asked_for() {
    let served = clerk(&Double::new(vec![answer("A")]), None).await;
    let task = rpc(&served, "SendMessage", told("x")).await.unwrap()["task"].clone();
    let got = async |length: i32| rpc(&served, "GetTask", json!({"id": task["id"], "historyLength": length})).await;
    assert!(got(0).await.unwrap().get("history").is_none());
    assert_eq!(got(1).await.unwrap()["history"], task["history"]);
    assert_eq!(got(-1).await, Err(-32602));
    served.stop().await;
}

#[tokio::test]
async fn s3_4_1_a_context_holds_what_was_said_in_it() {
    let model = Double::new(vec![answer("A"), answer("B")]);
    let served = clerk(&model, None).await;
    let first = rpc(&served, "SendMessage", told("one")).await.unwrap()["task"].clone();
    let mut second = told("two");
    second["message"]["contextId"] = first["contextId"].clone();
    let second = rpc(&served, "SendMessage", second).await.unwrap()["task"].clone();
    assert_eq!(second["contextId"], first["contextId"]);
    assert_ne!(second["id"], first["id"]);
    assert_eq!(model.questions()[1].messages.len(), 3);
    served.stop().await;
}

#[tokio::test]
async fn s3_1_1_a_task_that_is_over_takes_no_message() {
    let served = clerk(&Double::new(vec![answer("A")]), None).await;
    let task = rpc(&served, "SendMessage", told("one")).await.unwrap()["task"].clone();
    let mut more = told("two");
    more["message"]["taskId"] = task["id"].clone();
    assert_eq!(rpc(&served, "SendMessage", more.clone()).await, Err(-32004));
    more["message"]["taskId"] = json!("01900000-0000-7000-8000-000000000000");
    assert_eq!(rpc(&served, "SendMessage", more).await, Err(-32001));
    served.stop().await;
}

#[tokio::test]
async fn s3_3_2_what_a_message_must_have_is_asked_for() {
    let served = stateless().await;
    let message = |part: Value| json!({"message": {"messageId": "m", "role": "ROLE_USER", "parts": part}});
    for (request, code) in [
        (json!({}), -32602),
        (with(told("x"), "/message/role", json!("ROLE_AGENT")), -32602),
        (with(told("x"), "/message/role", json!("king")), -32602),
        (with(told("x"), "/message/messageId", json!("")), -32602),
        (message(json!([])), -32602),
        (message(json!([{"url": "http://a.example/x.png"}])), -32005),
        (message(json!([{"raw": "AAAA"}])), -32005),
        (message(json!([{"data": {"a": 1}}])), -32005),
    ] {
        assert_eq!(rpc(&served, "SendMessage", request.clone()).await, Err(code), "{request}");
    }
    served.stop().await;
}

#[tokio::test]
async fn s3_2_2_modes_and_push_that_are_not_offered_are_refused() {
    let served = stateless().await;
    let configured = |configuration: Value| json!({"message": told("x")["message"], "configuration": configuration});
    let images = configured(json!({"acceptedOutputModes": ["image/png"]}));
    assert_eq!(rpc(&served, "SendMessage", images).await, Err(-32005));
    assert!(rpc(&served, "SendMessage", configured(json!({"acceptedOutputModes": ["image/png", "text/plain"]}))).await.is_ok());
    let push = configured(json!({"taskPushNotificationConfig": {"url": "http://a.example"}}));
    assert_eq!(rpc(&served, "SendMessage", push).await, Err(-32003));
    served.stop().await;
}

#[tokio::test]
async fn s3_1_7_to_10_push_notifications_are_declared_and_refused() {
    let served = stateless().await;
    for what in ["Create", "Get", "Delete"] {
        assert_eq!(rpc(&served, &format!("{what}TaskPushNotificationConfig"), json!({})).await, Err(-32003));
    }
    assert_eq!(rpc(&served, "ListTaskPushNotificationConfigs", json!({})).await, Err(-32003));
    let (status, error) = rest(&served, "GET", "/tasks/x/pushNotificationConfigs", None).await;
    assert_eq!((status, &error["error"]["details"][0]["reason"]), (400, &json!("PUSH_NOTIFICATION_NOT_SUPPORTED")));
    served.stop().await;
}

#[tokio::test]
async fn s3_1_11_there_is_no_extended_card() {
    let served = stateless().await;
    assert_eq!(rpc(&served, "GetExtendedAgentCard", json!({})).await, Err(-32004));
    assert_eq!(rest(&served, "GET", "/extendedAgentCard", None).await.0, 400);
    served.stop().await;
}

#[tokio::test]
async fn s3_1_4_tasks_are_listed_the_last_changed_first_and_in_parts() {
    let served = clerk(&Double::new(vec![answer("A"), answer("B"), failure(ModelErrorKind::Unauthorized)]), None).await;
    let mut sent = Vec::new();
    for text in ["one", "two", "three"] {
        sent.push(rpc(&served, "SendMessage", told(text)).await.unwrap()["task"].clone());
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let list = async |params: Value| rpc(&served, "ListTasks", params).await;
    let all = list(json!({})).await.unwrap();
    let ids: Vec<_> = all["tasks"].as_array().unwrap().iter().map(|task| task["id"].clone()).collect();
    assert_eq!(ids, [sent[2]["id"].clone(), sent[1]["id"].clone(), sent[0]["id"].clone()]);
    assert_eq!((&all["totalSize"], &all["pageSize"], &all["nextPageToken"]), (&json!(3), &json!(50), &json!("")));
    assert!(all["tasks"].as_array().unwrap().iter().all(|task| task.get("artifacts").is_none()));
    let first = list(json!({"pageSize": 2})).await.unwrap();
    let rest = list(json!({"pageSize": 2, "pageToken": first["nextPageToken"], "includeArtifacts": true})).await.unwrap();
    assert_eq!((rest["tasks"].as_array().unwrap().len(), &rest["tasks"][0]), (1, &sent[0]));
    let failed = list(json!({"status": "TASK_STATE_FAILED"})).await.unwrap();
    assert_eq!((&failed["totalSize"], &failed["tasks"][0]["id"]), (&json!(1), &sent[2]["id"]));
    let of_context = list(json!({"contextId": sent[1]["contextId"]})).await.unwrap();
    assert_eq!((&of_context["totalSize"], &of_context["tasks"][0]["id"]), (&json!(1), &sent[1]["id"]));
    let after = list(json!({"statusTimestampAfter": "2099-01-01T00:00:00Z"})).await.unwrap();
    assert_eq!(after["tasks"], json!([]));
    for wrong in [json!({"pageSize": 0}), json!({"pageSize": 101}), json!({"status": "soon"}), json!({"historyLength": -1})] {
        assert_eq!(list(wrong).await, Err(-32602));
    }
    served.stop().await;
}

#[tokio::test]
async fn s3_1_5_a_task_under_way_can_be_cancelled_once() {
    let served = clerk(&Double::gated(vec![]), None).await;
    let mut request = told("go");
    request["configuration"] = json!({"returnImmediately": true});
    let id = json!({"id": rpc(&served, "SendMessage", request).await.unwrap()["task"]["id"]});
    assert_eq!(rpc(&served, "CancelTask", id.clone()).await.unwrap()["status"]["state"], "TASK_STATE_CANCELED");
    assert_eq!(rpc(&served, "CancelTask", id).await, Err(-32002));
    assert_eq!(rpc(&served, "CancelTask", json!({"id": "nonsense"})).await, Err(-32001));
    served.stop().await;
}

#[tokio::test]
async fn s3_1_2_a_stream_tells_the_task_then_its_changes() {
    let model = Double::new(vec![ask_for(&[("add", json!({"text": "2 3"}))]), answer("It is five.")]);
    let served = clerk(&model, None).await;
    let events = streamed(&served, "SendStreamingMessage", told("2 and 3?"), None).await;
    assert!(events.iter().all(|(_, event)| event["id"] == "s"));
    let results: Vec<_> = events.iter().map(|(_, event)| &event["result"]).collect();
    assert!(results[0]["task"]["id"].is_string());
    let last = results.last().unwrap();
    assert_eq!(last["statusUpdate"]["status"]["state"], "TASK_STATE_COMPLETED");
    let mut text = String::new();
    for update in results.iter().filter_map(|result| result.get("artifactUpdate")) {
        if update["append"] != true {
            text.clear();
        }
        text.push_str(update["artifact"]["parts"][0]["text"].as_str().unwrap());
    }
    assert_eq!(text, "It is five.");
    served.stop().await;
}

#[tokio::test]
async fn s3_1_6_who_subscribes_is_told_the_task_and_the_rest_of_it() {
    let model = Double::gated(vec![answer("late")]);
    let served = clerk(&model, None).await;
    let mut request = told("go");
    request["configuration"] = json!({"returnImmediately": true});
    let id = json!({"id": rpc(&served, "SendMessage", request).await.unwrap()["task"]["id"]});
    let (followed, ()) = tokio::join!(streamed(&served, "SubscribeToTask", id.clone(), Some("1.0")), async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        model.let_go(1);
    });
    assert!(followed[0].1["result"]["task"]["id"].is_string());
    assert!(
        followed.iter().all(|(_, event)| event["result"]["statusUpdate"]["status"]["state"] != "TASK_STATE_WORKING"),
        "that was before"
    );
    assert_eq!(followed.last().unwrap().1["result"]["statusUpdate"]["status"]["state"], "TASK_STATE_COMPLETED");
    assert!(followed.last().unwrap().0.is_some(), "events have ids to come back with");
    assert_eq!(rpc(&served, "SubscribeToTask", id).await, Err(-32004), "it is over");
    let (status, error) = rest(&served, "POST", "/tasks/nonsense:subscribe", None).await;
    assert_eq!((status, &error["error"]["status"]), (404, &json!("NOT_FOUND")));
    served.stop().await;
}

#[tokio::test]
async fn s7_6_1_a_task_that_waits_for_people_says_so_and_why() {
    let model = Double::new(vec![ask_for(&[("add", json!({"text": "2 3"}))]), answer("Five.")]);
    let served = clerk(&model, Some(CARE)).await;
    let task = rpc(&served, "SendMessage", told("2 and 3?")).await.unwrap()["task"].clone();
    assert_eq!(task["status"]["state"], "TASK_STATE_AUTH_REQUIRED");
    let why = |task: &Value| task["status"]["message"]["parts"][0]["text"].as_str().unwrap_or_default().to_owned();
    assert!(why(&task).contains("waits for people to approve it"), "{task}");
    let waiting =
        async || rpc(&served, "ListTasks", json!({"status": "TASK_STATE_AUTH_REQUIRED"})).await.unwrap()["totalSize"].clone();
    until(async || (waiting().await == 1).then_some(())).await;
    let got = rpc(&served, "GetTask", json!({"id": task["id"]})).await.unwrap();
    assert_eq!((&got["status"]["state"], why(&got)), (&task["status"]["state"], why(&task)));
    let name = served.get("/agents/clerk/approvals").await.1["approvals"][0]["request"]["name"].clone();
    let url = served.url(&format!("/agents/clerk/approvals/{}", name.as_str().unwrap()));
    assert_eq!(served.client.post(url).json(&json!({"decision": "Approve"})).send().await.unwrap().status(), 200);
    let got = async || rpc(&served, "GetTask", json!({"id": task["id"]})).await.unwrap()["status"]["state"].clone();
    until(async || (got().await == "TASK_STATE_COMPLETED").then_some(())).await;
    served.stop().await;
}

#[tokio::test]
async fn s4_1_3_a_task_that_failed_says_why() {
    let served = clerk(&Double::new(vec![failure(ModelErrorKind::Unauthorized)]), None).await;
    let task = rpc(&served, "SendMessage", told("x")).await.unwrap()["task"].clone();
    assert_eq!(task["status"]["state"], "TASK_STATE_FAILED");
    assert_eq!(task["status"]["message"]["metadata"]["problem"]["code"], "model_failed");
    assert!(!task["status"]["message"]["parts"][0]["text"].as_str().unwrap().is_empty());
    served.stop().await;
}

/// Begins a task that goes on until its model is let go.
async fn begun(served: &Served) -> Value {
    let mut request = told("go");
    request["configuration"] = json!({"returnImmediately": true});
    json!({"id": rpc(served, "SendMessage", request).await.unwrap()["task"]["id"]})
}

#[tokio::test]
async fn s3_6_1_the_version_may_stand_in_the_query() {
    let served = stateless().await;
    for (query, status) in [("?A2A-Version=1.0", 200), ("?a2a-version=1.0&pageSize=1", 200), ("?A2A-Version=0.3", 400), ("", 400)]
    {
        assert_eq!(served.get(&format!("/agents/clerk/a2a/tasks{query}")).await.0, status, "{query}");
    }
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "ListTasks"});
    let request = served.client.post(served.url("/agents/clerk/a2a?A2A-Version=1.0")).json(&body);
    let answer: Value = request.send().await.unwrap().json().await.unwrap();
    assert_eq!(answer["result"]["tasks"], json!([]));
    served.stop().await;
}

#[tokio::test]
async fn s3_4_2_ids_of_tasks_are_the_servers_and_unique() {
    let served = clerk(&Double::new(vec![answer("A"), answer("B")]), None).await;
    let mut ids = Vec::new();
    for _ in 0..2 {
        // The same message, sent again, is a task of its own.
        ids.push(rpc(&served, "SendMessage", told("x")).await.unwrap()["task"]["id"].as_str().unwrap().to_owned());
    }
    assert_ne!(ids[0], ids[1]);
    let mut named = told("x");
    named["message"]["taskId"] = json!("mine");
    assert_eq!(rpc(&served, "SendMessage", named).await, Err(-32001), "a client names none");
    served.stop().await;
}

#[tokio::test]
async fn s3_4_3_a_message_of_one_context_to_a_task_of_another_is_refused() {
    let model = Double::gated(vec![]);
    let served = clerk(&model, None).await;
    let id = begun(&served).await;
    for context in ["other", ""] {
        let mut more = told("more");
        more["message"]["taskId"] = id["id"].clone();
        more["message"]["contextId"] = json!(context);
        assert_eq!(rpc(&served, "SendMessage", more.clone()).await, Err(-32004), "{context}");
        assert_eq!(rest(&served, "POST", "/message:stream", Some(more)).await.0, 400);
    }
    assert_eq!(model.questions().len(), 1, "none of it was told to the model");
    served.stop().await;
}

#[tokio::test]
async fn s3_5_2_all_streams_of_a_task_are_told_the_same_in_one_order() {
    let model = Double::gated(vec![answer("late")]);
    let served = clerk(&model, None).await;
    let id = begun(&served).await;
    let stream = || streamed(&served, "SubscribeToTask", id.clone(), None);
    // One goes away in the middle, which is nothing to the others.
    let gone = tokio::time::timeout(Duration::from_millis(100), stream());
    let (one, other, gone, ()) = tokio::join!(stream(), stream(), gone, async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        model.let_go(1);
    });
    assert!(gone.is_err());
    let untimed = |events: Vec<(Option<String>, Value)>| {
        let events = events.into_iter().map(|(_, mut event)| {
            event.pointer_mut("/result/statusUpdate/status/timestamp").map(Value::take);
            event["result"].take()
        });
        events.collect::<Vec<_>>()
    };
    let (one, other) = (untimed(one), untimed(other));
    assert_eq!(one, other);
    assert_eq!(one.last().unwrap()["statusUpdate"]["status"]["state"], "TASK_STATE_COMPLETED");
    served.stop().await;
}

#[tokio::test]
async fn s5_1_both_bindings_do_and_answer_the_same() {
    let served = clerk(&Double::new(vec![answer("A"), answer("B")]), None).await;
    let sent = rpc(&served, "SendMessage", told("one")).await.unwrap()["task"].clone();
    let (_, other) = rest(&served, "POST", "/message:send", Some(told("two"))).await;
    let shape = |task: &Value| task.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(shape(&sent), shape(&other["task"]));
    let id = sent["id"].as_str().unwrap();
    for (method, params, path) in [
        ("GetTask", json!({"id": id}), format!("/tasks/{id}")),
        ("GetTask", json!({"id": id, "historyLength": 0}), format!("/tasks/{id}?historyLength=0")),
        ("ListTasks", json!({}), "/tasks".into()),
        ("ListTasks", json!({"pageSize": 1, "includeArtifacts": true}), "/tasks?pageSize=1&includeArtifacts=true".into()),
        ("ListTasks", json!({"status": "TASK_STATE_FAILED"}), "/tasks?status=TASK_STATE_FAILED".into()),
        (
            "ListTasks",
            json!({"contextId": sent["contextId"]}),
            format!("/tasks?contextId={}", sent["contextId"].as_str().unwrap()),
        ),
    ] {
        assert_eq!(rpc(&served, method, params).await.unwrap(), rest(&served, "GET", &path, None).await.1, "{path}");
    }
    served.stop().await;
}

#[tokio::test]
async fn s5_4_errors_have_the_codes_and_statuses_of_the_specification() {
    let served = clerk(&Double::new(vec![answer("A")]), None).await;
    let sent = rpc(&served, "SendMessage", told("one")).await.unwrap()["task"]["id"].clone();
    let (id, parts) = (sent.as_str().unwrap(), json!([{"raw": "AAAA"}]));
    let image = json!({"message": {"messageId": "m", "role": "ROLE_USER", "parts": parts}});
    let (cancel, push) = (format!("/tasks/{id}:cancel"), format!("/tasks/{id}/pushNotificationConfigs"));
    let (of_task, nobody) = (json!({"id": id}), json!({"id": "nobody"}));
    let failed = "FAILED_PRECONDITION";
    for (method, params, at, code, status, name, reason) in [
        ("GetTask", &nobody, ("GET", "/tasks/nobody"), -32001, 404, "NOT_FOUND", "TASK_NOT_FOUND"),
        ("CancelTask", &of_task, ("POST", cancel.as_str()), -32002, 400, failed, "TASK_NOT_CANCELABLE"),
        ("ListTaskPushNotificationConfigs", &of_task, ("GET", &push), -32003, 400, failed, "PUSH_NOTIFICATION_NOT_SUPPORTED"),
        ("GetExtendedAgentCard", &of_task, ("GET", "/extendedAgentCard"), -32004, 400, failed, "UNSUPPORTED_OPERATION"),
        ("SendMessage", &image, ("POST", "/message:send"), -32005, 400, "INVALID_ARGUMENT", "CONTENT_TYPE_NOT_SUPPORTED"),
        ("ListTasks", &json!({"pageSize": 0}), ("GET", "/tasks?pageSize=0"), -32602, 400, "INVALID_ARGUMENT", "INVALID_PARAMS"),
    ] {
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let (_, answer) = raw(&served, &body.to_string()).await;
        let of_rpc = &answer["error"];
        let body = (at.0 == "POST").then(|| params.clone());
        let (found, answer) = rest(&served, at.0, at.1, body).await;
        let of_rest = &answer["error"];
        assert_eq!((&of_rpc["code"], found), (&json!(code), status), "{method}: {of_rpc} {of_rest}");
        assert_eq!((&of_rest["code"], &of_rest["status"]), (&json!(status), &json!(name)), "{method}");
        for (message, details) in [(&of_rpc["message"], &of_rpc["data"]), (&of_rest["message"], &of_rest["details"])] {
            assert!(!message.as_str().unwrap().is_empty());
            let details = details.as_array().unwrap();
            assert!(details.iter().all(|detail| detail["@type"].is_string()), "{details:?}");
            assert_eq!(
                (&details[0]["@type"], &details[0]["reason"]),
                (&json!("type.googleapis.com/google.rpc.ErrorInfo"), &json!(reason))
            );
            assert_eq!(details[0]["domain"], "a2a-protocol.org");
        }
    }
    let request = served.client.get(served.url("/agents/clerk/a2a/tasks")).header("a2a-version", "9.9");
    let answer: Value = request.send().await.unwrap().json().await.unwrap();
    assert_eq!(
        (&answer["error"]["status"], &answer["error"]["details"][0]["reason"]),
        (&json!(failed), &json!("VERSION_NOT_SUPPORTED"))
    );
    served.stop().await;
}

/// The names of all fields, however deep.
fn names(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| {
            found.push(name.clone());
            names(value, found);
        }),
        Value::Array(items) => items.iter().for_each(|item| names(item, found)),
        _ => {}
    }
}

#[tokio::test]
async fn s5_5_fields_are_camel_case_and_times_are_utc() {
    let served = clerk(&Double::new(vec![answer("A")]), None).await;
    let task = rpc(&served, "SendMessage", told("one")).await.unwrap()["task"].clone();
    let card = served.get("/.well-known/agent-card.json").await.1;
    let mut found = Vec::new();
    [&task, &card].into_iter().for_each(|value| names(value, &mut found));
    assert!(found.iter().any(|name| name == "contextId") && found.iter().all(|name| !name.contains('_')), "{found:?}");
    assert_eq!((&task["status"]["state"], &task["history"][0]["role"]), (&json!("TASK_STATE_COMPLETED"), &json!("ROLE_USER")));
    let at = task["status"]["timestamp"].as_str().unwrap();
    assert!(at.ends_with('Z') && at.parse::<jiff::Timestamp>().is_ok(), "{at}");
    served.stop().await;
}

#[tokio::test]
async fn s5_7_lists_that_are_required_are_not_empty_and_unknown_fields_are_let_be() {
    let served = stateless().await;
    let card = served.get("/.well-known/agent-card.json").await.1;
    for list in ["supportedInterfaces", "defaultInputModes", "defaultOutputModes", "skills"] {
        assert!(!card[list].as_array().unwrap().is_empty(), "{list}");
    }
    assert!(!card["skills"][0]["tags"].as_array().unwrap().is_empty());
    let mut request = told("Hello");
    request["soon"] = json!(1);
    request["message"]["soon"] = json!({"a": 1});
    request["message"]["extensions"] = json!(["https://a.example/unknown/v1"]);
    assert_eq!(rpc(&served, "SendMessage", request).await.unwrap()["message"]["parts"][0]["text"], "Hello");
    served.stop().await;
}

#[tokio::test]
async fn s9_1_and_11_1_each_binding_has_its_media_types() {
    let served = stateless().await;
    let call = |method: &str| json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": told("Hello")});
    let (whole, streamed) = (call("SendMessage"), call("SendStreamingMessage"));
    let error = json!({"jsonrpc": "2.0", "id": 1, "method": "GetTask", "params": {"id": "x"}});
    for (path, body, sent, told) in [
        ("", &whole, "application/json", "application/json"),
        ("", &error, "application/json; charset=utf-8", "application/json"),
        ("", &streamed, "application/json", "text/event-stream"),
        ("/message:send", &told("Hello"), "application/a2a+json", "application/a2a+json"),
        ("/message:send", &told("Hello"), "application/json", "application/a2a+json"),
        ("/message:send", &json!({}), "application/a2a+json", "application/a2a+json"),
        ("/message:stream", &told("Hello"), "application/a2a+json", "text/event-stream"),
        ("/nothing", &json!({}), "application/a2a+json", "application/a2a+json"),
    ] {
        let request = served.client.post(served.url(&format!("/agents/clerk/a2a{path}"))).header("a2a-version", "1.0");
        let response = request.header("content-type", sent).body(body.to_string()).send().await.unwrap();
        assert_eq!(response.headers()["content-type"], told, "{path} {body}");
    }
    served.stop().await;
}

#[tokio::test]
async fn s11_7_each_event_over_http_json_is_a_stream_response() {
    let served = clerk(&Double::new(vec![answer("Five.")]), None).await;
    let request = served.client.post(served.url("/agents/clerk/a2a/message:stream")).header("a2a-version", "1.0");
    let text = request.json(&told("2 and 3?")).send().await.unwrap().text().await.unwrap();
    let events: Vec<Value> =
        text.lines().filter_map(|line| line.strip_prefix("data: ")).map(|data| serde_json::from_str(data).unwrap()).collect();
    assert!(events[0]["task"]["id"].is_string());
    assert!(events.iter().all(|event| event.as_object().unwrap().len() == 1), "{events:?}");
    assert!(
        events[1..].iter().all(|event| event["statusUpdate"].is_object() || event["artifactUpdate"].is_object()),
        "{events:?}"
    );
    assert_eq!(events.last().unwrap()["statusUpdate"]["status"]["state"], "TASK_STATE_COMPLETED");
    served.stop().await;
}

#[tokio::test]
async fn s14_1_1_what_is_no_utf_8_is_no_json() {
    let served = stateless().await;
    let send = async |path: &str| {
        let request = served.client.post(served.url(&format!("/agents/clerk/a2a{path}"))).header("a2a-version", "1.0");
        let body = b"{\"jsonrpc\": \"2.0\", \"id\": 1, \"method\": \"\xff\"}".to_vec();
        let response = request.header("content-type", "application/json").body(body).send().await.unwrap();
        (response.status().as_u16(), response.json::<Value>().await.unwrap()["error"]["code"].clone())
    };
    assert_eq!(send("").await, (200, json!(-32700)));
    assert_eq!(send("/message:send").await, (400, json!(400)));
    served.stop().await;
}

#[tokio::test]
async fn s9_5_bad_json_rpc_is_answered_by_the_codes_of_json_rpc() {
    let served = stateless().await;
    for (body, code, id) in [
        ("{", -32700, Value::Null),
        ("[]", -32600, Value::Null),
        ("7", -32600, Value::Null),
        (r#"[{"jsonrpc": "2.0", "id": 1, "method": "GetTask"}]"#, -32600, Value::Null),
        (r#"{"jsonrpc": "1.0", "id": 3, "method": "GetTask"}"#, -32600, json!(3)),
        (r#"{"id": 3, "method": "GetTask"}"#, -32600, json!(3)),
        (r#"{"jsonrpc": "2.0", "id": "x"}"#, -32600, json!("x")),
        (r#"{"jsonrpc": "2.0", "id": 1, "method": 5}"#, -32600, json!(1)),
        (r#"{"jsonrpc": "2.0", "id": {}, "method": "GetTask"}"#, -32600, Value::Null),
        (r#"{"jsonrpc": "2.0", "method": "GetTask"}"#, -32600, Value::Null),
        (r#"{"jsonrpc": "2.0", "id": 1, "method": "message/send"}"#, -32601, json!(1)),
        (r#"{"jsonrpc": "2.0", "id": 1, "method": "GetTask"}"#, -32602, json!(1)),
        (r#"{"jsonrpc": "2.0", "id": 1, "method": "GetTask", "params": ["x"]}"#, -32602, json!(1)),
        (r#"{"jsonrpc": "2.0", "id": 1, "method": "GetTask", "params": {"id": 5}}"#, -32602, json!(1)),
    ] {
        let (status, answer) = raw(&served, body).await;
        assert_eq!((status, &answer["error"]["code"], &answer["id"]), (200, &json!(code), &id), "{body}: {answer}");
        assert!(answer.get("result").is_none());
    }
    served.stop().await;
}

#[tokio::test]
async fn s11_http_json_has_the_same_operations_and_aip_193_errors() {
    let served = clerk(&Double::new(vec![answer("Five.")]), None).await;
    let (status, sent) = rest(&served, "POST", "/message:send", Some(told("2 and 3?"))).await;
    assert_eq!((status, &sent["task"]["status"]["state"]), (200, &json!("TASK_STATE_COMPLETED")));
    let id = sent["task"]["id"].as_str().unwrap();
    assert_eq!(rest(&served, "GET", "/tasks?pageSize=1&includeArtifacts=true", None).await.1["tasks"][0]["id"], id);
    let (status, error) = rest(&served, "POST", &format!("/tasks/{id}:cancel"), None).await;
    assert_eq!((status, &error["error"]["details"][0]["reason"]), (400, &json!("TASK_NOT_CANCELABLE")), "{error}");
    for (method, path, body, status) in [
        ("GET", "/tasks/nonsense", None, 404),
        ("GET", "/tasks?pageSize=many", None, 400),
        ("GET", "/tasks/x?historyLength=long", None, 400),
        ("POST", "/tasks/x:levitate", None, 404),
        ("POST", "/message:send", Some(json!({})), 400),
    ] {
        let (found, error) = rest(&served, method, path, body).await;
        assert_eq!((found, &error["error"]["code"]), (status, &json!(status)), "{method} {path}: {error}");
    }
    served.stop().await;
}
