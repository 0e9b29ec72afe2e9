//! Keys change while requests come, and none of them is refused that should not be.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use secrecy::ExposeSecret;
use serde_json::json;

use super::world::{Signer, World, new_key, write_key, write_sets};
use crate::support::until;

/// Asks on and on with what `credential` gives, until `over`. Each request has to be let in.
async fn ask_on(world: &World, credential: impl Fn() -> String, over: &AtomicBool) -> u32 {
    let asked = AtomicU32::new(0);
    let ask = async || {
        while !over.load(Ordering::Relaxed) {
            let status = world.request("GET", "/agents").bearer_auth(credential()).send().await.unwrap().status();
            let number = asked.fetch_add(1, Ordering::Relaxed);
            assert_eq!(status, 200, "request {number}");
        }
    };
    tokio::join!(ask(), ask(), ask(), ask());
    asked.into_inner()
}

async fn status(world: &World, credential: &str) -> u16 {
    world.request("GET", "/agents").bearer_auth(credential).send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn an_api_key_is_replaced_under_load_without_a_refused_request() {
    let world = World::start().await;
    let new = new_key(77);
    let (old, new_text) = (world.key("ann").to_owned(), new.key.expose_secret().to_owned());
    let old_line = std::fs::read_to_string(world.folder.path().join("keys/ann")).unwrap();
    let new_line = format!("{} roles=user", new.line);
    let (is_handed_out, over) = (AtomicBool::new(false), AtomicBool::new(false));
    let load = ask_on(&world, || if is_handed_out.load(Ordering::Relaxed) { new_text.clone() } else { old.clone() }, &over);
    let rotation = async {
        write_key(&world.folder, "ann", &[&old_line, &new_line]);
        until(async || (status(&world, &new_text).await == 200).then_some(())).await;
        is_handed_out.store(true, Ordering::Relaxed);
        // Requests with the old key are over.
        tokio::time::sleep(Duration::from_millis(200)).await;
        write_key(&world.folder, "ann", &[&new_line]);
        until(async || (status(&world, &old).await == 401).then_some(())).await;
        over.store(true, Ordering::Relaxed);
    };
    let (asked, ()) = tokio::join!(load, rotation);
    assert!(asked > 50, "{asked}");
    world.served.stop().await;
}

#[tokio::test]
async fn keys_of_an_issuer_are_replaced_under_load_without_a_refused_request() {
    let world = World::start().await;
    let second = Signer::new("second");
    let (before, after) = (world.signer.token(&json!({})), second.token(&json!({})));
    let (is_signing, over) = (AtomicBool::new(false), AtomicBool::new(false));
    let load = ask_on(&world, || if is_signing.load(Ordering::Relaxed) { after.clone() } else { before.clone() }, &over);
    let rotation = async {
        // Its first tokens come before anybody has looked at the file: they wait.
        write_sets(&world.folder, 2, &[&world.signer, &second]);
        is_signing.store(true, Ordering::Relaxed);
        assert_eq!(status(&world, &after).await, 200);
        assert_eq!(status(&world, &before).await, 200);
        tokio::time::sleep(Duration::from_millis(200)).await;
        write_sets(&world.folder, 3, &[&second]);
        until(async || (status(&world, &before).await == 401).then_some(())).await;
        over.store(true, Ordering::Relaxed);
    };
    let (asked, ()) = tokio::join!(load, rotation);
    assert!(asked > 50, "{asked}");
    world.served.stop().await;
}

#[tokio::test]
async fn a_key_that_nobody_knows_is_waited_for_shortly_and_a_directory_that_is_gone_changes_nothing() {
    let world = World::start().await;
    let began = Instant::now();
    let response = world.request("GET", "/agents").bearer_auth(Signer::new("unknown").token(&json!({}))).send().await.unwrap();
    assert_eq!(response.status(), 401);
    assert!((Duration::from_millis(1500)..Duration::from_secs(5)).contains(&began.elapsed()), "{:?}", began.elapsed());
    assert_eq!(world.refusals()[0]["reason"], "unknown_key");
    std::fs::rename(world.folder.path().join("keys"), world.folder.path().join("gone")).unwrap();
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(world.get("ann", "/agents").await.0, 200);
    world.served.stop().await;
}

#[tokio::test]
async fn readiness_waits_for_keys_of_every_issuer_once() {
    let folder = tempfile::tempdir().unwrap();
    let yaml = format!(
        "{{agents: [{{name: amber}}], auth: {{issuers: [{{kind: OIDC, url: '{}', audiences: [quarry]}}], keySetsFile: {}/sets.json}}}}",
        super::world::ISSUER,
        folder.path().display()
    );
    let served = crate::support::start(crate::support::config(&yaml), &[], None, Duration::ZERO).await;
    let (status, readiness) = served.get("/ready").await;
    assert_eq!(status, 503);
    let auth = readiness["components"].as_array().unwrap().iter().find(|it| it["name"] == "auth").unwrap();
    assert!(auth["message"].as_str().unwrap().contains(super::world::ISSUER), "{auth}");
    let signer = Signer::new("main");
    let token = signer.token(&json!({}));
    let response = served.client.get(served.url("/agents")).bearer_auth(&token).send().await.unwrap();
    assert_eq!((response.status().as_u16(), &response.headers()["retry-after"]), (503, &"1".parse().unwrap()));
    write_sets(&folder, 1, &[&signer]);
    until(async || (served.get("/ready").await.0 == 200).then_some(())).await;
    std::fs::remove_file(folder.path().join("sets.json")).unwrap();
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(served.get("/ready").await.0, 200);
    served.stop().await;
}
