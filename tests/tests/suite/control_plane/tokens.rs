//! Tokens that a real API server signs, judged by its published keys alone and, beside that, by the API server itself.

use jiff::Timestamp;
use serde_json::{Value, json};
use skreaver::protocol::Caller;
use skreaver::protocol::auth::{AuthConfig, KeySet, KeySets};
use skreaver_auth::{ApiKeys, Authenticator, Credentials, Identity, Keys, Refusal};
use skreaver_tests::{Namespace, kubectl};

const AUDIENCE: &str = "skreaver.dev/agent/quarry/amber";

async fn raw(path: &str) -> Value {
    serde_json::from_str(&kubectl(&["get", "--raw", path], "").await.unwrap()).unwrap()
}

/// Knows of the cluster what an operator would hand to a pod.
async fn authenticator() -> Authenticator {
    let issuer = raw("/.well-known/openid-configuration").await["issuer"].as_str().unwrap().to_owned();
    let config: AuthConfig =
        serde_json::from_value(json!({"issuers": [{"kind": "Kubernetes", "url": issuer, "audiences": [AUDIENCE]}]})).unwrap();
    let set = KeySet { issuer, keys: raw("/openid/v1/jwks").await, fetched_at_ms: 0 };
    let (keys, problems) = Keys::default().after(&KeySets { version: 1, sets: vec![set] });
    assert!(problems.is_empty(), "{problems:?}");
    Authenticator::new(&config, keys, ApiKeys::default()).unwrap()
}

fn judge(authenticator: &Authenticator, token: &str) -> Result<Identity, Refusal> {
    let header = format!("Bearer {token}");
    authenticator.authenticate(Credentials::of([header.as_bytes()], [])?, Timestamp::now())
}

/// What the API server says of a token: its user, if it is good.
async fn review(token: &str) -> Option<Value> {
    let review = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview",
        "spec": {"token": token, "audiences": [AUDIENCE]}});
    let answer = kubectl(&["create", "--output=json", "-f", "-"], &review.to_string()).await.unwrap();
    let answer: Value = serde_json::from_str(&answer).unwrap();
    (answer["status"]["authenticated"] == true).then(|| answer["status"]["user"].clone())
}

async fn token(namespace: &Namespace, more: &[&str]) -> String {
    let token = namespace.kubectl(&[&["create", "token", "chalk"], more].concat()).await.unwrap();
    token.trim().to_owned()
}

#[tokio::test]
async fn a_caller_is_to_us_who_it_is_to_the_api_server() {
    let namespace = Namespace::create("tokens").await;
    namespace.kubectl(&["create", "serviceaccount", "chalk"]).await.unwrap();
    let authenticator = authenticator().await;
    let ours = format!("--audience={AUDIENCE}");

    let good = token(&namespace, &[&ours]).await;
    let identity = judge(&authenticator, &good).unwrap();
    let user = review(&good).await.unwrap();
    assert_eq!(user["username"], *identity.caller().name());
    assert_eq!(user["groups"], json!(identity.caller().groups()));
    assert!(
        matches!(identity.caller(), Caller::ServiceAccount { namespace: its, name, .. } if *its == namespace.name && name == "chalk")
    );

    let both = token(&namespace, &["--audience=another", &ours]).await;
    assert!(judge(&authenticator, &both).is_ok() && review(&both).await.is_some());

    let (head, signature) = good.rsplit_once('.').unwrap();
    let (_, other) = both.rsplit_once('.').unwrap();
    for (wrong, reason) in [
        (token(&namespace, &[]).await, "wrong_audience"),
        (token(&namespace, &["--audience=skreaver.dev/agent/quarry/ochre"]).await, "wrong_audience"),
        (format!("{head}.{other}"), "wrong_signature"),
        (format!("{}.{signature}", both.rsplit_once('.').unwrap().0), "wrong_signature"),
    ] {
        assert_eq!(judge(&authenticator, &wrong).unwrap_err().reason(), reason);
        assert!(review(&wrong).await.is_none(), "{reason}");
    }
    namespace.delete().await;
}

/// The cost of judging without asking (ADR 0016), so that nobody is surprised by it.
#[tokio::test]
async fn a_token_outlives_what_it_is_bound_to_and_not_its_time() {
    let namespace = Namespace::create("tokens").await;
    namespace.kubectl(&["create", "serviceaccount", "chalk"]).await.unwrap();
    namespace.kubectl(&["create", "secret", "generic", "anchor"]).await.unwrap();
    let authenticator = authenticator().await;
    let bound = ["--bound-object-kind=Secret", "--bound-object-name=anchor", "--duration=10m"];
    let bound = token(&namespace, &[&[format!("--audience={AUDIENCE}").as_str()], bound.as_slice()].concat()).await;
    namespace.kubectl(&["delete", "secret", "anchor"]).await.unwrap();
    skreaver_tests::until("the API server to refuse the token", async || review(&bound).await.is_none().then_some(())).await;
    let identity = judge(&authenticator, &bound).unwrap();
    let left = identity.expires().unwrap().duration_since(Timestamp::now());
    assert!((0..=600).contains(&left.as_secs()), "{left}");
    namespace.delete().await;
}
