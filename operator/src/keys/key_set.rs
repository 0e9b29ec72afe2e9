//! What of a published key set is handed to pods: the keys that they can use, and of these the halves that are public.

use serde_json::{Value, json};
use skreaver_auth::Keys;
use skreaver_protocol::auth::{KeySet, KeySets};

/// What of a key is used to verify (RFC 7517, 7518, 8037). The rest would make ConfigMaps long, or hand out what should have been kept.
const MEMBERS: [&str; 10] = ["kty", "use", "key_ops", "alg", "kid", "n", "e", "crv", "x", "y"];
/// The most keys: pods take no more.
const MOST: usize = 64;

/// The usable keys of a JWK Set. One without any is what broken proxies send, and is no reason to give up those that are known.
pub(super) fn usable(document: &Value) -> Result<Value, String> {
    let published = document.get("keys").and_then(Value::as_array).ok_or("is no JWK Set: it has no list `keys`")?;
    let judged: Vec<_> = published.iter().map(|key| judge(public(key))).collect();
    let first_problem = judged.iter().find_map(|key| key.as_ref().err().copied());
    let keys: Vec<_> = judged.into_iter().flatten().take(MOST).collect();
    match (keys.is_empty(), first_problem) {
        (false, _) => Ok(json!({ "keys": keys })),
        (true, Some(why)) => Err(format!("holds no key that can be used; of the first: {why}")),
        (true, None) => Err("holds no keys".to_owned()),
    }
}

fn public(key: &Value) -> Value {
    let is_plain = |value: &Value| value.is_string() || value.as_array().is_some_and(|list| list.iter().all(Value::is_string));
    let member = |name: &&str| Some(((*name).to_owned(), key.get(name).filter(|value| is_plain(value))?.clone()));
    Value::Object(MEMBERS.iter().filter_map(member).collect())
}

/// As a pod judges it.
fn judge(key: Value) -> Result<Value, &'static str> {
    let set = KeySet { issuer: String::new(), keys: json!({ "keys": [&key] }), fetched_at_ms: 0 };
    let (_, problems) = Keys::default().after(&KeySets { version: 1, sets: vec![set] });
    problems.first().map_or(Ok(key), |problem| Err(problem.why))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> Value {
        let coordinate = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
        json!({"kty": "OKP", "crv": "Ed25519", "x": coordinate, "kid": "chalk"})
    }

    #[test]
    fn what_pods_cannot_use_and_what_is_nobodys_business_is_left_out() {
        let mut wordy = key();
        wordy["d"] = json!("the half that is private");
        wordy["x5c"] = json!(["long"]);
        wordy["alg"] = json!([[["deep"]]]);
        let secret = json!({"kty": "oct", "k": "c2VjcmV0"});
        let document = json!({"keys": [secret, wordy, 7], "more": "of it"});
        assert_eq!(usable(&document), Ok(json!({"keys": [key()]})));
        let many: Vec<_> = (0..100).map(|_| key()).collect();
        assert_eq!(usable(&json!({ "keys": many })).unwrap()["keys"].as_array().unwrap().len(), MOST);
    }

    #[test]
    fn a_set_without_a_usable_key_says_why() {
        for (document, told) in [
            (json!(null), "is no JWK Set"),
            (json!({"keys": {}}), "is no JWK Set"),
            (json!({"keys": []}), "holds no keys"),
            (json!({"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}), "of a kind that is not known"),
            (json!({"keys": [{"kty": "RSA", "n": "AQAB", "e": "AQAB"}]}), "less than 2048"),
        ] {
            let problem = usable(&document).unwrap_err();
            assert!(problem.contains(told), "{problem}");
        }
    }
}
