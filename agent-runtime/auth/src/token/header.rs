//! The header of a token: how it says it is signed, and with which key. It is written by whoever made the token, and so it picks
//! among what is configured and adds nothing.

use serde_json::Value;
use skreaver_protocol::auth::Algorithm;

use super::json;
use crate::refusal::Refusal;

/// The longest name of a key.
const KEY_NAME_MAX: usize = 256;

/// What of a header counts.
pub(super) struct Header {
    pub(super) algorithm: Algorithm,
    /// The name of the key.
    pub(super) key: Option<String>,
}

impl Header {
    pub(super) fn read(text: &[u8]) -> Result<Self, Refusal> {
        let fields = json::object(text).map_err(Refusal::MalformedHeader)?;
        let Some(Value::String(algorithm)) = fields.get("alg") else {
            return Err(Refusal::MalformedHeader("`alg` is no text"));
        };
        let algorithm = serde_json::from_value(algorithm.as_str().into()).map_err(|_| Refusal::ForbiddenAlgorithm)?;
        for (name, why) in REFUSED {
            if fields.contains_key(name) {
                return Err(Refusal::MalformedHeader(why));
            }
        }
        match fields.get("typ") {
            None => {}
            Some(Value::String(kind)) if lets_in(kind) => {}
            Some(_) => return Err(Refusal::WrongKind),
        }
        let key = match fields.get("kid") {
            None => None,
            Some(Value::String(name)) if (1..=KEY_NAME_MAX).contains(&name.len()) => Some(name.clone()),
            Some(_) => return Err(Refusal::MalformedHeader("`kid` is no name")),
        };
        Ok(Self { algorithm, key })
    }
}

/// What a header may not say. RFC 7515 lets us pass over the first four; whoever writes them wants a key of theirs to be used.
const REFUSED: [(&str, &str); 8] = [
    ("jwk", "it brings its own key"),
    ("jku", "it says where its key is"),
    ("x5c", "it brings its own certificate"),
    ("x5u", "it says where its certificate is"),
    ("crit", "it demands what is not known here"),
    ("b64", "its claims are not in base64url"),
    ("cty", "its claims are another token"),
    ("zip", "its claims are compressed"),
];

/// Whether a token of this `typ` may let somebody in: a plain one, or an access token (RFC 9068). Proofs, logout and event tokens
/// are signed with the same keys.
fn lets_in(kind: &str) -> bool {
    ["jwt", "application/jwt", "at+jwt", "application/at+jwt"].iter().any(|known| known.eq_ignore_ascii_case(kind))
}
