//! Two agents, those who ask them, and what of it is logged.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};
use skreaver::auth::NewApiKey;
use skreaver::protocol::auth::{KeySet, KeySets};
use tempfile::TempDir;
use tracing_subscriber::fmt::MakeWriter;

use crate::support::{Served, config, start, until};

pub(super) const ISSUER: &str = "https://id.example.com";

/// Agents, what they may do, and who may ask them. `DIR` is where the keys are.
pub(super) const CONFIG: &str = "
agents:
- name: amber
  tools:
  - {name: uppercase, source: {type: Builtin}}
  - {name: reverse, source: {type: Builtin}}
  - {name: colleague, source: {type: Agent, agent: basalt}}
- name: basalt
  tools: [{name: uppercase, source: {type: Builtin}}, {name: reverse, source: {type: Builtin}}]
  memory: {store: {backend: InMemory}, durability: Ephemeral}
auth:
  issuers: [{kind: OIDC, url: 'https://id.example.com', audiences: [quarry], algorithms: [ES256], username: {claim: name}, groups: {claim: groups}}]
  keySetsFile: DIR/sets.json
  apiKeys: DIR/keys
  bindings:
  - {role: user, subjects: [{kind: ApiKey, name: narrow}, {kind: Group, name: staff}], agents: [basalt]}
";
/// Only Ann may shout, and nobody reverses without approval.
pub(super) const POLICIES: &str = "{version: 1, policies: [{name: care, mode: Enforce, defaultAction: Allow, rules: [
  {name: ann, tools: [uppercase], when: \"caller.name != 'ann'\", action: Deny},
  {name: ask, tools: [reverse], action: RequireApproval, approval: {quorum: 2, timeout: 1h}}]}]}";

/// The callers with API keys, and what stands behind their hashes.
const CALLERS: [(&str, &str); 8] = [
    ("ann", "roles=user"),
    ("bob", "roles=user"),
    ("eve", "roles=viewer"),
    ("pat", "roles=approver"),
    ("root", "roles=admin"),
    ("nobody", ""),
    ("narrow", ""),
    ("late", "roles=admin expires=2020-01-01T00:00:00Z"),
];

pub(super) struct World {
    pub(super) served: Served,
    pub(super) folder: TempDir,
    pub(super) signer: Signer,
    keys: BTreeMap<&'static str, NewApiKey>,
    log: Log,
    _capturing: tracing::subscriber::DefaultGuard,
}

impl World {
    pub(super) async fn start() -> Self {
        Self::of(CONFIG, POLICIES).await
    }

    /// One with other agents or policies.
    pub(super) async fn of(agents: &str, policies: &str) -> Self {
        let log = Log::default();
        let subscriber = tracing_subscriber::fmt().json().with_writer(log.clone()).finish();
        let capturing = tracing::subscriber::set_default(subscriber);
        let folder = tempfile::tempdir().unwrap();
        let signer = Signer::new("main");
        write_sets(&folder, 1, &[&signer]);
        let keys: BTreeMap<_, _> = (1..).zip(CALLERS).map(|(seed, (name, _))| (name, new_key(seed))).collect();
        std::fs::create_dir(folder.path().join("keys")).unwrap();
        for (name, more) in CALLERS {
            write_key(&folder, name, &[&format!("{} {more}", keys[name].line)]);
        }
        let yaml = agents.replace("DIR", folder.path().to_str().unwrap());
        let served = start(config(&yaml), &[("amber", policies), ("basalt", policies)], None, Duration::ZERO).await;
        until(async || (served.get("/ready").await.0 == 200).then_some(())).await;
        Self { served, folder, signer, keys, log, _capturing: capturing }
    }

    pub(super) fn key(&self, name: &str) -> &str {
        use secrecy::ExposeSecret;
        self.keys[name].key.expose_secret()
    }

    pub(super) fn request(&self, method: &str, path: &str) -> RequestBuilder {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let request = self.served.client.request(method, self.served.url(path));
        // MCP demands both; elsewhere the second one asks for events.
        request.header("accept", if path.ends_with("mcp") { "application/json, text/event-stream" } else { "application/json" })
    }

    /// Asks with the API key of a caller.
    pub(super) fn by(&self, name: &str, method: &str, path: &str) -> RequestBuilder {
        self.request(method, path).bearer_auth(self.key(name))
    }

    pub(super) async fn get(&self, name: &str, path: &str) -> (u16, Value) {
        answer(self.by(name, "GET", path)).await
    }

    /// Asks an agent, and returns the run.
    pub(super) async fn observe(&self, name: &str, agent: &str, body: Value) -> Value {
        let (status, answer) = answer(self.by(name, "POST", &format!("/agents/{agent}/observe")).json(&body)).await;
        assert_eq!(status, 200, "{answer}");
        answer
    }

    /// What was logged of refusals since the last time.
    pub(super) fn refusals(&self) -> Vec<Value> {
        let text = std::mem::take(&mut *self.log.0.lock().unwrap());
        let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let lines = lines.map(|line| serde_json::from_slice::<Value>(line).unwrap()["fields"].clone());
        lines.filter(|fields| fields["message"] == "request refused").collect()
    }
}

pub(super) async fn answer(request: RequestBuilder) -> (u16, Value) {
    let response: Response = request.send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap_or_default())
}

/// What is logged by this thread, on which the whole server runs.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

pub(super) fn new_key(seed: u8) -> NewApiKey {
    NewApiKey::of(&[seed; 30])
}

/// Writes the lines of a caller's entry in one go, as Kubernetes does.
pub(super) fn write_key(folder: &TempDir, name: &str, lines: &[&str]) {
    replace(folder, &format!("keys/{name}"), &lines.join("\n"));
}

pub(super) fn key_sets(version: u64, signers: &[&Signer]) -> KeySets {
    let keys: Vec<_> = signers.iter().map(|signer| signer.public()).collect();
    KeySets { version, sets: vec![KeySet { issuer: ISSUER.into(), keys: json!({ "keys": keys }), fetched_at_ms: 0 }] }
}

pub(super) fn write_sets(folder: &TempDir, version: u64, signers: &[&Signer]) {
    replace(folder, "sets.json", &serde_json::to_string(&key_sets(version, signers)).unwrap());
}

fn replace(folder: &TempDir, path: &str, text: &str) {
    let new = folder.path().join("new");
    std::fs::write(&new, text).unwrap();
    std::fs::rename(new, folder.path().join(path)).unwrap();
}

/// A key of the issuer.
pub(super) struct Signer {
    name: &'static str,
    pair: EcdsaKeyPair,
}

impl Signer {
    pub(super) fn new(name: &'static str) -> Self {
        Self { name, pair: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap() }
    }

    fn public(&self) -> Value {
        let point = &self.pair.public_key().as_ref()[1..];
        let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        json!({"kty": "EC", "crv": "P-256", "kid": self.name, "x": part(&point[..32]), "y": part(&point[32..])})
    }

    /// A token of Ann, who is in the staff, with other claims in the place of the usual ones; null takes one away.
    pub(super) fn token(&self, changed: &Value) -> String {
        self.signed(&json!({"alg": "ES256", "kid": self.name}), changed)
    }

    pub(super) fn signed(&self, header: &Value, changed: &Value) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let mut claims =
            json!({"iss": ISSUER, "sub": "7", "aud": "quarry", "iat": now, "exp": now + 600, "name": "ann", "groups": ["staff"]});
        for (name, value) in changed.as_object().unwrap() {
            match value {
                Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
                // As so many seconds from now.
                Value::Number(seconds) => claims[name] = json!(now.saturating_add_signed(seconds.as_i64().unwrap())),
                other => claims[name] = other.clone(),
            }
        }
        let mut token = String::new();
        write!(token, "{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(claims.to_string())).unwrap();
        let signature = self.pair.sign(&SystemRandom::new(), token.as_bytes()).unwrap();
        format!("{token}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
    }
}
