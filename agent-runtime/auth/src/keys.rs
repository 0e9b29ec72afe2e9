//! The public keys of issuers: which are taken, for what each is good, and how new ones take the place of old ones.
//!
//! A key is good while the newest set of its issuer has it, and no longer: to take a key out of the set is how an issuer says that
//! it may be in the wrong hands, and OpenID Connect (Core, 10.1.1) has issuers leave keys in it until their tokens have expired. A
//! key that is new is unknown until the set that has it arrives; the refusal says so, and the request may wait for it. So an
//! issuer that rotates as it should has no request refused.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::DecodingKey;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse};
use serde_json::Value;
use skreaver_protocol::auth::{Algorithm, KeySet, KeySets};

use crate::shown::Shown;

/// The most keys of one issuer.
const MOST_KEYS: usize = 64;
/// The sizes of RSA keys, in bits: below they are broken, above they take long.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// The keys of all issuers.
#[derive(Debug, Clone, Default)]
pub struct Keys {
    version: u64,
    rings: BTreeMap<String, Arc<KeyRing>>,
}

/// A key of a set that is not taken, or a whole set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} of the issuer {issuer}: {why}", .key.as_ref().map_or("the key set".to_owned(), |key| format!("the key {key}")))]
pub struct KeyProblem {
    /// The issuer.
    pub issuer: String,
    /// The key, by its name. Absent: it is all of the set.
    pub key: Option<Shown>,
    /// What is wrong.
    pub why: &'static str,
}

impl Keys {
    /// The keys after these sets arrived, and what of them is not taken. The set of an issuer takes the place of the one before
    /// whole; an issuer of which nothing is said, or no key can be used, keeps what it has; and nothing goes back to an older
    /// version.
    #[must_use]
    pub fn after(&self, sets: &KeySets) -> (Self, Vec<KeyProblem>) {
        let (mut keys, mut problems) = (self.clone(), Vec::new());
        if sets.version <= self.version {
            return (keys, problems);
        }
        keys.version = sets.version;
        for set in &sets.sets {
            let ring = KeyRing::read(set, &mut problems);
            if ring.0.is_empty() {
                let why = "it has no key that can be used; the keys before it stay";
                problems.push(KeyProblem { issuer: set.issuer.clone(), key: None, why });
            } else {
                keys.rings.insert(set.issuer.clone(), Arc::new(ring));
            }
        }
        (keys, problems)
    }

    /// The version of the newest sets that arrived.
    pub const fn version(&self) -> u64 {
        self.version
    }

    pub(crate) fn of(&self, issuer: &str) -> Option<&KeyRing> {
        self.rings.get(issuer).map(Arc::as_ref)
    }
}

/// The keys of one issuer.
#[derive(Debug)]
pub(crate) struct KeyRing(Vec<Key>);

impl KeyRing {
    /// The keys of a set that can be used. Those that are for something else, or of a kind that is not known, are passed over
    /// (RFC 7517, 5).
    fn read(set: &KeySet, problems: &mut Vec<KeyProblem>) -> Self {
        let mut keys = Vec::new();
        let published = set.keys.get("keys").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        for (index, jwk) in published.iter().enumerate() {
            let read = if index < MOST_KEYS { Key::read(jwk) } else { Err("there are more than 64 before it") };
            match read {
                Ok(key) => keys.push(key),
                Err(why) => {
                    let name = jwk.get("kid").and_then(Value::as_str).unwrap_or_default();
                    problems.push(KeyProblem { issuer: set.issuer.clone(), key: Some(Shown::new(name)), why });
                }
            }
        }
        Self(keys)
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Key> {
        self.0.iter()
    }
}

/// A key with which an issuer signs.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) name: Option<String>,
    /// The algorithms that it is for: those of its type, or the one that the issuer says.
    algorithms: Vec<Algorithm>,
    pub(crate) decoding: DecodingKey,
}

impl Key {
    pub(crate) fn takes(&self, algorithm: Algorithm) -> bool {
        self.algorithms.contains(&algorithm)
    }

    fn read(published: &Value) -> Result<Self, &'static str> {
        let jwk: Jwk = serde_json::from_value(published.clone()).map_err(|_| "it is of a kind that is not known")?;
        if jwk.common.public_key_use.as_ref().is_some_and(|purpose| *purpose != PublicKeyUse::Signature) {
            return Err("it is not for signatures (`use`)");
        }
        if jwk.common.key_operations.as_ref().is_some_and(|operations| !operations.contains(&KeyOperations::Verify)) {
            return Err("it is not for verifying (`key_ops`)");
        }
        let mut algorithms = of_type(&jwk.algorithm)?;
        if let Some(only) = jwk.common.key_algorithm {
            algorithms.retain(|algorithm| KeyAlgorithm::from(crate::token::native(*algorithm)) == only);
        }
        if algorithms.is_empty() {
            return Err("it is for an algorithm that its type does not have, or that is not known (`alg`)");
        }
        let decoding = DecodingKey::from_jwk(&jwk).map_err(|_| "it is damaged")?;
        Ok(Self { name: jwk.common.key_id, algorithms, decoding })
    }
}

/// The algorithms of a type of keys, if the key has the size of one.
fn of_type(parameters: &AlgorithmParameters) -> Result<Vec<Algorithm>, &'static str> {
    use Algorithm::{ES256, ES384, EdDSA, PS256, PS384, PS512, RS256, RS384, RS512};
    match parameters {
        AlgorithmParameters::RSA(key) => {
            let (modulus, exponent) = (number(&key.n)?, number(&key.e)?);
            if !RSA_BITS.contains(&bits(&modulus)) {
                return Err("it is an RSA key of less than 2048 or more than 8192 bits");
            }
            // With an exponent of 1 anybody signs. FIPS 186-5 has odd ones above 2^16; more than 32 bits take long.
            if !(17..=32).contains(&bits(&exponent)) || exponent.last().is_none_or(|last| last % 2 == 0) {
                return Err("its exponent is not one that is safe");
            }
            Ok(vec![RS256, RS384, RS512, PS256, PS384, PS512])
        }
        AlgorithmParameters::EllipticCurve(key) => match (&key.curve, number(&key.x)?.len(), number(&key.y)?.len()) {
            (EllipticCurve::P256, 32, 32) => Ok(vec![ES256]),
            (EllipticCurve::P384, 48, 48) => Ok(vec![ES384]),
            _ => Err("it is on a curve that is not taken, or no point of it"),
        },
        AlgorithmParameters::OctetKeyPair(key) => match (&key.curve, number(&key.x)?.len()) {
            (EllipticCurve::Ed25519, 32) => Ok(vec![EdDSA]),
            _ => Err("it is on a curve that is not taken, or no point of it"),
        },
        AlgorithmParameters::OctetKey(_) => Err("it is a secret, which nobody may publish"),
        _ => Err("it is of a kind that is not known"),
    }
}

fn number(text: &str) -> Result<Vec<u8>, &'static str> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| "it is damaged")
}

/// How many bits a number has, most significant byte first.
fn bits(number: &[u8]) -> usize {
    let number = &number[number.iter().take_while(|byte| **byte == 0).count()..];
    number.first().map_or(0, |first| number.len() * 8 - first.leading_zeros() as usize)
}
