//! Makes tokens, honest ones and others.

use serde_json::{Map, Value, json};

use crate::signers::{Signer, base64url};
use crate::world::{CLUSTER, NOW, OTHER, PROVIDER, WORLD};

/// A token that is being written.
#[derive(Clone)]
pub struct Draft {
    header: String,
    claims: String,
    signer: &'static Signer,
    algorithm: String,
}

impl Draft {
    fn new(signer: &'static Signer, key: &str, claims: &Value) -> Self {
        let header = json!({"alg": signer.usual(), "kid": key, "typ": "JWT"}).to_string();
        Self { header, claims: claims.to_string(), signer, algorithm: signer.usual().to_owned() }
    }

    /// What the provider gives to Ann.
    pub fn of_ann() -> Self {
        let claims = json!({"iss": PROVIDER, "sub": "7", "aud": "amber", "iat": NOW - 60, "nbf": NOW - 60, "exp": NOW + 600,
            "preferred_username": "ann", "groups": ["staff", "night"]});
        Self::new(&WORLD.provider, "main", &claims)
    }

    /// What the other provider gives to Bob.
    pub fn of_bob() -> Self {
        let claims = json!({"iss": OTHER, "sub": "8", "aud": ["amber"], "iat": NOW - 60, "exp": NOW + 600,
            "email": "bob@example.com", "email_verified": true});
        Self::new(&WORLD.other, "other", &claims)
    }

    /// What the cluster gives to a ServiceAccount.
    pub fn of_chalk() -> Self {
        let claims = json!({"iss": CLUSTER, "sub": "system:serviceaccount:quarry:chalk", "aud": ["skreaver.dev/agent/quarry/amber"],
            "iat": NOW - 60, "nbf": NOW - 60, "exp": NOW + 3600, "jti": "1",
            "kubernetes.io": {"namespace": "quarry", "serviceaccount": {"name": "chalk", "uid": "u1"},
                "pod": {"name": "chalk-0", "uid": "u2"}, "node": {"name": "n", "uid": "u3"}, "warnafter": NOW + 60}});
        Self::new(&WORLD.cluster, "cluster", &claims).without_header("typ")
    }

    fn change(text: &str, change: impl FnOnce(&mut Map<String, Value>)) -> String {
        let mut object: Map<String, Value> = serde_json::from_str(text).unwrap();
        change(&mut object);
        Value::Object(object).to_string()
    }

    pub fn header(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.header = Self::change(&self.header, |header| drop(header.insert(name.into(), value.into())));
        self
    }

    pub fn without_header(mut self, name: &str) -> Self {
        self.header = Self::change(&self.header, |header| drop(header.remove(name)));
        self
    }

    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claims = Self::change(&self.claims, |claims| drop(claims.insert(name.into(), value.into())));
        self
    }

    pub fn without_claim(mut self, name: &str) -> Self {
        self.claims = Self::change(&self.claims, |claims| drop(claims.remove(name)));
        self
    }

    /// Changes the header as it is written.
    pub fn header_text(mut self, change: impl FnOnce(String) -> String) -> Self {
        self.header = change(self.header);
        self
    }

    /// Changes the claims as they are written.
    pub fn claims_text(mut self, change: impl FnOnce(String) -> String) -> Self {
        self.claims = change(self.claims);
        self
    }

    /// Signs with another key, in the way that is usual for it, and names it in the header.
    pub fn by(mut self, signer: &'static Signer, key: &str) -> Self {
        self.signer = signer;
        self.algorithm = signer.usual().to_owned();
        self.header("alg", signer.usual()).header("kid", key)
    }

    /// Signs in another way, and says so.
    pub fn with(mut self, algorithm: &str) -> Self {
        self.algorithm = algorithm.to_owned();
        self.header("alg", algorithm)
    }

    /// What is signed.
    pub fn message(&self) -> String {
        format!("{}.{}", base64url(&self.header), base64url(&self.claims))
    }

    pub fn signature(&self) -> Vec<u8> {
        self.signer.sign(&self.algorithm, self.message().as_bytes())
    }

    pub fn signed(&self) -> String {
        self.signed_as(self.signature())
    }

    /// With another signature.
    pub fn signed_as(&self, signature: impl AsRef<[u8]>) -> String {
        format!("{}.{}", self.message(), base64url(signature))
    }
}
