//! What callers prove themselves with. Nothing that is made up lets anybody in, and nothing that was shown is shown again.

use std::sync::LazyLock;

use jiff::Timestamp;
use serde_json::json;
use skreaver_auth::{ApiKeys, Authenticator, Credentials, Keys, NewApiKey};
use skreaver_protocol::Caller;
use skreaver_protocol::auth::KeySets;

use super::first_line;
use crate::Came;

static NEW: LazyLock<NewApiKey> = LazyLock::new(|| NewApiKey::of(&std::array::from_fn(|place| u8::try_from(place).unwrap_or(0))));

/// An authenticator that knows one issuer, with a key of which nobody here has the other half.
static DOOR: LazyLock<Authenticator> = LazyLock::new(|| {
    let config = json!({"issuers": [
        {"kind": "OIDC", "url": "https://id.example.com/realms/quarry", "audiences": ["amber"], "algorithms": ["RS256", "ES256", "EdDSA"]},
    ]});
    let config = serde_json::from_value(config).expect("it is a configuration");
    let sets = include_bytes!("../../corpus/key_sets/published.json");
    let keys = Keys::default().after(&serde_json::from_slice(sets).expect("these are sets of keys")).0;
    Authenticator::new(&config, keys, ApiKeys::default()).expect("nothing is wrong with it")
});

const NOW: i64 = 1_790_000_000;

fn now() -> Timestamp {
    Timestamp::from_second(NOW).expect("it is a time")
}

/// Headers, a line each: those that begin with `key ` are X-API-Key, all others Authorization.
pub(super) fn credentials(bytes: &[u8]) -> Came {
    let lines: Vec<_> = bytes.split(|byte| *byte == b'\n').collect();
    let keys = lines.iter().filter_map(|line| line.strip_prefix(b"key "));
    let authorization = lines.iter().filter(|line| !line.starts_with(b"key ")).copied();
    match Credentials::of(authorization, keys) {
        Ok(credentials) => {
            assert_eq!(lines.len(), 1, "two credentials were one");
            assert!(["Credentials(a token)", "Credentials(an API key)"].contains(&format!("{credentials:?}").as_str()));
            let refused = DOOR.authenticate(credentials, now()).expect_err("nobody knows it");
            told(&refused);
            Came::to(&refused.reason())
        }
        Err(refusal) => {
            told(&refusal);
            Came::to(&refusal.reason())
        }
    }
}

/// A file of keys, beside which there is one more that counts whatever the others are.
pub(super) fn api_keys(bytes: &[u8]) -> Came {
    use secrecy::ExposeSecret;
    let Ok(text) = std::str::from_utf8(bytes) else { return Came::NOTHING };
    let (keys, problems) = ApiKeys::read([("known", NEW.line.as_str()), ("stranger", text)]);
    for problem in &problems {
        let line = text.lines().nth(problem.line - 1).expect("a problem is of a line");
        let secret = line.split_whitespace().find(|word| word.len() > 30);
        assert!(secret.is_none_or(|secret| !problem.to_string().contains(secret)), "{problem} shows what may be a key");
    }
    let door = DOOR.with_api_keys(keys);
    let credentials = Credentials::of([], [NEW.key.expose_secret().as_bytes()]).expect("it is a key");
    let identity = door.authenticate(credentials, now()).expect("the key of another file counts");
    assert_eq!(identity.caller(), &Caller::ApiKey { name: "known".to_owned() });
    Came::to(&(problems.iter().map(|problem| problem.why).collect::<Vec<_>>(), door.unknown_roles().len()))
}

/// No token is taken: whoever makes one up has no key.
pub(super) fn tokens(bytes: &[u8]) -> Came {
    let header = [b"Bearer ", first_line(bytes).0].concat();
    let Ok(credentials) = Credentials::of([header.as_slice()], []) else { return Came::NOTHING };
    let refused = DOOR.authenticate(credentials, now()).expect_err("somebody was let in");
    told(&refused);
    Came::to(&(refused.reason(), refused.wants_keys_of()))
}

/// Keys never go back to an older version, and what is refused stays out whatever arrives.
pub(super) fn key_sets(bytes: &[u8]) -> Came {
    let Some(sets) = super::kept_by_a_round_trip::<KeySets>(bytes) else { return Came::NOTHING };
    let before = DOOR.keys();
    let (after, problems) = before.after(&sets);
    assert!(after.version() >= before.version());
    assert_eq!(after.version(), sets.version.max(before.version()));
    let older = KeySets { version: after.version(), sets: Vec::new() };
    assert_eq!(after.after(&older).0.version(), after.version());
    Came::told(&problems.iter().map(|problem| problem.why).collect::<Vec<_>>())
}

/// What strangers are told of a refusal fits into a header.
fn told(refusal: &skreaver_auth::Refusal) {
    assert!(matches!(refusal.status(), 401 | 403 | 503), "{}", refusal.status());
    assert!(!refusal.to_string().contains(char::is_control), "{refusal}");
    let challenge = refusal.challenge().unwrap_or_default();
    assert!(challenge.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{challenge:?}");
}
