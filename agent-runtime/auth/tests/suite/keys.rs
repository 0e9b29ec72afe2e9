//! Which published keys are taken, and what is told of the others.

use aws_lc_rs::signature::{RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY, RsaPublicKeyComponents};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use skreaver_auth::Keys;
use skreaver_protocol::auth::KeySets;

use crate::world::{PROVIDER, WORLD, key_set, key_sets, published};

fn problems(keys: &[Value]) -> Vec<String> {
    let (_, problems) = Keys::default().after(&KeySets { version: 1, sets: vec![key_set(PROVIDER, keys)] });
    problems.iter().map(|problem| problem.why.to_owned()).collect()
}

#[test]
fn what_is_not_taken_of_a_set_is_told_by_name_and_reason() {
    let (_, problems) = Keys::default().after(&key_sets());
    let told: Vec<_> = problems.iter().map(ToString::to_string).collect();
    let expected = [
        ("enc", "it is not for signatures (`use`)"),
        ("wrap", "it is not for verifying (`key_ops`)"),
        ("oaep", "it is for an algorithm that its type does not have, or that is not known (`alg`)"),
        ("weak", "it is an RSA key of less than 2048 or more than 8192 bits"),
        ("open", "its exponent is not one that is safe"),
        ("shared", "it is a secret, which nobody may publish"),
        ("koblitz", "it is of a kind that is not known"),
    ];
    let expected: Vec<_> = expected.iter().map(|(key, why)| format!("the key `{key}` of the issuer {PROVIDER}: {why}")).collect();
    assert_eq!(told, expected);
}

#[test]
fn a_key_that_does_not_fit_is_told_of_and_the_others_count() {
    let change = |field: &str, value: Value| {
        let mut key = published(&WORLD.p256, "x", json!({}));
        key[field] = value;
        key
    };
    let good = published(&WORLD.provider, "main", json!({}));
    for (label, key, why) in [
        ("a curve that is not its own", change("crv", json!("P-384")), "it is on a curve that is not taken, or no point of it"),
        ("a curve that is not verified", change("crv", json!("P-521")), "it is on a curve that is not taken, or no point of it"),
        ("half of a point", change("y", json!("")), "it is on a curve that is not taken, or no point of it"),
        ("a coordinate with padding", change("x", json!("AA==")), "it is damaged"),
        (
            "an algorithm of RSA",
            change("alg", json!("RS256")),
            "it is for an algorithm that its type does not have, or that is not known (`alg`)",
        ),
        (
            "an algorithm of shared secrets",
            change("alg", json!("HS256")),
            "it is for an algorithm that its type does not have, or that is not known (`alg`)",
        ),
        (
            "no algorithm at all",
            change("alg", json!("none")),
            "it is for an algorithm that its type does not have, or that is not known (`alg`)",
        ),
        ("another purpose", change("use", json!("tls")), "it is not for signatures (`use`)"),
        ("no operation", change("key_ops", json!([])), "it is not for verifying (`key_ops`)"),
        ("no type", json!({"kid": "x"}), "it is of a kind that is not known"),
        ("a text", json!("key"), "it is of a kind that is not known"),
        (
            "Ed25519 as EC",
            json!({"kty": "EC", "crv": "Ed25519", "x": "AA", "y": "AA"}),
            "it is on a curve that is not taken, or no point of it",
        ),
        ("an even exponent", json!({"kty": "RSA", "n": good["n"], "e": "AQAA"}), "its exponent is not one that is safe"),
        ("an exponent of 3", json!({"kty": "RSA", "n": good["n"], "e": "Aw"}), "its exponent is not one that is safe"),
        (
            "an exponent that takes long",
            json!({"kty": "RSA", "n": good["n"], "e": "AQAAAAAB"}),
            "its exponent is not one that is safe",
        ),
        (
            "2048 bits of zeros before 8",
            json!({"kty": "RSA", "n": URL_SAFE_NO_PAD.encode([[0; 255].as_slice(), &[255]].concat()), "e": "AQAB"}),
            "it is an RSA key of less than 2048 or more than 8192 bits",
        ),
        (
            "more bits than anybody verifies",
            json!({"kty": "RSA", "n": URL_SAFE_NO_PAD.encode([255; 1025]), "e": "AQAB"}),
            "it is an RSA key of less than 2048 or more than 8192 bits",
        ),
    ] {
        assert_eq!(problems(&[key, good.clone()]), [why], "{label}");
    }
}

#[test]
fn a_set_has_an_end() {
    let many: Vec<_> = (0..70).map(|index| published(&WORLD.p256, &index.to_string(), json!({}))).collect();
    assert_eq!(problems(&many), ["there are more than 64 before it"; 6]);
}

/// Without this the rows of the tables that use them would show nothing.
#[test]
fn the_keys_that_are_too_weak_do_sign() {
    let number = |key: &Value, field: &str| URL_SAFE_NO_PAD.decode(key[field].as_str().unwrap()).unwrap();
    let public = WORLD.weak.public();
    let signature = WORLD.weak.sign("RS256", b"message");
    let key = RsaPublicKeyComponents { n: number(&public, "n"), e: number(&public, "e") };
    key.verify(&RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY, b"message", &signature).unwrap();
    let open = WORLD.open.sign("RS256", b"message");
    assert_eq!(open[..4], [0, 1, 0xff, 0xff], "what is signed is its own signature");
}
