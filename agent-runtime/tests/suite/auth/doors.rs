//! The doors of other protocols: what is another's, what one may not, and what ends with the token that it was asked for with.

use std::time::{Duration, Instant};

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::hostile::check;
use super::world::{Signer, World, answer};

/// What is not there, in the form of what is.
const ABSENT: &str = "01900000-0000-7000-8000-000000000000";

impl World {
    /// The credential of a caller; `TOKEN` is called as Ann is, by somebody else.
    fn credential(&self, who: &str) -> String {
        if who == "TOKEN" { self.signer.token(&json!({})) } else { self.key(who).to_owned() }
    }

    async fn rpc(&self, who: &str, method: &str, params: &Value) -> (u16, Value) {
        let body = json!({"jsonrpc": "2.0", "id": 7, "method": method, "params": params});
        let request = self.request("POST", "/agents/basalt/a2a").header("a2a-version", "1.0").json(&body);
        answer(request.bearer_auth(self.credential(who))).await
    }

    async fn a2a(&self, who: &str, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let request = self.request(method, &format!("/agents/basalt/a2a{path}")).header("a2a-version", "1.0").json(body);
        answer(request.bearer_auth(self.credential(who))).await
    }

    /// The one reason for which something was refused since the last time.
    fn reason(&self) -> Value {
        let logged = self.refusals();
        assert_eq!(logged.len(), 1, "it is logged once: {logged:?}");
        logged[0]["reason"].clone()
    }
}

fn message(text: &str, more: (&str, &str)) -> Value {
    let mut message = json!({"messageId": "m", "role": "ROLE_USER", "parts": [{"text": text}]});
    if !more.0.is_empty() {
        message[more.0] = more.1.into();
    }
    json!({ "message": message })
}

#[tokio::test]
async fn tasks_of_others_are_not_there_over_json_rpc_and_who_may_not_ask_is_told() {
    let world = World::start().await;
    let run = world.observe("ann", "basalt", json!({"input": "uppercase:a"})).await["run"].clone();
    let run = run.as_str().unwrap();
    let (task, more) = (json!({ "id": run }), message("x", ("taskId", run)));
    let (not_theirs, forbidden) = ((200, -32001, "not_theirs"), (403, -32000, "forbidden"));
    for (who, method, params, expected) in [
        ("bob", "GetTask", &task, not_theirs),
        ("bob", "CancelTask", &task, not_theirs),
        ("bob", "SubscribeToTask", &task, not_theirs),
        ("bob", "SendMessage", &more, not_theirs),
        ("bob", "SendStreamingMessage", &more, not_theirs),
        ("eve", "GetTask", &task, not_theirs),
        ("eve", "SubscribeToTask", &task, not_theirs),
        ("eve", "SendMessage", &more, forbidden),
        ("eve", "SendStreamingMessage", &more, forbidden),
        ("eve", "CancelTask", &task, forbidden),
        ("pat", "SendMessage", &more, forbidden),
        ("pat", "CancelTask", &task, forbidden),
        ("narrow", "GetTask", &task, not_theirs),
        ("TOKEN", "GetTask", &task, not_theirs),
        ("TOKEN", "CancelTask", &task, not_theirs),
    ] {
        let (status, answered) = world.rpc(who, method, params).await;
        let found = (status, answered["error"]["code"].as_i64().unwrap_or_default());
        assert_eq!(found, (expected.0, expected.1), "{who} {method}: {answered}");
        assert_eq!(world.reason(), expected.2, "{who} {method}");
        if expected.0 == 200 {
            // To the letter as what is not there.
            let absent: Value = serde_json::from_str(&params.to_string().replace(run, ABSENT)).unwrap();
            let (_, unknown) = world.rpc(who, method, &absent).await;
            assert_eq!(answered["error"]["message"].as_str().unwrap().replace(run, ABSENT), unknown["error"]["message"]);
            assert!(world.refusals().is_empty());
        }
    }
    assert_eq!(world.rpc("ann", "GetTask", &task).await.1["result"]["status"]["state"], "TASK_STATE_COMPLETED");
    world.served.stop().await;
}

#[tokio::test]
async fn tasks_of_others_are_not_there_over_http_json_and_who_may_not_ask_is_told() {
    let world = World::start().await;
    let run = world.observe("ann", "basalt", json!({"input": "uppercase:a"})).await["run"].clone();
    let run = run.as_str().unwrap();
    let (none, more) = (json!({}), message("x", ("taskId", run)));
    let (not_theirs, forbidden) = ((404, "NOT_FOUND", "not_theirs"), (403, "PERMISSION_DENIED", "forbidden"));
    for (who, method, path, body, expected) in [
        ("bob", "GET", "/tasks/RUN", &none, not_theirs),
        ("bob", "POST", "/tasks/RUN:cancel", &none, not_theirs),
        ("bob", "POST", "/tasks/RUN:subscribe", &none, not_theirs),
        ("bob", "GET", "/tasks/RUN:subscribe", &none, not_theirs),
        ("bob", "POST", "/message:send", &more, not_theirs),
        ("bob", "POST", "/message:stream", &more, not_theirs),
        ("eve", "GET", "/tasks/RUN", &none, not_theirs),
        ("eve", "POST", "/tasks/RUN:cancel", &none, forbidden),
        ("eve", "POST", "/message:send", &more, forbidden),
        ("eve", "POST", "/message:stream", &more, forbidden),
        ("pat", "POST", "/tasks/RUN:cancel", &none, forbidden),
        ("narrow", "GET", "/tasks/RUN", &none, not_theirs),
        ("TOKEN", "GET", "/tasks/RUN", &none, not_theirs),
    ] {
        let (status, answered) = world.a2a(who, method, &path.replace("RUN", run), body).await;
        assert_eq!((status, &answered["error"]["status"]), (expected.0, &json!(expected.1)), "{who} {method} {path}: {answered}");
        assert_eq!(world.reason(), expected.2, "{who} {method} {path}");
    }
    world.served.stop().await;
}

#[tokio::test]
async fn lists_of_tasks_and_contexts_are_of_who_asks_alone() {
    let world = World::start().await;
    world.observe("ann", "basalt", json!({"input": "uppercase:a", "session": "talk"})).await;
    for params in [json!({}), json!({"contextId": "talk"})] {
        assert_eq!(world.rpc("ann", "ListTasks", &params).await.1["result"]["totalSize"], 1);
        assert_eq!(world.rpc("bob", "ListTasks", &params).await.1["result"]["totalSize"], 0);
        assert_eq!(world.rpc("root", "ListTasks", &params).await.1["result"]["totalSize"], 1, "admins see all");
    }
    assert_eq!(world.a2a("bob", "GET", "/tasks?contextId=talk", &json!({})).await.1["tasks"], json!([]));
    // A context of the same name is one of one's own.
    let (_, sent) = world.rpc("bob", "SendMessage", &message("hello", ("contextId", "talk"))).await;
    assert_eq!(sent["result"]["task"]["contextId"], "talk", "{sent}");
    for (who, known, unknown) in [("bob", "hello", "uppercase"), ("ann", "uppercase", "hello")] {
        let said = world.get(who, "/agents/basalt/sessions/talk").await.1.to_string();
        assert!(said.contains(known) && !said.contains(unknown), "{who}: {said}");
    }
    assert!(world.refusals().is_empty());
    world.served.stop().await;
}

#[tokio::test]
async fn models_and_responses_are_of_who_may_ask_for_them() {
    let world = World::start().await;
    let models = async |who: &str| {
        let (_, list) = world.get(who, "/v1/models").await;
        list["data"].as_array().unwrap().iter().map(|model| model["id"].clone()).collect::<Vec<_>>()
    };
    assert_eq!((models("eve").await, models("narrow").await), (vec![json!("amber"), json!("basalt")], vec![json!("basalt")]));
    let run = world.observe("ann", "basalt", json!({"input": "uppercase:a"})).await["run"].clone();
    let response = |run: &str| json!({"model": "basalt", "input": "x", "previous_response_id": format!("resp_{run}")});
    let (of_ann, absent) = (response(run.as_str().unwrap()), response(ABSENT));
    let chat = |model: &str| json!({"model": model, "messages": [{"role": "user", "content": "x"}]});
    let (amber, basalt) = (chat("amber"), chat("basalt"));
    let ask = async |who: &str, method: &str, path: &str, body: &Value| {
        let (status, answered) = answer(world.request(method, path).bearer_auth(world.credential(who)).json(body)).await;
        (status, answered["error"]["code"].clone(), answered["error"]["message"].to_string())
    };
    for (who, method, path, body, status, reason) in [
        ("bob", "POST", "/v1/responses", &of_ann, 404, "not_theirs"),
        ("narrow", "POST", "/v1/responses", &of_ann, 404, "not_theirs"),
        ("TOKEN", "POST", "/v1/responses", &of_ann, 404, "not_theirs"),
        ("eve", "POST", "/v1/responses", &of_ann, 403, "forbidden"),
        ("eve", "POST", "/v1/chat/completions", &basalt, 403, "forbidden"),
        ("pat", "POST", "/v1/chat/completions", &basalt, 403, "forbidden"),
        ("narrow", "POST", "/v1/chat/completions", &amber, 403, "forbidden"),
        ("narrow", "GET", "/v1/models/amber", &json!({}), 403, "forbidden"),
        ("nobody", "GET", "/v1/models", &json!({}), 403, "forbidden"),
    ] {
        let (found, code, _) = ask(who, method, path, body).await;
        let expected = if status == 404 { "unknown_run" } else { "forbidden" };
        assert_eq!((found, code), (status, json!(expected)), "{who} {method} {path}");
        assert_eq!(world.reason(), reason, "{who} {method} {path}");
    }
    let (_, _, theirs) = ask("bob", "POST", "/v1/responses", &of_ann).await;
    let (_, _, unknown) = ask("bob", "POST", "/v1/responses", &absent).await;
    assert_eq!(theirs.replace(run.as_str().unwrap(), ABSENT), unknown, "to the letter as what is not there");
    world.served.stop().await;
}

/// Opens a WebSocket with these headers, or tells with which status it is refused.
async fn open(world: &World, agent: &str, headers: &[(&str, String)]) -> Result<WebSocketStream<TcpStream>, u16> {
    let mut request = format!("ws://{}/ws/agents/{agent}", world.served.address).into_client_request().unwrap();
    for (name, value) in headers {
        request.headers_mut().append(HeaderName::try_from(*name).unwrap(), HeaderValue::try_from(value).unwrap());
    }
    let stream = TcpStream::connect(world.served.address).await.unwrap();
    match tokio_tungstenite::client_async(request, stream).await {
        Ok((socket, _)) => Ok(socket),
        Err(Error::Http(response)) => Err(response.status().as_u16()),
        Err(other) => panic!("{other}"),
    }
}

fn bearer(credential: &str) -> (&'static str, String) {
    ("authorization", format!("Bearer {credential}"))
}

#[tokio::test]
async fn a_page_proves_who_it_is_by_a_subprotocol() {
    let world = World::start().await;
    let offers = |credential: &str| ("sec-websocket-protocol", format!("skreaver.v1, skreaver.bearer.{credential}"));
    let (ann, token) = (world.key("ann").to_owned(), world.signer.token(&json!({})));
    for credential in [&ann, &token] {
        let mut socket = open(&world, "basalt", &[offers(credential)]).await.unwrap();
        socket.send(Message::text(r#"{"type": "observe", "input": "hello"}"#)).await.unwrap();
        assert!(socket.next().await.unwrap().unwrap().into_text().unwrap().contains("started"));
    }
    assert!(world.refusals().is_empty());
    let forged = Signer::new("main").token(&json!({}));
    let own_page = || ("origin", format!("http://{}", world.served.address));
    for (what, headers, status, reason) in [
        ("nothing", vec![], 401, "no_credential"),
        ("the name alone", vec![offers("")], 401, "malformed_credential"),
        ("a forgery", vec![offers(&forged)], 401, "wrong_signature"),
        ("two", vec![offers(&ann), bearer(&ann)], 401, "several_credentials"),
        ("no role", vec![own_page(), offers(world.key("nobody"))], 403, "forbidden"),
    ] {
        assert_eq!(open(&world, "basalt", &headers).await.err(), Some(status), "{what}");
        assert_eq!(world.reason(), reason, "{what}");
    }
    assert_eq!(open(&world, "amber", &[bearer(world.key("narrow"))]).await.err(), Some(403));
    assert_eq!(world.reason(), "forbidden");
    // Another's page, though it proves that it acts for Ann.
    let evil = ("origin", "https://evil.example".to_owned());
    assert_eq!(open(&world, "basalt", &[evil, offers(&ann)]).await.err(), Some(403));
    assert_eq!(world.reason(), "forbidden_host");
    world.served.stop().await;
}

#[tokio::test]
async fn what_is_refused_over_an_open_connection_is_told_once_too() {
    let world = World::start().await;
    let run = world.observe("ann", "basalt", json!({"input": "uppercase:a"})).await["run"].clone();
    let observe = json!({"type": "observe", "input": "x", "request": "one"});
    let (cancel, absent) = (json!({"type": "cancel", "run": run}), json!({"type": "cancel", "run": ABSENT}));
    let decide = json!({"type": "decide", "approval": "basalt-1", "decision": "Approve"});
    for (who, said, code, reason) in [
        ("eve", &observe, "forbidden", Some("forbidden")),
        ("eve", &cancel, "forbidden", Some("forbidden")),
        ("eve", &decide, "forbidden", Some("forbidden")),
        ("pat", &observe, "forbidden", Some("forbidden")),
        ("pat", &cancel, "forbidden", Some("forbidden")),
        ("pat", &decide, "unknown_approval", None),
        ("bob", &decide, "forbidden", Some("forbidden")),
        ("bob", &cancel, "unknown_run", Some("not_theirs")),
        ("bob", &absent, "unknown_run", None),
        ("narrow", &cancel, "unknown_run", Some("not_theirs")),
        ("TOKEN", &cancel, "unknown_run", Some("not_theirs")),
    ] {
        let mut socket = open(&world, "basalt", &[bearer(&world.credential(who))]).await.unwrap();
        socket.send(Message::text(said.to_string())).await.unwrap();
        let told: Value = serde_json::from_str(&socket.next().await.unwrap().unwrap().into_text().unwrap()).unwrap();
        assert_eq!((&told["type"], &told["problem"]["code"]), (&json!("problem"), &json!(code)), "{who} {said}: {told}");
        assert_eq!(told["request"], said["request"], "{who} {said}");
        let logged: Vec<_> = world.refusals().iter().map(|fields| fields["reason"].clone()).collect();
        assert_eq!(logged, reason.map(|reason| json!(reason)).into_iter().collect::<Vec<_>>(), "{who} {said}");
    }
    let metrics = world.by("root", "GET", "/metrics").send().await.unwrap().text().await.unwrap();
    for counted in ["{reason=\"forbidden\"} 6\n", "{reason=\"not_theirs\"} 3\n"] {
        assert!(metrics.contains(&format!("auth_refusals_total{counted}")), "{metrics}");
    }
    world.served.stop().await;
}

#[tokio::test]
async fn a_connection_ends_with_the_token_that_opened_it_and_says_so() {
    let world = World::start().await;
    let token = world.signer.token(&json!({"exp": 2}));
    let begun = Instant::now();
    let mut socket = open(&world, "basalt", &[bearer(&token)]).await.unwrap();
    let Some(Ok(Message::Close(Some(frame)))) = socket.next().await else { panic!("it is closed") };
    assert_eq!((u16::from(frame.code), frame.reason.as_str()), (1008, "the token has expired; open another connection"));
    assert!(begun.elapsed() < Duration::from_secs(9), "{:?}", begun.elapsed());
    world.served.stop().await;
}

#[tokio::test]
async fn streams_of_every_door_end_with_the_token_that_they_were_asked_for_with() {
    let world = World::start().await;
    let waits = "reverse:ab";
    let rpc = json!({"jsonrpc": "2.0", "id": 1, "method": "SendStreamingMessage", "params": message(waits, ("", ""))});
    let observe = json!({ "input": waits });
    // Its one run goes on, waiting for people, longer than the token is good.
    let long = world.signer.token(&json!({}));
    let begun = world.request("POST", "/agents/basalt/observe").header("prefer", "respond-async").bearer_auth(long);
    let run = answer(begun.json(&observe)).await.1["run"].as_str().unwrap().to_owned();
    let chat = json!({"model": "basalt", "messages": [{"role": "user", "content": waits}], "stream": true});
    let subscribe = json!({"jsonrpc": "2.0", "id": 1, "method": "SubscribeToTask", "params": {"id": run}});
    let token = world.signer.token(&json!({"exp": 2}));
    let follow = async |method: &str, path: &str, body: &Value| {
        let request = world.served.client.request(method.parse().unwrap(), world.served.url(path)).bearer_auth(&token);
        let response =
            request.header("accept", "text/event-stream").header("a2a-version", "1.0").json(body).send().await.unwrap();
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        assert_eq!(status, 200, "{path}: {text}");
        for end in ["TASK_STATE_COMPLETED", r#""finish_reason":"stop""#, "event: completed"] {
            assert!(!text.contains(end), "{path}: {text}");
        }
        text
    };
    let begun = Instant::now();
    let (of_run, none, stream) = (format!("/agents/basalt/runs/{run}/events"), json!({}), message(waits, ("", "")));
    let (observed, followed, rpc, subscribed, rest, chat) = tokio::join!(
        follow("POST", "/agents/basalt/observe", &observe),
        follow("GET", &of_run, &none),
        follow("POST", "/agents/basalt/a2a", &rpc),
        follow("POST", "/agents/basalt/a2a", &subscribe),
        follow("POST", "/agents/basalt/a2a/message:stream", &stream),
        follow("POST", "/v1/chat/completions", &chat),
    );
    assert!(begun.elapsed() < Duration::from_secs(9), "{:?}", begun.elapsed());
    for text in [observed, followed] {
        assert!(text.contains("event: approval_requested"), "{text}");
    }
    for text in [rpc, subscribed, rest] {
        assert!(text.contains("TASK_STATE_AUTH_REQUIRED"), "{text}");
    }
    // There a stream that just ends might be taken for a whole answer.
    assert!(chat.contains(r#""code":"unauthenticated""#), "{chat}");
    world.served.stop().await;
}

#[tokio::test]
async fn the_card_is_for_everybody_and_says_how_to_ask() {
    let world = World::start().await;
    let card = answer(world.request("GET", "/agents/basalt/.well-known/agent-card.json")).await;
    assert_eq!(card.0, 200);
    assert_eq!(card.1["securitySchemes"]["bearer"]["httpAuthSecurityScheme"]["scheme"], "Bearer", "{}", card.1);
    assert_eq!(card.1["securityRequirements"], json!([{"schemes": {"bearer": {"list": []}}}]));
    let ask = world.request("GET", "/agents/basalt/a2a/tasks").header("a2a-version", "1.0");
    let response = ask.send().await.unwrap();
    assert_eq!(
        (response.status().as_u16(), &response.headers()["content-type"]),
        (401, &"application/a2a+json".parse().unwrap())
    );
    assert_eq!(world.reason(), "no_credential");
    check(&world, "no door", world.request("GET", "/nowhere"), (401, "unauthenticated", "no_credential")).await;
    world.served.stop().await;
}
