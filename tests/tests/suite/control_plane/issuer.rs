//! An OpenID provider on loopback that answers as a test says, and the keys with which it signs.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Redirect, Response};
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::time::sleep_until;
use tokio_util::task::AbortOnDropHandle;

/// A little more than what the operator leaves between two fetches of one issuer's keys.
const PAUSE: Duration = Duration::from_millis(10_500);

/// How it answers.
#[derive(Debug, Clone)]
pub enum Answers {
    /// With these keys.
    Keys(Vec<Value>),
    /// 503.
    Down,
    /// Something that is not JSON.
    Garbage,
    /// More than anybody publishes.
    TooMuch,
    /// From elsewhere.
    Elsewhere,
    /// In another's name.
    AnotherName,
    /// Not at all.
    Silence,
}

/// It serves until it is dropped.
pub struct Issuer {
    /// Its name.
    pub url: String,
    shared: Arc<Shared>,
    _serves: AbortOnDropHandle<()>,
}

struct Shared {
    url: String,
    answers: Mutex<Answers>,
    asked: AtomicUsize,
    asked_last: Mutex<Instant>,
}

impl Issuer {
    pub async fn start(answers: Answers) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/quarry", listener.local_addr().unwrap());
        let shared = Arc::new(Shared {
            url: url.clone(),
            answers: Mutex::new(answers),
            asked: AtomicUsize::default(),
            asked_last: Mutex::new(Instant::now()),
        });
        let router = Router::new().fallback(answer).with_state(Arc::clone(&shared));
        let serves = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, shared, _serves: AbortOnDropHandle::new(serves) }
    }

    /// From now on.
    pub fn answers(&self, answers: Answers) {
        *self.shared.answers.lock().unwrap() = answers;
    }

    /// How often it was asked for its discovery document.
    pub fn asked(&self) -> usize {
        self.shared.asked.load(Ordering::Relaxed)
    }

    /// Waits until it was not asked for longer than the operator has to pause.
    pub async fn rests(&self) {
        let last = || *self.shared.asked_last.lock().unwrap();
        while last().elapsed() < PAUSE {
            sleep_until((last() + PAUSE).into()).await;
        }
    }

    /// As an Agent names it.
    pub fn entry(&self) -> String {
        format!("{{kind: OIDC, url: '{}', audiences: [amber], algorithms: [ES256]}}", self.url)
    }
}

async fn answer(State(shared): State<Arc<Shared>>, uri: Uri) -> Response {
    let is_discovery = uri.path().ends_with("/.well-known/openid-configuration");
    if is_discovery {
        shared.asked.fetch_add(1, Ordering::Relaxed);
        *shared.asked_last.lock().unwrap() = Instant::now();
    }
    let answers = shared.answers.lock().unwrap().clone();
    let discovery = |issuer: &str| Json(json!({"issuer": issuer, "jwks_uri": format!("{}/keys", shared.url)})).into_response();
    match answers {
        Answers::Keys(_) if is_discovery => discovery(&shared.url),
        Answers::Keys(keys) => Json(json!({ "keys": keys })).into_response(),
        Answers::Down => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        Answers::Garbage => "<html>".into_response(),
        Answers::TooMuch => "x".repeat(1 << 20).into_response(),
        Answers::Elsewhere => Redirect::temporary("http://127.0.0.1:9/").into_response(),
        Answers::AnotherName => discovery("https://id.example.com"),
        Answers::Silence => std::future::pending().await,
    }
}

/// A key with which it signs.
pub struct Signer {
    name: &'static str,
    pair: EcdsaKeyPair,
}

impl Signer {
    pub fn new(name: &'static str) -> Self {
        Self { name, pair: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap() }
    }

    /// As it is published.
    pub fn public(&self) -> Value {
        let point = self.pair.public_key().as_ref();
        let [x, y] = [&point[1..33], &point[33..]].map(|half| URL_SAFE_NO_PAD.encode(half));
        json!({"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": self.name, "x": x, "y": y})
    }

    /// A token for `amber` that is good for a while.
    pub fn token(&self, issuer: &Issuer) -> String {
        let now = Timestamp::now().as_second();
        let parts = [
            json!({"alg": "ES256", "kid": self.name}),
            json!({"iss": issuer.url, "sub": "jo", "aud": "amber", "iat": now, "exp": now + 600}),
        ];
        let signed = parts.map(|part| URL_SAFE_NO_PAD.encode(part.to_string())).join(".");
        let signature = self.pair.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}
