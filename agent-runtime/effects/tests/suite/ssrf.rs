//! Server-side request forgery: every forbidden range, in every notation, behind every trick, and none reaches the canary.

use std::net::IpAddr;
use std::sync::atomic::Ordering;

use serde_json::json;
use skreaver_effects::http::{self, Client, System};
use skreaver_effects::{Bounds, EffectError, Guard};
use skreaver_policy::bounds::{Own, Reason};

use crate::hostile::{all_bounds, cases, hex, lead, notations, redirector};
use crate::support::{self, Loopback, PUBLIC, answer, arguments, canary, serve, stride};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_hostile_url_reaches_what_nobody_may_reach() {
    let (canary, reached) = canary().await;
    let network = Loopback::new(redirector().await, canary);
    let guard = network.guard();
    let bounds = all_bounds();
    let cases = cases();
    assert!(cases.len() > 3_000, "{} cases", cases.len());
    let mut tried = 0;
    for (index, (url, address)) in cases.iter().enumerate().step_by(stride()) {
        lead(&network, address);
        for (turn, bounds) in bounds.iter().enumerate() {
            // The first time as it is, and then behind a redirect of an honest server.
            let through = format!("http://honest.example/?to={}", hex(url));
            let url = if (index + turn) % 2 == 0 { url } else { &through };
            let answered = http::get(&guard, bounds, arguments(json!({"url": url}))).await;
            assert_eq!(reached.load(Ordering::SeqCst), 0, "{url:?} with {address} was answered by {answered:?}");
            tried += 1;
        }
    }
    println!("{tried} requests of {} hostile URLs: the canary was reached {} times", cases.len(), reached.load(Ordering::SeqCst));
    // The judge can tell: what a policy opens is reached.
    lead(&network, "10.0.0.1");
    let open = support::http(Some(&["hostile.example"]), &[]);
    http::get(&guard, &open, arguments(json!({"url": "http://hostile.example/"}))).await.unwrap();
    assert_eq!(reached.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn no_hostile_url_reaches_a_real_socket_on_loopback() {
    let (canary, reached) = canary().await;
    let guard = Guard::new(Client::trusting(std::sync::Arc::new(System), None).unwrap());
    let open = support::http(Some(&["127.0.0.1"]), &[]);
    let IpAddr::V4(loopback) = canary.ip() else { panic!("the canary listens on 127.0.0.1") };
    let mut reachable = 0;
    for host in notations(loopback).into_iter().chain(["localhost".to_owned(), "x.localhost".to_owned()]) {
        let url = format!("http://{host}:{}/", canary.port());
        for bounds in all_bounds() {
            let answered = http::get(&guard, &bounds, arguments(json!({"url": url}))).await;
            assert_eq!(reached.load(Ordering::SeqCst), reachable, "{url} was answered by {answered:?}");
        }
        // The notation is one: where loopback is opened by its address, it is reached by most of them.
        reachable += usize::from(http::get(&guard, &open, arguments(json!({"url": url}))).await.is_ok());
    }
    assert!(reachable >= 16, "{reachable}");
}

#[tokio::test]
async fn a_name_that_changes_its_mind_is_judged_each_time() {
    let (canary, reached) = canary().await;
    // Redirects to itself as long as it is asked.
    let server = serve(|_| answer(302, &[("location", "http://rebind.example/again")], b"")).await;
    let network = Loopback::new(server, canary);
    for hostile in ["127.0.0.1", "::1", "::ffff:169.254.169.254", "10.0.0.1", "64:ff9b::7f00:1"] {
        network.name("rebind.example", &[&[PUBLIC], &[PUBLIC], &[hostile]]);
        network.resolved.store(0, Ordering::SeqCst);
        let bounds = Bounds::new(Own::default(), []);
        let error = http::get(&network.guard(), &bounds, arguments(json!({"url": "http://rebind.example/"}))).await.unwrap_err();
        let EffectError::Refused(refusal) = error else { panic!("{error}") };
        assert_eq!(refusal.reason, Reason::ClosedAddress, "{hostile}");
        // Resolved once for each request, and never between the judgement and the dial.
        assert_eq!(network.resolved.load(Ordering::SeqCst), 3);
    }
    assert_eq!(reached.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn one_closed_address_spoils_a_name() {
    let (canary, reached) = canary().await;
    let network = Loopback::new(redirector().await, canary);
    for mixed in [[PUBLIC, "10.0.0.1"], ["fd00::1", PUBLIC], [PUBLIC, "::1"]] {
        network.name("mixed.example", &[&mixed]);
        let bounds = Bounds::new(Own::default(), []);
        let error = http::get(&network.guard(), &bounds, arguments(json!({"url": "http://mixed.example/"}))).await.unwrap_err();
        assert!(matches!(error, EffectError::Refused(_)), "{error}");
    }
    assert_eq!((reached.load(Ordering::SeqCst), network.dialled.lock().unwrap().len()), (0, 0));
}

#[tokio::test]
async fn a_name_that_is_refused_is_not_even_resolved() {
    let (canary, _) = canary().await;
    let network = Loopback::new(canary, canary);
    let bounds = support::http(Some(&["honest.example"]), &[]);
    for url in ["http://c2VjcmV0.evil.example/", "http://evil.example:22/", "http://kubernetes.default.svc/"] {
        http::get(&network.guard(), &bounds, arguments(json!({"url": url}))).await.unwrap_err();
    }
    assert_eq!(network.resolved.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn what_is_dialled_under_one_policy_serves_no_other() {
    let (canary, reached) = canary().await;
    let network = Loopback::new(canary, canary);
    network.name("db.example", &[&["10.0.0.5"]]);
    let guard = network.guard();
    let url = || arguments(json!({"url": "http://db.example/"}));
    http::get(&guard, &support::http(Some(&["db.example"]), &[]), url()).await.unwrap();
    let error = http::get(&guard, &support::http(Some(&["db.example"]), &["10.0.0.0/8"]), url()).await.unwrap_err();
    assert!(error.to_string().contains("`10.0.0.0/8`"), "{error}");
    assert_eq!(reached.load(Ordering::SeqCst), 1);
}
