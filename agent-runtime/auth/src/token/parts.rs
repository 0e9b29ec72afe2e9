//! The three parts of a token (JWS compact, RFC 7515), each in the one right spelling of base64url.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::refusal::Refusal;

/// The parts of a token.
pub(super) struct Parts<'a> {
    pub(super) header: Vec<u8>,
    pub(super) claims: Vec<u8>,
    /// In base64url, as the library that verifies takes it.
    pub(super) signature: &'a str,
    /// What the signature is over: the first two as they are written.
    pub(super) signed: &'a str,
}

impl<'a> Parts<'a> {
    pub(super) fn of(token: &'a str) -> Result<Self, Refusal> {
        let dots = token.bytes().filter(|byte| *byte == b'.').count();
        let (Some((signed, signature)), 2) = (token.rsplit_once('.'), dots) else {
            return Err(Refusal::MalformedToken(if dots == 4 { "it is encrypted" } else { "it has not three parts" }));
        };
        let (header, claims) = signed.split_once('.').ok_or(Refusal::MalformedToken("it has not three parts"))?;
        let not_empty =
            |bytes: Vec<u8>| if bytes.is_empty() { Err(Refusal::MalformedToken("a part is empty")) } else { Ok(bytes) };
        let (header, claims) = (decode(header).and_then(not_empty)?, decode(claims).and_then(not_empty)?);
        // May be empty: a token that says it is not signed is refused for that.
        decode(signature)?;
        Ok(Self { header, claims, signature, signed })
    }
}

/// Without padding, letters of the other base64, and bits that say nothing: no token has a second spelling.
fn decode(part: &str) -> Result<Vec<u8>, Refusal> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| Refusal::MalformedToken("a part is not base64url"))
}
