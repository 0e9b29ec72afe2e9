//! What a request says of who sends it: exactly one credential, out of the headers.

use std::fmt;

use crate::api_keys::PREFIX;
use crate::refusal::Refusal;

/// The longest credential, in bytes.
pub const TOKEN_MAX: usize = 8 << 10;

/// The one credential of a request. Neither `Debug` nor anything else shows it.
#[derive(Clone, Copy)]
pub struct Credentials<'a>(pub(crate) Kind<'a>);

#[derive(Clone, Copy)]
pub(crate) enum Kind<'a> {
    Token(&'a str),
    ApiKey(&'a str),
}

impl<'a> Credentials<'a> {
    /// From all values of the headers `Authorization` and `X-API-Key`. A bearer that begins as our API keys do is one: clients of
    /// OpenAI send their keys so.
    ///
    /// # Errors
    /// A [`Refusal`] where there is no credential, or more than one, also of the same kind or twice the same: who puts two into a
    /// request may mean a proxy to check one and us the other.
    pub fn of(
        authorization: impl IntoIterator<Item = &'a [u8]>,
        api_key: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<Self, Refusal> {
        let (mut bearers, mut keys) = (authorization.into_iter(), api_key.into_iter());
        let found = (bearers.next(), keys.next());
        if bearers.next().is_some() || keys.next().is_some() {
            return Err(Refusal::SeveralCredentials);
        }
        match found {
            (None, None) => Err(Refusal::NoCredential),
            (Some(_), Some(_)) => Err(Refusal::SeveralCredentials),
            (None, Some(key)) => Ok(Self(Kind::ApiKey(one_word(key)?))),
            (Some(value), None) => match bearer(value)? {
                key if key.starts_with(PREFIX) => Ok(Self(Kind::ApiKey(key))),
                token => Ok(Self(Kind::Token(token))),
            },
        }
    }
}

impl fmt::Debug for Credentials<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Kind::Token(_) => "Credentials(a token)",
            Kind::ApiKey(_) => "Credentials(an API key)",
        })
    }
}

/// What stands behind `Bearer` and one space (RFC 6750); the word in any case (RFC 9110).
fn bearer(value: &[u8]) -> Result<&str, Refusal> {
    const SCHEME: &[u8] = b"bearer ";
    match value.split_at_checked(SCHEME.len()) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case(SCHEME) => one_word(token),
        Some(_) | None => Err(Refusal::MalformedCredential),
    }
}

/// One word of visible ASCII without a comma, behind which a proxy may have put a second credential.
fn one_word(value: &[u8]) -> Result<&str, Refusal> {
    if value.len() > TOKEN_MAX {
        return Err(Refusal::TokenTooLong);
    }
    match str::from_utf8(value) {
        Ok(word) if !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_graphic() && byte != b',') => Ok(word),
        Ok(_) | Err(_) => Err(Refusal::MalformedCredential),
    }
}
