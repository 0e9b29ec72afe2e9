//! What goes over the wire and comes back: whole, bounded in bytes, time and number, or told as an error.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use skreaver_effects::{Bounds, Content, EffectError, http};
use skreaver_policy::bounds::{Own, Sections};
use skreaver_protocol::policy::{HttpSection, ResourcesSection};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use crate::support::{Loopback, answer, arguments, request, resources, serve};

const URL: &str = "http://honest.example/x?q=a&b=c";

fn free() -> Bounds {
    Bounds::new(Own::default(), [])
}

fn timed(milliseconds: u64) -> Bounds {
    let timeout = Some(format!("{milliseconds}ms").parse().unwrap());
    resources(&ResourcesSection { timeout, max_memory_mb: Some(4), ..Default::default() })
}

async fn get(server: std::net::SocketAddr, bounds: &Bounds) -> Result<http::Answer, EffectError> {
    let network = Loopback::new(server, server);
    http::get(&network.guard(), bounds, arguments(json!({"url": URL}))).await
}

#[tokio::test]
async fn a_request_goes_out_as_it_was_told() {
    let server = serve(|seen| {
        let told = json!({"head": seen.head.lines().next(), "host": seen.header("host"), "key": seen.header("x-key"),
            "type": seen.header("content-type"), "body": String::from_utf8_lossy(&seen.body)});
        answer(
            201,
            &[("content-type", "application/json"), ("set-cookie", "secret=1"), ("etag", "\"7\"")],
            told.to_string().as_bytes(),
        )
    })
    .await;
    let network = Loopback::new(server, server);
    let send = json!({"url": "http://honest.example:8080/x?q=a&b=c", "headers": {"X-Key": "Tom & Jerry"}, "json": {"n": 1}});
    let answer = http::put(&network.guard(), &free(), arguments(send)).await.unwrap();
    let Content::Text(text) = &answer.content else { panic!("{answer:?}") };
    assert_eq!(
        serde_json::from_str::<Value>(text).unwrap(),
        json!({"head": "PUT /x?q=a&b=c HTTP/1.1", "host": "honest.example:8080", "key": "Tom & Jerry", "type": "application/json", "body": "{\"n\":1}"})
    );
    assert_eq!(answer.status, 201);
    assert_eq!(answer.headers.keys().collect::<Vec<_>>(), ["content-type", "etag"]);
    let told = serde_json::to_value(&answer).unwrap();
    assert!(told["text"].is_string() && told["url"].is_string(), "{told}");
}

fn streamed(url: &str, header: Option<(&'static str, &'static str)>) -> http::Request {
    let mut headers = http::header::HeaderMap::new();
    if let Some((name, value)) = header {
        headers.insert(name, http::header::HeaderValue::from_static(value));
    }
    http::Request { method: http::Method::POST, url: url.to_owned(), headers, body: "basalt".into() }
}

#[tokio::test]
async fn a_streamed_answer_is_read_piece_by_piece_and_leads_nowhere_else() {
    let server = serve(|seen| match seen.target() {
        "/moved" => answer(307, &[("location", "http://169.254.169.254/")], b""),
        "/zip" => answer(200, &[("content-encoding", "gzip")], b"x"),
        _ => {
            answer(200, &[("mcp-session-id", "s1")], format!("{} {}", seen.header("x-key").unwrap(), seen.body.len()).as_bytes())
        }
    })
    .await;
    let guard = Loopback::new(server, server).guard();
    let ask = async |path: &str| {
        http::stream(&guard, &free(), streamed(&format!("http://honest.example/{path}"), Some(("x-key", "k")))).await
    };
    let mut whole = ask("x").await.unwrap();
    assert_eq!((whole.status.as_u16(), &whole.headers["mcp-session-id"]), (200, &"s1".parse().unwrap()));
    assert_eq!(whole.body.chunk().await.unwrap().as_deref(), Some(b"k 6".as_slice()));
    assert_eq!(whole.body.chunk().await.unwrap(), None);
    assert_eq!(ask("moved").await.unwrap().status, 307);
    assert!(matches!(ask("zip").await, Err(EffectError::Broken { .. })));
    assert!(matches!(ask("x").await.unwrap().body.read(2).await, Err(EffectError::TooLarge { limit: 2, .. })));
    assert_eq!(ask("x").await.unwrap().body.read(3).await.unwrap(), b"k 6");
}

#[tokio::test]
async fn a_streamed_request_is_judged_like_every_other() {
    let server = serve(|_| answer(200, &[], b"x")).await;
    let network = Loopback::new(server, server);
    let refused = async |url: &str, header| http::stream(&network.guard(), &free(), streamed(url, header)).await.map(drop);
    for url in ["http://127.0.0.1/", "http://[::ffff:10.0.0.1]/", "http://ledger.default.svc/"] {
        assert!(matches!(refused(url, None).await, Err(EffectError::Refused(_))), "{url}");
    }
    for header in ["host", "transfer-encoding", "content-length"] {
        let error = refused("http://honest.example/", Some((header, "x"))).await;
        assert!(matches!(error, Err(EffectError::Arguments { .. })), "{header}");
    }
    assert!(network.dialled.lock().unwrap().is_empty());
}

#[tokio::test]
async fn every_method_is_the_one_that_it_is_called() {
    let server = serve(|seen| answer(200, &[], seen.head.split(' ').next().unwrap().as_bytes())).await;
    let network = Loopback::new(server, server);
    let (guard, bounds) = (network.guard(), free());
    let (ask, send) = (|| arguments(json!({"url": URL})), || arguments(json!({"url": URL, "body": "x"})));
    let answers = [
        http::get(&guard, &bounds, ask()).await,
        http::delete(&guard, &bounds, ask()).await,
        http::post(&guard, &bounds, send()).await,
        http::put(&guard, &bounds, send()).await,
        http::patch(&guard, &bounds, send()).await,
    ];
    let methods = answers.map(|answer| answer.unwrap().content);
    assert_eq!(methods, ["GET", "DELETE", "POST", "PUT", "PATCH"].map(|method| Content::Text(method.into())));
}

#[tokio::test]
async fn credentials_do_not_follow_to_another_host() {
    let server = serve(|seen| match seen.header("host") {
        Some("honest.example") => answer(307, &[("location", "http://other.example/y")], b""),
        _ => answer(200, &[], seen.head.as_bytes()),
    })
    .await;
    let network = Loopback::new(server, server);
    let headers = json!({"Authorization": "Bearer basalt", "Cookie": "basalt", "X-Api-Key": "basalt", "Accept": "text/html"});
    let send = json!({"url": URL, "headers": headers, "body": "kept"});
    let answer = http::post(&network.guard(), &free(), arguments(send)).await.unwrap();
    let Content::Text(head) = answer.content else { panic!() };
    assert!(head.starts_with("POST /y") && head.contains("text/html") && !head.contains("basalt"), "{head}");
}

#[tokio::test]
async fn an_answer_in_pieces_that_is_no_answer_is_told() {
    let flood: String = (0..1000).map(|number| format!("x-{number}: y\r\n")).collect();
    let long = "y".repeat(200_000);
    let broken: [Vec<u8>; 7] = [
        b"".to_vec(),
        b"SSH-2.0-OpenSSH_9\r\n".to_vec(),
        format!("HTTP/1.1 200 x\r\n{flood}\r\n").into_bytes(),
        format!("HTTP/1.1 200 x\r\nx: {long}\r\n\r\n").into_bytes(),
        b"HTTP/1.1 200 x\r\ncontent-length: 100\r\n\r\nshort".to_vec(),
        b"HTTP/1.1 200 x\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n".to_vec(),
        b"HTTP/1.1 200 x\r\ncontent-encoding: br\r\ncontent-length: 1\r\n\r\nx".to_vec(),
    ];
    for bytes in broken {
        let sent = bytes.clone();
        let error = get(serve(move |_| sent.clone()).await, &free()).await.unwrap_err();
        let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(60)]).into_owned();
        assert!(matches!(error, EffectError::Broken { .. }), "{shown:?}: {error}");
    }
}

#[tokio::test]
async fn an_answer_larger_than_may_be_is_an_error_and_no_part_of_it() {
    let announced = serve(|_| answer(200, &[], &vec![b'x'; (1 << 20) + 1])).await;
    let endless = serve(|_| [b"HTTP/1.1 200 x\r\n\r\n".to_vec(), vec![b'x'; 2 << 20]].concat()).await;
    for server in [announced, endless] {
        let error = get(server, &timed(20_000)).await.unwrap_err();
        assert!(matches!(error, EffectError::TooLarge { limit: 1_048_576, .. }), "{error}");
    }
    let server = serve(|_| answer(200, &[], &vec![b'x'; 1 << 20])).await;
    assert!(get(server, &timed(20_000)).await.is_ok());
    let send = json!({"url": URL, "body": "x".repeat((1 << 20) + 1)});
    let network = Loopback::new(server, server);
    let error = http::post(&network.guard(), &timed(20_000), arguments(send)).await.unwrap_err();
    assert!(matches!(error, EffectError::TooLarge { .. }) && network.dialled.lock().unwrap().is_empty(), "{error}");
}

#[tokio::test]
async fn a_server_that_never_ends_is_left_in_time() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            tokio::spawn(async move {
                request(&mut socket).await;
                let mut sent = socket.write_all(b"HTTP/1.1 200 x\r\ncontent-length: 1000\r\n\r\n").await;
                // One byte at a time, as long as somebody listens.
                while sent.is_ok() {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    sent = socket.write_all(b"x").await;
                }
            });
        }
    });
    let begun = Instant::now();
    let error = get(server, &timed(300)).await.unwrap_err();
    assert_eq!(error, EffectError::TimedOut { limit: Duration::from_millis(300) });
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_redirect_without_end_is_given_up() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = asked.clone();
    let server = serve(move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
        answer(302, &[("location", "/again")], b"")
    })
    .await;
    let error = get(server, &free()).await.unwrap_err();
    assert!(matches!(error, EffectError::Redirect { .. }), "{error}");
    assert_eq!(asked.load(Ordering::SeqCst), 6);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_more_calls_than_may_be_are_at_work() {
    let (working, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = listener.local_addr().unwrap();
    let counts = (working.clone(), most.clone());
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let (working, most) = counts.clone();
            tokio::spawn(async move {
                request(&mut socket).await;
                most.fetch_max(working.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_millis(20)).await;
                // Before the answer, which lets the next call begin.
                working.fetch_sub(1, Ordering::SeqCst);
                let _ = socket.write_all(&answer(200, &[], b"x")).await;
            });
        }
    });
    let guard = Arc::new(Loopback::new(server, server).guard());
    let section = ResourcesSection { max_concurrent_operations: Some(3), ..Default::default() };
    let bounds = Arc::new(resources(&section));
    let calls = (0..30).map(|_| {
        let (guard, bounds) = (guard.clone(), bounds.clone());
        tokio::spawn(async move { http::get(&guard, &bounds, arguments(json!({"url": URL}))).await.map(drop) })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.unwrap().unwrap();
    }
    assert_eq!(most.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn whoever_waits_in_vain_is_told_that_the_agent_is_busy() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let guard = Arc::new(Loopback::new(listener.local_addr().unwrap(), listener.local_addr().unwrap()).guard());
    let section = |milliseconds: u64| ResourcesSection {
        max_concurrent_operations: Some(1),
        timeout: Some(format!("{milliseconds}ms").parse().unwrap()),
        ..Default::default()
    };
    let long = resources(&section(60_000));
    let first = guard.clone();
    let first = tokio::spawn(async move { http::get(&first, &long, arguments(json!({"url": URL}))).await });
    // The first call is at work when its connection is there.
    let _connection = listener.accept().await.unwrap();
    let error = http::get(&guard, &resources(&section(50)), arguments(json!({"url": URL}))).await.unwrap_err();
    assert_eq!(error, EffectError::Busy { limit: 1 });
    first.abort();
}

#[tokio::test]
async fn what_a_policy_in_audit_mode_would_refuse_happens_and_is_told() {
    let server = serve(|seen| match seen.header("host") {
        Some("honest.example") => answer(302, &[("location", "http://other.example/")], b""),
        _ => answer(200, &[], b"x"),
    })
    .await;
    let section = HttpSection { allow_domains: Some(vec!["honest.example".into()]), deny_domains: Vec::new() };
    let watch = Sections::compile("watch", Some(&section), None, None).unwrap();
    let bounds = free().watched_by([Arc::new(watch)]);
    let told = Arc::new(Mutex::new(Vec::new()));
    let heard = told.clone();
    let guard = Loopback::new(server, server).guard().telling(move |refusal| heard.lock().unwrap().push(refusal));
    assert_eq!(http::get(&guard, &bounds, arguments(json!({"url": URL}))).await.unwrap().status, 200);
    // The redirect as well is judged by it.
    let told: Vec<_> = told.lock().unwrap().iter().map(|refusal| (refusal.policy.clone(), refusal.what.clone())).collect();
    assert_eq!(told, [(Some("watch".into()), "other.example:80".into())]);
}
