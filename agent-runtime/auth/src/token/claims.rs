//! The claims of a token: for whom it is, and when it is good. All times are whole seconds since 1970.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};

use super::json;
use crate::refusal::Refusal;
use crate::shown::Shown;

/// How long a token may be good from now on. One that is good for ever is a key, and keys are API keys.
pub const LONGEST_LIFE: SignedDuration = SignedDuration::from_hours(366 * 24);

/// The claims of a token that have the form that they must have.
pub(crate) struct Claims {
    issuer: String,
    audiences: Vec<String>,
    expires: Timestamp,
    not_before: Option<Timestamp>,
    issued: Option<Timestamp>,
    fields: Map<String, Value>,
}

impl Claims {
    pub(super) fn read(text: &[u8]) -> Result<Self, Refusal> {
        let fields = json::object(text).map_err(Refusal::MalformedClaims)?;
        let Some(Value::String(issuer)) = fields.get("iss") else {
            return Err(Refusal::MalformedClaims("`iss` is no text"));
        };
        Ok(Self {
            issuer: issuer.clone(),
            audiences: texts(fields.get("aud")).ok_or(Refusal::MalformedClaims("`aud` is no list of texts"))?,
            expires: time(&fields, "exp")?.ok_or(Refusal::MalformedClaims("there is no `exp`"))?,
            not_before: time(&fields, "nbf")?,
            issued: time(&fields, "iat")?,
            fields,
        })
    }

    pub(super) fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Whether it is good now, for one of these audiences, as a token that lets somebody in.
    pub(crate) fn hold(&self, audiences: &[String], leeway: SignedDuration, now: Timestamp) -> Result<(), Refusal> {
        if !self.audiences.iter().any(|audience| audiences.contains(audience)) {
            return Err(Refusal::WrongAudience(Shown::new(&self.audiences.join(", "))));
        }
        if now.duration_since(self.expires) >= leeway {
            return Err(Refusal::Expired);
        }
        let begins = self.not_before.into_iter().chain(self.issued);
        if begins.clone().any(|begin| begin.duration_since(now) > leeway) {
            return Err(Refusal::NotYetValid);
        }
        if begins.clone().any(|begin| begin > self.expires) {
            return Err(Refusal::MalformedClaims("it expires before it begins"));
        }
        if self.expires.duration_since(now) > LONGEST_LIFE {
            return Err(Refusal::LivesTooLong);
        }
        // An event (RFC 8417), such as a logout, of providers that do not say so in the header.
        if self.fields.contains_key("events") {
            return Err(Refusal::WrongKind);
        }
        Ok(())
    }

    pub(crate) const fn expires(&self) -> Timestamp {
        self.expires
    }

    /// What a claim says.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.fields.get(name)
    }

    /// The text that a claim is.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.fields.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
    }
}

/// A list of texts, or one.
pub(crate) fn texts(value: Option<&Value>) -> Option<Vec<String>> {
    match value? {
        Value::String(text) => Some(vec![text.clone()]),
        Value::Array(items) => items.iter().map(|item| item.as_str().map(str::to_owned)).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    }
}

fn time(fields: &Map<String, Value>, name: &str) -> Result<Option<Timestamp>, Refusal> {
    let Some(value) = fields.get(name) else { return Ok(None) };
    let seconds = value.as_u64().and_then(|seconds| i64::try_from(seconds).ok());
    let time = seconds.and_then(|seconds| Timestamp::from_second(seconds).ok());
    time.map(Some).ok_or(Refusal::MalformedClaims("a time is no whole number of seconds"))
}
