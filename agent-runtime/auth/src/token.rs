//! What a token (JWT, RFC 7519) says, and whether its issuer said it. The rules of RFC 8725 are held to.

mod claims;
mod header;
mod json;
mod parts;

use jsonwebtoken::crypto;
use skreaver_protocol::auth::{Algorithm, TokenIssuer};

pub(crate) use self::claims::{Claims, texts};
use self::header::Header;
use self::parts::Parts;
use crate::keys::{Key, KeyRing};
use crate::refusal::Refusal;

pub use self::claims::LONGEST_LIFE;

/// A token that has been read. Nothing of it is true yet.
pub(crate) struct Token<'a> {
    parts: Parts<'a>,
    header: Header,
    claims: Claims,
}

impl<'a> Token<'a> {
    pub(crate) fn read(text: &'a str) -> Result<Self, Refusal> {
        let parts = Parts::of(text)?;
        let header = Header::read(&parts.header)?;
        if parts.signature.is_empty() {
            return Err(Refusal::MalformedToken("a part is empty"));
        }
        let claims = Claims::read(&parts.claims)?;
        Ok(Self { parts, header, claims })
    }

    /// Who it says has issued it: by this its keys are found, and by nothing else in it.
    pub(crate) fn issuer(&self) -> &str {
        self.claims.issuer()
    }

    /// What it says, if a key of the issuer signed it.
    pub(crate) fn verify(self, issuer: &TokenIssuer, keys: &KeyRing) -> Result<Claims, Refusal> {
        let (algorithm, Parts { signature, signed, .. }) = (self.header.algorithm, &self.parts);
        let is_good =
            |key: &&Key| crypto::verify(signature, signed.as_bytes(), &key.decoding, native(algorithm)).unwrap_or_default();
        if self.candidates(issuer, keys)?.iter().any(is_good) {
            return Ok(self.claims);
        }
        let issuer = issuer.url.clone();
        // A token that names no key may be signed with one that has taken the place of that which we have.
        Err(if self.header.key.is_some() { Refusal::WrongSignature { issuer } } else { Refusal::UnknownKey { issuer } })
    }

    /// The keys that may have signed it. How a key signs is the key's to say: what the header says of it is compared, and never
    /// followed.
    fn candidates<'k>(&self, issuer: &TokenIssuer, keys: &'k KeyRing) -> Result<Vec<&'k Key>, Refusal> {
        let Header { algorithm, key: name } = &self.header;
        let issuer_url = || issuer.url.clone();
        if !issuer.algorithms.contains(algorithm) {
            return Err(Refusal::WrongAlgorithm { issuer: issuer_url() });
        }
        let named: Vec<_> = keys.all().filter(|key| name.is_none() || key.name == *name).collect();
        let fitting: Vec<_> = named.iter().copied().filter(|key| key.takes(*algorithm)).collect();
        match (name, named.len(), fitting.len()) {
            (_, 0, _) | (None, _, 0) => Err(Refusal::UnknownKey { issuer: issuer_url() }),
            (Some(_), _, 0) => Err(Refusal::WrongAlgorithm { issuer: issuer_url() }),
            (None, _, 2..) => Err(Refusal::KeyNotNamed { issuer: issuer_url() }),
            (None, _, 1) | (Some(_), _, 1..) => Ok(fitting),
        }
    }
}

/// The algorithm as the library that verifies names it.
pub(crate) const fn native(algorithm: Algorithm) -> jsonwebtoken::Algorithm {
    match algorithm {
        Algorithm::RS256 => jsonwebtoken::Algorithm::RS256,
        Algorithm::RS384 => jsonwebtoken::Algorithm::RS384,
        Algorithm::RS512 => jsonwebtoken::Algorithm::RS512,
        Algorithm::PS256 => jsonwebtoken::Algorithm::PS256,
        Algorithm::PS384 => jsonwebtoken::Algorithm::PS384,
        Algorithm::PS512 => jsonwebtoken::Algorithm::PS512,
        Algorithm::ES256 => jsonwebtoken::Algorithm::ES256,
        Algorithm::ES384 => jsonwebtoken::Algorithm::ES384,
        Algorithm::EdDSA => jsonwebtoken::Algorithm::EdDSA,
    }
}
