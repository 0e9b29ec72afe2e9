//! What belongs to callers, and what is done under their names.

use serde_json::{Value, json};

use super::world::{World, answer};
use crate::support::until;

#[tokio::test]
async fn sessions_of_two_callers_with_the_same_id_do_not_see_each_other() {
    let world = World::start().await;
    let talk = "/agents/basalt/sessions/talk";
    for (who, text) in [("ann", "of ann"), ("bob", "of bob")] {
        // Bob may not shout, which ends his run and not his session.
        let body = json!({"input": format!("uppercase:{text}"), "session": "talk"});
        let (status, _) = answer(world.by(who, "POST", "/agents/basalt/observe").json(&body)).await;
        assert_eq!(status, if who == "ann" { 200 } else { 403 });
    }
    let (status, of_ann) = world.get("ann", talk).await;
    assert_eq!(status, 200);
    assert!(of_ann.to_string().contains("OF ANN") && !of_ann.to_string().contains("bob"), "{of_ann}");
    let (_, of_bob) = world.get("bob", talk).await;
    assert!(!of_bob.to_string().to_lowercase().contains("of ann"), "{of_bob}");
    assert_eq!(world.get("ann", "/agents/basalt/sessions").await.1["sessions"], json!(["talk"]));
    assert_eq!(world.get("narrow", "/agents/basalt/sessions").await.1["sessions"], json!([]));
    assert_eq!(world.get("narrow", talk).await.1["code"], "unknown_session");
    assert_eq!(world.by("narrow", "DELETE", talk).send().await.unwrap().status(), 404);
    // Called as Ann is, by a provider, and another one.
    let token = world.signer.token(&json!({}));
    assert_eq!(world.request("GET", talk).bearer_auth(token).send().await.unwrap().status(), 404);
    // By name they are an admin's, and nobody else's.
    let ann = "caller=%7B%22type%22%3A%22api_key%22%2C%22name%22%3A%22ann%22%7D";
    assert_eq!(world.get("root", talk).await.0, 404);
    assert_eq!(world.get("root", &format!("{talk}?{ann}")).await, (200, of_ann));
    assert_eq!(world.get("root", &format!("/agents/basalt/sessions?{ann}&limit=1")).await.1["sessions"], json!(["talk"]));
    for (path, method) in [(talk, "GET"), (talk, "DELETE"), ("/agents/basalt/sessions", "GET")] {
        let (status, problem) = answer(world.by("bob", method, &format!("{path}?{ann}"))).await;
        assert_eq!((status, &problem["code"]), (403, &json!("forbidden")), "{method} {path}");
    }
    let (_, runs) = world.get("ann", "/agents/basalt/runs").await;
    assert_eq!(runs["runs"][0]["caller"], r#"{"type":"api_key","name":"ann"}"#);
    assert_eq!(world.by("ann", "DELETE", talk).send().await.unwrap().status(), 204);
    assert_eq!(world.get("ann", talk).await.0, 404);
    world.served.stop().await;
}

#[tokio::test]
async fn runs_are_listed_to_who_began_them_and_to_admins() {
    let world = World::start().await;
    let mut runs = Vec::new();
    for _ in 0..3 {
        runs.push(world.observe("ann", "basalt", json!({"input": "uppercase:a"})).await["run"].clone());
    }
    runs.reverse();
    let listed = async |who: &str, query: &str| {
        let (status, list) = world.get(who, &format!("/agents/basalt/runs{query}")).await;
        assert_eq!(status, 200, "{list}");
        let ids = list["runs"].as_array().unwrap().iter().map(|run| run["run"].clone()).collect::<Vec<_>>();
        (ids, list["next"].clone())
    };
    assert_eq!(listed("ann", "").await, (runs.clone(), Value::Null));
    assert_eq!(listed("root", "").await.0, runs);
    assert_eq!(listed("bob", "").await, (vec![], Value::Null));
    let (first, next) = listed("ann", "?limit=2").await;
    assert_eq!(first, runs[..2]);
    assert_eq!(listed("ann", &format!("?limit=2&from={}", next.as_str().unwrap())).await, (runs[2..].to_vec(), Value::Null));
    assert_eq!(world.get("root", &format!("/agents/basalt/runs/{}", runs[0].as_str().unwrap())).await.0, 200);
    world.served.stop().await;
}

#[tokio::test]
async fn an_idempotency_key_is_of_one_caller_however_they_prove_it() {
    let world = World::start().await;
    let observed = async |credential: &str| {
        let request = world.request("POST", "/agents/basalt/observe").header("idempotency-key", "order-7");
        answer(request.bearer_auth(credential).json(&json!({"input": "uppercase:a"}))).await
    };
    let (status, first) = observed(world.key("ann")).await;
    assert_eq!(status, 200, "{first}");
    assert_eq!(observed(world.key("ann")).await.1["run"], first["run"]);
    // Called as she is, and another one. A new token with other groups is the same one.
    let (status, other) = observed(&world.signer.token(&json!({}))).await;
    assert_eq!(status, 200, "{other}");
    assert_ne!(other["run"], first["run"]);
    assert_eq!(observed(&world.signer.token(&json!({"groups": ["staff", "night"]}))).await.1["run"], other["run"]);
    world.served.stop().await;
}

#[tokio::test]
async fn who_approves_is_the_caller_whatever_the_body_says() {
    let world = World::start().await;
    let asked = async { answer(world.by("ann", "POST", "/agents/basalt/observe").json(&json!({"input": "reverse:ab"}))).await };
    let decided = async {
        let waiting = until(async || world.get("pat", "/agents/basalt/approvals").await.1["approvals"].get(0).cloned()).await;
        let path = format!("/agents/basalt/approvals/{}", waiting["request"]["name"].as_str().unwrap());
        let decide = async |who: &str, user: &str| {
            answer(world.by(who, "POST", &path).json(&json!({"decision": "Approve", "user": user}))).await
        };
        assert_eq!(decide("pat", "root").await, (200, json!({"state": "Waiting"})));
        let (_, told) = world.get("root", "/agents/basalt/approvals").await;
        assert_eq!(told["approvals"][0]["decisions"][0]["user"], "pat");
        assert_eq!(decide("pat", "somebody else").await.1["code"], "decided_already");
        assert_eq!(decide("root", "pat").await, (200, json!({"state": "Approved"})));
    };
    let ((status, answered), ()) = tokio::join!(asked, decided);
    assert_eq!((status, &answered["output"]), (200, &json!("ba")), "{answered}");
    world.served.stop().await;
}

#[tokio::test]
async fn an_agent_asks_another_of_its_process_on_behalf_of_who_asks_it() {
    let world = World::start().await;
    let ask = async |who: &str| {
        let body = json!({"input": "colleague:uppercase:a"});
        answer(world.by(who, "POST", "/agents/amber/observe").json(&body)).await
    };
    let (status, answered) = ask("ann").await;
    assert_eq!((status, &answered["output"]), (200, &json!("A")), "{answered}");
    // Only Ann may shout, whoever asks for her: the other agent's policy is told of Bob.
    let (status, denied) = ask("bob").await;
    assert_eq!((status, &denied["code"]), (502, &json!("tool_failed")), "{denied}");
    assert!(denied["detail"].as_str().unwrap().contains("tool_denied"), "{denied}");
    // The other agent's runs belong to whom they were for.
    for who in ["ann", "bob"] {
        let (_, runs) = world.get(who, "/agents/basalt/runs").await;
        let callers: Vec<_> = runs["runs"].as_array().unwrap().iter().map(|run| run["caller"].clone()).collect();
        assert_eq!(callers, [json!(format!(r#"{{"type":"api_key","name":"{who}"}}"#))]);
    }
    world.served.stop().await;
}

#[tokio::test]
async fn agents_are_listed_to_who_may_read_them() {
    let world = World::start().await;
    let names = async |who: &str| {
        let (_, list) = world.get(who, "/agents").await;
        list["agents"].as_array().unwrap().iter().map(|agent| agent["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names("eve").await, ["amber", "basalt"]);
    assert_eq!(names("narrow").await, ["basalt"]);
    world.served.stop().await;
}
