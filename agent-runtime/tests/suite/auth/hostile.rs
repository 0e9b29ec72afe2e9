//! Requests of strangers, and of people who want what is not theirs.

use std::time::Duration;

use reqwest::RequestBuilder;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use skreaver::protocol::auth::Permission;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::world::{Signer, World, answer, new_key};

/// Headers, and what the request is refused for.
type Forgery<'a> = (&'a str, Vec<(&'a str, String)>, &'a str);

/// Whatever proves nothing.
fn forgeries(world: &World) -> Vec<Forgery<'static>> {
    let bearer = |token: &str| vec![("authorization", format!("Bearer {token}"))];
    let (ann, root) = (world.key("ann"), world.key("root"));
    let stranger = Signer::new("main");
    let token = |changed: Value| bearer(&world.signer.token(&changed));
    let headed = |header: Value| bearer(&world.signer.signed(&header, &json!({})));
    let good = world.signer.token(&json!({}));
    let (unsigned, cut) = (format!("{}.", good.rsplit_once('.').unwrap().0), good[..good.len() - 5].to_owned());
    vec![
        ("nothing", vec![], "no_credential"),
        ("in a cookie", vec![("cookie", format!("api_key={root}"))], "no_credential"),
        ("in another header", vec![("x-skreaver-key", root.to_owned())], "no_credential"),
        (
            "as a proxy would say it",
            vec![("x-forwarded-user", "root".into()), ("x-remote-group", "admin".into())],
            "no_credential",
        ),
        ("a key that nobody has", bearer(new_key(99).key.expose_secret()), "unknown_api_key"),
        ("a key with a letter more", bearer(&format!("{root}x")), "unknown_api_key"),
        ("a key in capitals", vec![("x-api-key", root.to_uppercase())], "unknown_api_key"),
        ("a key that has ended", bearer(world.key("late")), "expired"),
        ("a name", vec![("x-api-key", "root".into())], "unknown_api_key"),
        ("the hash of a key", vec![("x-api-key", format!("sha256:{}", "0".repeat(64)))], "unknown_api_key"),
        ("basic", vec![("authorization", "Basic cm9vdDpyb290".into())], "malformed_credential"),
        ("two spaces", vec![("authorization", format!("Bearer  {root}"))], "malformed_credential"),
        ("two in one", vec![("authorization", format!("Bearer {ann}, Bearer {root}"))], "malformed_credential"),
        ("an empty key", vec![("x-api-key", String::new())], "malformed_credential"),
        ("both headers", vec![("authorization", format!("Bearer {ann}")), ("x-api-key", root.to_owned())], "several_credentials"),
        ("twice the same", vec![("x-api-key", ann.to_owned()), ("x-api-key", ann.to_owned())], "several_credentials"),
        ("two bearers", [bearer(ann), bearer(root)].concat(), "several_credentials"),
        ("no token", bearer("a.b.c"), "malformed_token"),
        ("without a signature", bearer(&unsigned), "malformed_token"),
        ("with half a signature", bearer(&cut), "malformed_token"),
        ("too long", bearer(&"a".repeat(8193)), "token_too_long"),
        ("of no algorithm", headed(json!({"alg": "none", "kid": "main"})), "forbidden_algorithm"),
        ("of a shared secret", headed(json!({"alg": "HS256", "kid": "main"})), "forbidden_algorithm"),
        ("with a key in it", headed(json!({"alg": "ES256", "kid": "main", "jwk": {}})), "malformed_header"),
        ("of another signer", bearer(&stranger.token(&json!({}))), "wrong_signature"),
        ("of another issuer", token(json!({"iss": "https://evil.example.com"})), "unknown_issuer"),
        ("for another audience", token(json!({"aud": "basalt"})), "wrong_audience"),
        ("for nobody", token(json!({"aud": null})), "malformed_claims"),
        ("expired", token(json!({"exp": -300, "iat": -900})), "expired"),
        ("not yet valid", token(json!({"nbf": 300})), "not_yet_valid"),
        ("without an end", token(json!({"exp": null})), "malformed_claims"),
        ("for ten years", token(json!({"exp": 315_360_000})), "lives_too_long"),
        ("of a name of Kubernetes", token(json!({"name": "system:admin"})), "reserved_name"),
    ]
}

/// A route of each door.
const DOORS: [(&str, &str); 7] = [
    ("GET", "/agents"),
    ("POST", "/agents/basalt/observe"),
    ("GET", "/metrics"),
    ("POST", "/v1/responses"),
    ("POST", "/agents/basalt/a2a"),
    ("GET", "/agents/basalt/a2a/tasks"),
    ("GET", "/ws/agents/basalt"),
];

fn with(request: RequestBuilder, headers: &[(&str, String)]) -> RequestBuilder {
    headers.iter().fold(request, |request, (name, value)| request.header(*name, value))
}

/// That the request is answered so, and that this is logged once.
pub(super) async fn check(world: &World, what: &str, request: RequestBuilder, expected: (u16, &str, &str)) {
    let (status, answered) = answer(request).await;
    let logged = world.refusals();
    assert_eq!(logged.len(), 1, "{what} is logged once: {logged:?}");
    let (expected_status, expected_code, reason) = expected;
    let found = code(logged[0]["path"].as_str().unwrap(), status, &answered);
    assert_eq!((status, found), (expected_status, json!(expected_code)), "{what}: {answered}");
    assert_eq!(logged[0]["reason"], reason, "{what}");
    assert!(logged[0]["remote"].as_str().unwrap().starts_with("127.0.0.1:"), "{what}: {:?}", logged[0]);
}

#[tokio::test]
async fn what_proves_nothing_lets_nobody_in_and_is_told_once() {
    let world = World::start().await;
    let forgeries = forgeries(&world);
    for (what, headers, reason) in &forgeries {
        for (method, path) in DOORS {
            let request = with(world.request(method, path), headers).json(&json!({"input": "uppercase:a"}));
            check(&world, &format!("{what}: {method} {path}"), request, (401, "unauthenticated", reason)).await;
        }
    }
    let in_query = world.request("GET", &format!("/agents?api_key={}&access_token={}", world.key("root"), world.key("root")));
    check(&world, "in the query", in_query, (401, "unauthenticated", "no_credential")).await;
    let metrics = world.by("root", "GET", "/metrics").send().await.unwrap().text().await.unwrap();
    let all = forgeries.len() * DOORS.len() + 1;
    assert!(metrics.contains(&format!("agent_errors_total{{kind=\"auth\"}} {all}\n")), "{metrics}");
    assert!(metrics.contains("auth_refusals_total{reason=\"forbidden_algorithm\"} 14\n"), "{metrics}");
    world.served.stop().await;
}

/// Who asks for what they may not, and for what is another's. `RUN` is a run of Ann's.
const TRESPASSES: &[(&str, &str, &str, u16)] = &[
    ("nobody", "GET", "/agents", 403),
    ("nobody", "POST", "/agents/basalt/a2a", 403),
    ("nobody", "GET", "/ws/agents/basalt", 403),
    ("nobody", "GET", "/agents/basalt/status", 403),
    ("nobody", "POST", "/agents/basalt/observe", 403),
    ("nobody", "POST", "/agents/basalt/mcp", 403),
    ("nobody", "GET", "/agents/ghost/status", 403),
    ("eve", "POST", "/agents/basalt/observe", 403),
    ("eve", "POST", "/agents/basalt/mcp", 403),
    ("eve", "POST", "/agents/basalt/runs/RUN/cancel", 403),
    ("eve", "DELETE", "/agents/basalt/sessions/s", 403),
    ("eve", "DELETE", "/agents/basalt", 403),
    ("eve", "GET", "/agents/basalt/approvals", 403),
    ("eve", "POST", "/agents/basalt/approvals/basalt-1", 403),
    ("eve", "GET", "/agents/basalt/audit", 403),
    ("eve", "GET", "/metrics", 403),
    ("eve", "HEAD", "/metrics", 403),
    ("eve", "GET", "/agents/basalt/runs/RUN", 404),
    ("eve", "GET", "/agents/basalt/runs/RUN/events", 404),
    ("bob", "GET", "/agents/basalt/runs/RUN", 404),
    ("bob", "GET", "/agents/basalt/runs/RUN/events", 404),
    ("bob", "POST", "/agents/basalt/runs/RUN/cancel", 404),
    ("bob", "GET", "/agents/basalt/approvals", 403),
    ("bob", "POST", "/agents/basalt/approvals/basalt-1", 403),
    ("bob", "GET", "/agents/basalt/audit", 403),
    ("bob", "GET", "/metrics", 403),
    ("bob", "DELETE", "/agents/basalt", 403),
    ("bob", "POST", "/agents", 403),
    ("pat", "POST", "/agents/basalt/observe", 403),
    ("pat", "POST", "/agents/basalt/mcp", 403),
    ("pat", "POST", "/agents/basalt/runs/RUN/cancel", 403),
    ("pat", "GET", "/agents/basalt/runs/RUN", 404),
    ("pat", "GET", "/metrics", 403),
    ("pat", "DELETE", "/agents/basalt", 403),
    ("narrow", "GET", "/agents/amber/status", 403),
    ("narrow", "POST", "/agents/amber/observe", 403),
    ("narrow", "POST", "/agents/amber/mcp", 403),
    ("narrow", "POST", "/mcp", 403),
    ("narrow", "DELETE", "/agents/amber", 403),
    ("narrow", "POST", "/agents", 403),
    ("narrow", "GET", "/agents/basalt/runs/RUN", 404),
    ("narrow", "GET", "/metrics", 403),
    // Called as Ann is, by somebody else.
    ("TOKEN", "GET", "/agents/basalt/runs/RUN", 404),
    ("TOKEN", "POST", "/agents/basalt/runs/RUN/cancel", 404),
    ("TOKEN", "GET", "/agents/amber/status", 403),
    ("TOKEN", "GET", "/metrics", 403),
];

#[tokio::test]
async fn nobody_gets_what_they_may_not_or_what_is_anothers_and_it_is_told_once() {
    let world = World::start().await;
    let run = world.observe("ann", "basalt", json!({"input": "uppercase:a", "session": "s"})).await["run"].clone();
    let run = run.as_str().unwrap();
    for (who, method, path, status) in TRESPASSES {
        let path = path.replace("RUN", run);
        let key = if *who == "TOKEN" { world.signer.token(&json!({})) } else { world.key(who).to_owned() };
        let call = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "uppercase", "arguments": {"text": "a"}}});
        let request = world.request(method, &path).bearer_auth(key).json(&call);
        if *method == "HEAD" {
            assert_eq!(request.send().await.unwrap().status().as_u16(), *status, "{who} {method} {path}");
            assert_eq!(world.refusals().len(), 1);
            continue;
        }
        let (code, reason) = if *status == 403 { ("forbidden", "forbidden") } else { ("unknown_run", "not_theirs") };
        check(&world, &format!("{who}: {method} {path}"), request, (*status, code, reason)).await;
    }
    // What is another's is answered to the letter as what is not there.
    let absent = "01900000-0000-7000-8000-000000000000";
    let detail = async |run: &str| {
        let (_, problem) = world.get("bob", &format!("/agents/basalt/runs/{run}")).await;
        problem.to_string().replace(run, "RUN")
    };
    assert_eq!(detail(run).await, detail(absent).await);
    assert_eq!(world.get("ann", &format!("/agents/basalt/runs/{run}")).await.0, 200);
    world.served.stop().await;
}

/// A path that leads to the route.
fn filled(path: &str) -> String {
    let absent = "01900000-0000-7000-8000-000000000000";
    let parts = [
        ("{id}", "basalt"),
        ("{run}", absent),
        ("{task}", absent),
        ("{session}", "s"),
        ("{approval}", "b-1"),
        ("{config}", "c"),
        ("{file}", "swagger-ui.css"),
    ];
    parts.iter().fold(path.to_owned(), |path, (part, with)| path.replace(part, with))
}

/// The code of a refusal, in the shape of the door that it comes out of.
fn code(path: &str, status: u16, answer: &Value) -> Value {
    let error = &answer["error"];
    let of_details = |details: &Value| {
        let ours = details.as_array().into_iter().flatten().find(|detail| detail["value"]["code"].is_string());
        ours.map_or(Value::Null, |problem| problem["value"]["code"].clone())
    };
    match path.split_once("/a2a") {
        _ if path.starts_with("/v1/") => {
            let kind = if status == 401 { "authentication_error" } else { "permission_error" };
            assert_eq!((&error["type"], error["message"].is_string()), (&json!(kind), true), "{path}: {answer}");
            error["code"].clone()
        }
        Some((_, "")) => {
            assert_eq!(
                (&answer["jsonrpc"], &answer["id"], &error["code"]),
                (&json!("2.0"), &Value::Null, &json!(-32000)),
                "{answer}"
            );
            of_details(&error["data"])
        }
        Some(_) => {
            let name = if status == 401 { "UNAUTHENTICATED" } else { "PERMISSION_DENIED" };
            assert_eq!((&error["code"], &error["status"]), (&json!(status), &json!(name)), "{path}: {answer}");
            assert_eq!(error["details"][0]["reason"], name, "{path}");
            of_details(&error["details"])
        }
        None => answer["code"].clone(),
    }
}

#[tokio::test]
async fn every_route_asks_and_refuses_in_the_shape_of_its_door_and_once() {
    let world = World::start().await;
    let stranger = Signer::new("main").token(&json!({}));
    let askers = [
        ("nobody at all", None, "no_credential"),
        ("a forger", Some(stranger.as_str()), "wrong_signature"),
        ("who has no role", Some(world.key("nobody")), "forbidden"),
        ("who may read", Some(world.key("eve")), "forbidden"),
    ];
    let routes = skreaver::testing::inside::routes();
    assert!(routes.len() >= 40);
    for (method, path, needed) in routes {
        for (who, credential, reason) in askers {
            let at = filled(path);
            let request = world.request(method, &at).json(&json!({}));
            let request = credential.iter().fold(request, |request, credential| request.bearer_auth(credential));
            let response = request.send().await.unwrap();
            let (status, challenge) = (response.status().as_u16(), response.headers().get("www-authenticate").cloned());
            let answer: Value = response.json().await.unwrap_or_default();
            let logged = world.refusals();
            let is_let_in = needed.is_empty() || who == "who may read" && needed.contains(&Permission::Read);
            if is_let_in {
                assert!(status != 401 && status != 403 && logged.is_empty(), "{who}: {method} {at}: {status} {answer}");
                continue;
            }
            let expected = if reason == "forbidden" { (403, json!("forbidden")) } else { (401, json!("unauthenticated")) };
            assert_eq!((status, code(path, status, &answer)), expected, "{who}: {method} {at}: {answer}");
            assert!(challenge.is_some_and(|challenge| challenge.to_str().unwrap().starts_with("Bearer realm=")), "{method} {at}");
            assert_eq!(logged.len(), 1, "{who}: {method} {at} is logged once: {logged:?}");
            assert!(credential.is_none_or(|credential| !logged[0].to_string().contains(credential)), "{who}: {method} {at}");
            assert_eq!((&logged[0]["reason"], &logged[0]["path"]), (&json!(reason), &json!(at)), "{who}: {method}");
        }
    }
    world.served.stop().await;
}

#[tokio::test]
async fn what_leads_nowhere_tells_strangers_nothing_either() {
    let world = World::start().await;
    for (method, path) in
        [("GET", "/nowhere"), ("PUT", "/agents/basalt/status"), ("OPTIONS", "/agents"), ("PATCH", "/agents/basalt")]
    {
        assert_eq!(world.request(method, path).send().await.unwrap().status(), 401, "{method} {path}");
    }
    for path in ["/nowhere", "//agents", "/agents/", "/agents/basalt/status/", "/agents/basalt/a2a/nothing", "/v1/nothing"] {
        assert_eq!(world.request("GET", path).send().await.unwrap().status(), 401, "{path}");
        assert_eq!(world.get("eve", path).await.0, 404, "{path}");
    }
    let response = world.by("eve", "PUT", "/agents/basalt/status").send().await.unwrap();
    assert_eq!((response.status().as_u16(), &response.headers()["allow"]), (405, &"GET,HEAD".parse().unwrap()));
    world.served.stop().await;
}

#[tokio::test]
async fn who_is_not_let_in_is_answered_before_the_body_comes() {
    let world = World::start().await;
    for path in ["/agents/basalt/observe", "/agents/basalt/mcp", "/agents/basalt/a2a", "/v1/responses", "/nowhere"] {
        let mut stream = TcpStream::connect(world.served.address).await.unwrap();
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nexpect: 100-continue\r\ncontent-length: 99999999999\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        // The body that never comes is not waited for: the answer says that the connection ends with it.
        tokio::time::timeout(Duration::from_secs(2), stream.read_to_string(&mut answer)).await.expect("at once").unwrap();
        assert!(answer.starts_with("HTTP/1.1 401") && answer.contains("\r\nconnection: close\r\n"), "{path}: {answer}");
    }
    world.served.stop().await;
}
