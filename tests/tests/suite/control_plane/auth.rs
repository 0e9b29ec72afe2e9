//! The keys by which pods judge callers: those of the cluster and of providers reach them, and what cannot be fetched is told.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::Value;
use skreaver_auth::{ApiKeys, Authenticator, Credentials, Keys, Refusal};
use skreaver_protocol::auth::{AuthConfig, KeySets};
use skreaver_tests::{Namespace, until};

use super::agent;
use super::issuer::{Answers, Issuer, Signer};
use super::pod::Pod;
use super::release::Release;

/// An Agent whose callers these issuers know, and nobody else.
fn amber(issuers: &[Issuer]) -> String {
    let issuers = issuers.iter().map(Issuer::entry).collect::<Vec<_>>().join(", ");
    let user = "{role: user, subjects: [{kind: Group, name: 'system:authenticated'}]}";
    agent("amber", &format!("{{expose: {{auth: {{kubernetes: false, issuers: [{issuers}], bindings: [{user}]}}}}}}"))
}

/// What the Agent's ConfigMap holds under a key.
async fn stored(namespace: &Namespace, key: &str) -> Option<Value> {
    serde_json::from_str(namespace.get("configmap", "amber").await?["data"][key].as_str()?).ok()
}

/// The keys in it, once they are these.
async fn keeps(namespace: &Namespace, keys: &KeySets) {
    let keys = serde_json::to_value(keys).unwrap();
    let holds = async || stored(namespace, "keys.json").await.filter(|stored| *stored == keys);
    until("the ConfigMap to have the keys", holds).await;
}

/// Judges tokens as the Agent's pods are configured to, by the keys that they were told.
async fn judge(namespace: &Namespace, told: &KeySets, token: &str) -> Result<(), Refusal> {
    let config: AuthConfig = serde_json::from_value(stored(namespace, "config.json").await.unwrap()["auth"].clone()).unwrap();
    let (keys, problems) = Keys::default().after(told);
    assert!(problems.is_empty(), "{problems:?}");
    let authenticator = Authenticator::new(&config, keys, ApiKeys::default()).unwrap();
    let header = format!("Bearer {token}");
    authenticator.authenticate(Credentials::of([header.as_bytes()], [])?, Timestamp::now()).map(drop)
}

fn names(told: &KeySets) -> Vec<&str> {
    let keys = told.sets.iter().flat_map(|set| set.keys["keys"].as_array().unwrap());
    keys.map(|key| key["kid"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn the_keys_of_the_cluster_reach_the_pods_and_the_config_map() {
    let namespace = Namespace::create("callers").await;
    let release = Release::install(&namespace).await;
    let operator = release.operator(&namespace, &[]).await;
    namespace.apply(&agent("amber", "{}")).await.unwrap();
    let mut pod = Pod::connect(&namespace, "amber", "amber-first", release.port).await;
    let told = pod.keys(|keys| keys.sets.len() == 1).await;
    let published = namespace.kubectl(&["get", "--raw", "/openid/v1/jwks"]).await.unwrap();
    assert_eq!(told.sets[0].keys, serde_json::from_str::<Value>(&published).unwrap());
    namespace.condition("agent", "amber", "AuthReady", "True", "KeysKnown").await;
    keeps(&namespace, &told).await;
    operator.stop().await;
    release.remove().await;
    namespace.delete().await;
}

/// Names of keys are a stranger's to choose, and pods that were taken over say what they like.
#[tokio::test]
async fn new_keys_reach_the_pods_before_a_request_is_refused_and_nobody_makes_us_hammer_the_issuer() {
    let namespace = Namespace::create("rotates").await;
    let release = Release::install(&namespace).await;
    let operator = release.operator(&namespace, &["--issuers-on-loopback", "true"]).await;
    let (first, second) = (Signer::new("first"), Signer::new("second"));
    let issuer = [Issuer::start(Answers::Keys(vec![first.public()])).await];
    let started = Instant::now();
    namespace.apply(&amber(&issuer)).await.unwrap();
    let [issuer] = issuer;
    let mut pod = Pod::connect(&namespace, "amber", "amber-first", release.port).await;
    let told = pod.keys(|keys| names(keys) == ["first"]).await;
    keeps(&namespace, &told).await;
    let pods = namespace.get("deployment", "amber").await.unwrap()["spec"]["template"].clone();
    judge(&namespace, &told, &first.token(&issuer)).await.unwrap();

    issuer.answers(Answers::Keys(vec![first.public(), second.public()]));
    let refused = judge(&namespace, &told, &second.token(&issuer)).await.unwrap_err();
    assert_eq!(refused.wants_keys_of(), Some(issuer.url.as_str()));
    // As often as nothing of ours would, until the time has come.
    let told = pod.wants(&issuer.url, |keys| names(keys) == ["first", "second"]).await;
    for signer in [&first, &second] {
        judge(&namespace, &told, &signer.token(&issuer)).await.unwrap();
    }
    keeps(&namespace, &told).await;

    // Where the issuer was left alone for a while the answer is there in the time that a request waits.
    issuer.rests().await;
    issuer.answers(Answers::Keys(vec![second.public()]));
    let asked = Instant::now();
    let told = pod.wants(&issuer.url, |keys| names(keys) == ["second"]).await;
    assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
    assert!(judge(&namespace, &told, &first.token(&issuer)).await.is_err(), "what the issuer takes back is not taken");
    judge(&namespace, &told, &second.token(&issuer)).await.unwrap();
    keeps(&namespace, &told).await;

    let most = 1 + usize::try_from(started.elapsed().as_secs() / 10).unwrap();
    assert!((3..=most).contains(&issuer.asked()), "asked {} times in {:?}", issuer.asked(), started.elapsed());
    assert_eq!(namespace.get("deployment", "amber").await.unwrap()["spec"]["template"], pods, "no key rolls a pod");
    operator.stop().await;
    release.remove().await;
    namespace.delete().await;
}

#[tokio::test]
async fn issuers_that_answer_wrongly_are_named_each_with_its_reason_and_heal_by_themselves() {
    let namespace = Namespace::create("wrong").await;
    let operator = super::Operator::start(&namespace, &["--issuers-on-loopback", "true"]).await;
    let wrong = [
        (Answers::Down, "its discovery document is answered by 503"),
        (Answers::Garbage, "its discovery document is not JSON"),
        (Answers::TooMuch, "its discovery document has more than 65536 bytes"),
        (Answers::Elsewhere, "its discovery document is answered by 307, and redirects are not followed"),
        (Answers::AnotherName, "its discovery document names another issuer"),
        (Answers::Keys(Vec::new()), "its key set holds no keys"),
        (Answers::Silence, "it does not answer within 10s"),
    ];
    let mut issuers = Vec::new();
    for (answers, _) in &wrong {
        issuers.push(Issuer::start(answers.clone()).await);
    }
    namespace.apply(&amber(&issuers)).await.unwrap();
    let told: Vec<_> =
        issuers.iter().zip(&wrong).map(|(it, (_, why))| format!("failed to fetch the keys of {}: {why}", it.url)).collect();
    until("every issuer to be told of", async || {
        let condition = namespace.find_condition("agent", "amber", "AuthReady").await?;
        let message = condition["message"].as_str()?;
        (condition["reason"] == "IssuerUnreachable" && told.iter().all(|told| message.contains(told))).then_some(())
    })
    .await;
    namespace.condition("agent", "amber", "Accepted", "True", "Valid").await;
    for issuer in &issuers {
        issuer.answers(Answers::Keys(vec![Signer::new("chalk").public()]));
    }
    namespace.condition("agent", "amber", "AuthReady", "True", "KeysKnown").await;
    operator.stop().await;
    namespace.delete().await;
}

#[tokio::test]
async fn keys_that_were_known_stay_while_their_issuer_is_away_and_no_restart_loses_them() {
    let namespace = Namespace::create("away").await;
    let release = Release::install(&namespace).await;
    let start = async || release.operator(&namespace, &["--issuers-on-loopback", "true"]).await;
    let operator = start().await;
    let (first, second) = (Signer::new("first"), Signer::new("second"));
    let issuer = [Issuer::start(Answers::Keys(vec![first.public()])).await];
    namespace.apply(&amber(&issuer)).await.unwrap();
    let [issuer] = issuer;
    let mut pod = Pod::connect(&namespace, "amber", "amber-first", release.port).await;
    let before = pod.keys(|keys| names(keys) == ["first"]).await;
    keeps(&namespace, &before).await;
    operator.stop().await;

    issuer.answers(Answers::Down);
    let operator = start().await;
    namespace.condition("agent", "amber", "AuthReady", "False", "IssuerUnreachable").await;
    let mut pod = Pod::connect(&namespace, "amber", "amber-second", release.port).await;
    assert_eq!(pod.keys(|keys| !keys.sets.is_empty()).await, before);
    keeps(&namespace, &before).await;

    issuer.answers(Answers::Keys(vec![second.public()]));
    let after = pod.keys(|keys| names(keys) == ["second"]).await;
    assert!(after.version > before.version, "{} after {}", after.version, before.version);
    namespace.condition("agent", "amber", "AuthReady", "True", "KeysKnown").await;
    operator.stop().await;
    release.remove().await;
    namespace.delete().await;
}

#[tokio::test]
async fn loopback_is_closed_and_whoever_cannot_be_meant_is_refused_by_name() {
    let namespace = Namespace::create("nobody").await;
    let operator = super::Operator::start(&namespace, &[]).await;
    let user = "{role: user, subjects: [{kind: User, name: jo}]}";
    let spec = |urls: &[&str]| {
        let issuers = urls.iter().map(|url| format!("{{kind: OIDC, url: '{url}', audiences: [amber]}}")).collect::<Vec<_>>();
        format!("{{expose: {{auth: {{issuers: [{}], bindings: [{user}]}}}}}}", issuers.join(", "))
    };
    namespace.apply(&agent("amber", &spec(&["https://127.0.0.1:9/quarry"]))).await.unwrap();
    let message = namespace.condition("agent", "amber", "AuthReady", "False", "IssuerUnreachable").await;
    assert!(message.contains("keys of https://127.0.0.1:9/quarry: its discovery document may not be fetched"), "{message}");
    namespace.condition("agent", "amber", "Accepted", "True", "Valid").await;

    namespace.apply(&agent("basalt", &spec(&["https://a.invalid", "https://b.invalid"]))).await.unwrap();
    let message = namespace.condition("agent", "basalt", "Accepted", "False", "InvalidAuth").await;
    let told = "spec.expose.auth.bindings[0].subjects[0].issuer: several issuers could vouch for this name; say which";
    assert!(message.contains(told), "{message}");
    operator.stop().await;
    namespace.delete().await;
}
