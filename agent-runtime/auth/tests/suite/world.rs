//! The issuers that the tests know, their keys, and an agent that trusts them.

use std::sync::LazyLock;

use jiff::Timestamp;
use serde_json::{Value, json};
use skreaver_auth::{ApiKeys, Authenticator, Credentials, Identity, Keys, Refusal};
use skreaver_protocol::auth::{AuthConfig, KeySet, KeySets};

use crate::signers::{OddRsa, Signer};

pub const CLUSTER: &str = "https://kubernetes.default.svc";
pub const PROVIDER: &str = "https://id.example.com/realms/quarry";
pub const OTHER: &str = "https://other.example.com";

/// 2026-11-25, noon.
pub const NOW: i64 = 1_795_608_000;

pub fn now() -> Timestamp {
    Timestamp::from_second(NOW).unwrap()
}

pub struct World {
    pub cluster: Signer,
    pub provider: Signer,
    pub pss: Signer,
    pub p256: Signer,
    pub p384: Signer,
    pub ed25519: Signer,
    pub encrypting: Signer,
    pub other: Signer,
    /// Of 1128 bits.
    pub weak: Signer,
    /// With an exponent of 1: what is signed is its own signature.
    pub open: Signer,
    /// Of nobody.
    pub stranger: Signer,
}

/// Made once: RSA keys take a moment.
pub static WORLD: LazyLock<World> = LazyLock::new(|| World {
    cluster: Signer::rsa(),
    provider: Signer::rsa(),
    pss: Signer::rsa(),
    p256: Signer::p256(),
    p384: Signer::p384(),
    ed25519: Signer::ed25519(),
    encrypting: Signer::rsa(),
    other: Signer::rsa(),
    weak: Signer::Odd(OddRsa::new((521, 607), 65_537)),
    open: Signer::Odd(OddRsa::new((1279, 2203), 1)),
    stranger: Signer::rsa(),
});

/// A public key under a name, with what else is said of it.
pub fn published(signer: &Signer, name: &str, more: Value) -> Value {
    let mut key = signer.public();
    key["kid"] = json!(name);
    for (field, value) in more.as_object().unwrap() {
        key[field] = value.clone();
    }
    key
}

pub fn key_set(issuer: &str, keys: &[Value]) -> KeySet {
    KeySet { issuer: issuer.into(), keys: json!({"keys": keys}), fetched_at_ms: 0 }
}

pub fn key_sets() -> KeySets {
    let world = &*WORLD;
    let provider = [
        published(&world.provider, "main", json!({"use": "sig", "alg": "RS256"})),
        published(&world.pss, "pss", json!({"alg": "PS256", "key_ops": ["verify"]})),
        published(&world.p256, "p256", json!({"use": "sig"})),
        published(&world.p384, "p384", json!({})),
        published(&world.ed25519, "ed", json!({"alg": "EdDSA"})),
        published(&world.encrypting, "enc", json!({"use": "enc"})),
        published(&world.encrypting, "wrap", json!({"key_ops": ["wrapKey"]})),
        published(&world.encrypting, "oaep", json!({"alg": "RSA-OAEP"})),
        published(&world.weak, "weak", json!({})),
        published(&world.open, "open", json!({})),
        json!({"kty": "oct", "kid": "shared", "k": "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"}),
        json!({"kty": "EC", "crv": "secp256k1", "kid": "koblitz", "x": "AA", "y": "AA"}),
    ];
    KeySets {
        version: 1,
        sets: vec![
            key_set(CLUSTER, &[published(&world.cluster, "cluster", json!({"use": "sig", "alg": "RS256"}))]),
            key_set(PROVIDER, &provider),
            key_set(OTHER, &[published(&world.other, "other", json!({}))]),
        ],
    }
}

pub fn config() -> AuthConfig {
    let all = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"];
    serde_json::from_value(json!({"issuers": [
        {"kind": "Kubernetes", "url": CLUSTER, "audiences": ["skreaver.dev/agent/quarry/amber"]},
        {"kind": "OIDC", "url": PROVIDER, "audiences": ["amber", "amber-next"], "algorithms": all,
         "username": {"claim": "preferred_username", "prefix": "corp:"}, "groups": {"claim": "groups", "prefix": "corp:"}},
        {"kind": "OIDC", "url": OTHER, "audiences": ["amber"], "username": {"claim": "email"}, "groups": {"claim": "groups"}},
        {"kind": "OIDC", "url": "https://late.example.com", "audiences": ["amber"]},
    ]}))
    .unwrap()
}

/// Judges by a configuration, with the keys that there are.
pub fn judging_by(config: &AuthConfig, api_keys: ApiKeys) -> Authenticator {
    let (keys, _) = Keys::default().after(&key_sets());
    Authenticator::new(config, keys, api_keys).unwrap()
}

pub fn authenticator() -> Authenticator {
    judging_by(&config(), ApiKeys::default())
}

/// What comes of a bearer.
pub fn bearer(authenticator: &Authenticator, token: &str) -> Result<Identity, Refusal> {
    let header = format!("Bearer {token}");
    let credentials = Credentials::of([header.as_bytes()], [])?;
    authenticator.authenticate(credentials, now())
}
