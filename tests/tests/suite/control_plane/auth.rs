//! The keys by which pods judge callers: those of the cluster reach them, and what cannot be fetched is told.

use skreaver_protocol::auth::KeySets;
use skreaver_tests::{Namespace, until};

use super::agent;
use super::pod::Pod;
use super::release::Release;

#[tokio::test]
async fn the_keys_of_the_cluster_reach_the_pods_and_the_config_map() {
    let namespace = Namespace::create("callers").await;
    let release = Release::install(&namespace).await;
    let operator = release.operator(&namespace, &[]).await;
    namespace.apply(&agent("amber", "{}")).await.unwrap();
    let mut pod = Pod::connect(&namespace, "amber", "amber-first", release.port).await;
    let told = pod.keys(|keys| keys.sets.len() == 1).await;
    let published = namespace.kubectl(&["get", "--raw", "/openid/v1/jwks"]).await.unwrap();
    assert_eq!(told.sets[0].keys, serde_json::from_str::<serde_json::Value>(&published).unwrap());
    namespace.condition("agent", "amber", "AuthReady", "True", "KeysKnown").await;
    until("the ConfigMap to have the keys", async || {
        let map = namespace.get("configmap", "amber").await?;
        let stored: Option<KeySets> = serde_json::from_str(map["data"]["keys.json"].as_str()?).ok();
        stored.filter(|stored| *stored == told)
    })
    .await;
    operator.stop().await;
    release.remove().await;
    namespace.delete().await;
}

#[tokio::test]
async fn an_issuer_that_cannot_be_reached_is_told_and_takes_nothing_from_the_others() {
    let namespace = Namespace::create("nobody").await;
    let operator = super::Operator::start(&namespace, &[]).await;
    let spec = r#"{expose: {auth: {issuers: [{kind: OIDC, url: "https://127.0.0.1:9/quarry", audiences: [amber]}]}}}"#;
    namespace.apply(&agent("amber", spec)).await.unwrap();
    let message = namespace.condition("agent", "amber", "AuthReady", "False", "IssuerUnreachable").await;
    assert!(message.contains("failed to fetch the keys of https://127.0.0.1:9/quarry"), "{message}");
    namespace.condition("agent", "amber", "Accepted", "True", "Valid").await;
    operator.stop().await;
    namespace.delete().await;
}
