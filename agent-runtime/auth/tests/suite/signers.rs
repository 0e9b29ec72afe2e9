//! Keys of issuers, both halves of them.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RsaEncoding, RsaKeyPair, RsaPublicKeyComponents};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use num_bigint::BigUint;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

pub fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A private key.
pub enum Signer {
    Rsa(RsaKeyPair),
    P256(EcdsaKeyPair),
    P384(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    /// RSA by hand, for keys that no library makes.
    Odd(OddRsa),
}

impl Signer {
    pub fn rsa() -> Self {
        Self::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap())
    }

    pub fn p256() -> Self {
        Self::P256(EcdsaKeyPair::generate(&signature::ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
    }

    pub fn p384() -> Self {
        Self::P384(EcdsaKeyPair::generate(&signature::ECDSA_P384_SHA384_FIXED_SIGNING).unwrap())
    }

    pub fn ed25519() -> Self {
        Self::Ed25519(Ed25519KeyPair::generate().unwrap())
    }

    /// The algorithm with which it signs if nobody says otherwise.
    pub fn usual(&self) -> &'static str {
        match self {
            Self::Rsa(_) | Self::Odd(_) => "RS256",
            Self::P256(_) => "ES256",
            Self::P384(_) => "ES384",
            Self::Ed25519(_) => "EdDSA",
        }
    }

    pub fn sign(&self, algorithm: &str, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Rsa(key) => {
                let encoding: &'static dyn RsaEncoding = match algorithm {
                    "RS384" => &signature::RSA_PKCS1_SHA384,
                    "RS512" => &signature::RSA_PKCS1_SHA512,
                    "PS256" => &signature::RSA_PSS_SHA256,
                    "PS384" => &signature::RSA_PSS_SHA384,
                    "PS512" => &signature::RSA_PSS_SHA512,
                    _ => &signature::RSA_PKCS1_SHA256,
                };
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(encoding, &random, message, &mut signature).unwrap();
                signature
            }
            Self::P256(key) | Self::P384(key) => key.sign(&random, message).unwrap().as_ref().to_vec(),
            Self::Ed25519(key) => key.sign(message).as_ref().to_vec(),
            Self::Odd(key) => key.sign(message),
        }
    }

    /// The public half, as an issuer publishes it: a JWK without name and purpose.
    pub fn public(&self) -> Value {
        match self {
            Self::Rsa(key) => {
                let RsaPublicKeyComponents { n, e } = RsaPublicKeyComponents::<Vec<u8>>::from(key.public_key());
                json!({"kty": "RSA", "n": base64url(n), "e": base64url(e)})
            }
            Self::P256(key) => point("P-256", key.public_key().as_ref()),
            Self::P384(key) => point("P-384", key.public_key().as_ref()),
            Self::Ed25519(key) => json!({"kty": "OKP", "crv": "Ed25519", "x": base64url(key.public_key())}),
            Self::Odd(key) => {
                json!({"kty": "RSA", "n": base64url(key.modulus.to_bytes_be()), "e": base64url(key.exponent.to_bytes_be())})
            }
        }
    }
}

fn point(curve: &str, bytes: &[u8]) -> Value {
    let (x, y) = bytes[1..].split_at((bytes.len() - 1) / 2);
    json!({"kty": "EC", "crv": curve, "x": base64url(x), "y": base64url(y)})
}

/// An RSA key of Mersenne primes.
pub struct OddRsa {
    modulus: BigUint,
    exponent: BigUint,
    private: BigUint,
}

impl OddRsa {
    /// With primes of so many bits, which have to be exponents of Mersenne primes.
    pub fn new(primes: (u32, u32), exponent: u32) -> Self {
        let one = BigUint::from(1u8);
        let (p, q) = (BigUint::from(2u8).pow(primes.0) - &one, BigUint::from(2u8).pow(primes.1) - &one);
        let exponent = BigUint::from(exponent);
        let private = exponent.modinv(&((&p - &one) * (&q - &one))).unwrap();
        Self { modulus: p * q, exponent, private }
    }

    /// PKCS#1 v1.5 with SHA-256 (RFC 8017, 9.2).
    fn sign(&self, message: &[u8]) -> Vec<u8> {
        const SHA256: [u8; 19] =
            [0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20];
        let length = usize::try_from(self.modulus.bits().div_ceil(8)).unwrap();
        let mut padded = vec![0xff; length - SHA256.len() - 32];
        let last = padded.len() - 1;
        (padded[0], padded[1], padded[last]) = (0, 1, 0);
        padded.extend(SHA256);
        padded.extend(Sha256::digest(message));
        let signature = BigUint::from_bytes_be(&padded).modpow(&self.private, &self.modulus).to_bytes_be();
        [vec![0; length - signature.len()], signature].concat()
    }
}
