//! Headers that pick the algorithm, bring a key, or demand something.

use serde_json::{Value, json};

use super::Row;
use crate::forge::Draft;
use crate::signers::base64url;
use crate::world::WORLD;

pub fn rows() -> Vec<Row> {
    [unsigned(), shared_secrets(), algorithms(), own_keys(), demands(), kinds()].concat()
}

/// Whoever leaves out the signature says so in one spelling or another.
fn unsigned() -> Vec<Row> {
    let unsigned = |algorithm: Value| Draft::of_ann().header("alg", algorithm).signed_as([]);
    let kept = |algorithm: &str| Draft::of_ann().header("alg", algorithm).signed_as(Draft::of_ann().signature());
    vec![
        ("alg none", "forbidden_algorithm", unsigned(json!("none"))),
        ("alg None", "forbidden_algorithm", unsigned(json!("None"))),
        ("alg NONE", "forbidden_algorithm", unsigned(json!("NONE"))),
        ("alg nOnE", "forbidden_algorithm", unsigned(json!("nOnE"))),
        ("alg none and a space", "forbidden_algorithm", unsigned(json!("none "))),
        ("alg none and a NUL", "forbidden_algorithm", unsigned(json!("none\0"))),
        ("alg that is empty", "forbidden_algorithm", unsigned(json!(""))),
        ("alg null", "malformed_header", unsigned(Value::Null)),
        ("alg of a number", "malformed_header", unsigned(json!(0))),
        ("alg of a list", "malformed_header", unsigned(json!(["RS256", "none"]))),
        ("alg none with the signature of an honest token", "forbidden_algorithm", kept("none")),
        ("no alg", "malformed_header", Draft::of_ann().without_header("alg").signed()),
        ("RS256 without a signature", "malformed_token", Draft::of_ann().signed_as([])),
    ]
}

/// The public key taken for a shared secret, in every form in which a library may hold it.
fn shared_secrets() -> Vec<Row> {
    let public = WORLD.provider.public();
    let modulus = public["n"].as_str().unwrap().to_owned();
    let hs = |algorithm: &str, name: aws_lc_rs::hmac::Algorithm, secret: &[u8], key: &str| {
        let draft = Draft::of_ann().header("alg", algorithm).header("kid", key);
        let key = aws_lc_rs::hmac::Key::new(name, secret);
        let tag = aws_lc_rs::hmac::sign(&key, draft.message().as_bytes());
        draft.signed_as(tag.as_ref())
    };
    use aws_lc_rs::hmac::{HMAC_SHA256, HMAC_SHA384, HMAC_SHA512};
    let jwk = public.to_string();
    let shared = b"secretsecretsecretsecret".as_slice();
    vec![
        ("HS256 with the modulus", "forbidden_algorithm", hs("HS256", HMAC_SHA256, modulus.as_bytes(), "main")),
        ("HS256 with the JWK", "forbidden_algorithm", hs("HS256", HMAC_SHA256, jwk.as_bytes(), "main")),
        ("HS384 with the modulus", "forbidden_algorithm", hs("HS384", HMAC_SHA384, modulus.as_bytes(), "main")),
        ("HS512 with the modulus", "forbidden_algorithm", hs("HS512", HMAC_SHA512, modulus.as_bytes(), "main")),
        ("HS256 with nothing", "forbidden_algorithm", hs("HS256", HMAC_SHA256, b"", "main")),
        ("HS256 with the secret of the set", "forbidden_algorithm", hs("HS256", HMAC_SHA256, shared, "shared")),
    ]
}

/// Algorithms that are known, and not this key's.
fn algorithms() -> Vec<Row> {
    let world = &*WORLD;
    vec![
        ("rs256 in lower case", "forbidden_algorithm", Draft::of_ann().header("alg", "rs256").signed()),
        ("an algorithm of encryption", "forbidden_algorithm", Draft::of_ann().header("alg", "RSA-OAEP").signed()),
        ("dir", "forbidden_algorithm", Draft::of_ann().header("alg", "dir").signed()),
        ("RS1", "forbidden_algorithm", Draft::of_ann().header("alg", "RS1").signed()),
        ("ES256K", "forbidden_algorithm", Draft::of_ann().header("alg", "ES256K").signed()),
        ("RS384 with a key for RS256", "wrong_algorithm", Draft::of_ann().with("RS384").signed()),
        ("PS256 with a key for RS256", "wrong_algorithm", Draft::of_ann().with("PS256").signed()),
        ("RS256 with a key for PS256", "wrong_algorithm", Draft::of_ann().by(&world.pss, "pss").signed()),
        ("ES256 with an RSA key's name", "wrong_algorithm", Draft::of_ann().by(&world.p256, "main").signed()),
        ("EdDSA with an RSA key's name", "wrong_algorithm", Draft::of_ann().by(&world.ed25519, "main").signed()),
        ("ES256 with the name of a key on P-384", "wrong_algorithm", Draft::of_ann().by(&world.p256, "p384").signed()),
        ("ES384 with the name of a key on P-256", "wrong_algorithm", Draft::of_ann().by(&world.p384, "p256").signed()),
        ("ES256 by a key on P-384", "wrong_algorithm", Draft::of_ann().by(&world.p384, "p384").header("alg", "ES256").signed()),
        ("RS512, which the cluster does not use", "wrong_algorithm", Draft::of_chalk().with("RS512").signed()),
        ("PS256, which the other issuer does not use", "wrong_algorithm", Draft::of_bob().with("PS256").signed()),
    ]
}

/// A key, or where one is, in the token itself, which that key signs.
fn own_keys() -> Vec<Row> {
    let stranger = || Draft::of_ann().by(&WORLD.stranger, "main");
    let away = "https://evil.example.com/keys";
    vec![
        ("jwk in the header", "malformed_header", stranger().header("jwk", WORLD.stranger.public()).signed()),
        (
            "jwk in the header, of an honest signer",
            "malformed_header",
            Draft::of_ann().header("jwk", WORLD.provider.public()).signed(),
        ),
        ("jku", "malformed_header", stranger().header("jku", away).signed()),
        ("x5u", "malformed_header", stranger().header("x5u", away).signed()),
        ("x5c", "malformed_header", stranger().header("x5c", json!([base64url("certificate")])).signed()),
        ("jku with the name of no key", "malformed_header", stranger().without_header("kid").header("jku", away).signed()),
    ]
}

fn demands() -> Vec<Row> {
    let ann = Draft::of_ann;
    vec![
        ("crit", "malformed_header", ann().header("crit", json!(["exp"])).signed()),
        ("crit that is empty", "malformed_header", ann().header("crit", json!([])).signed()),
        ("b64 false", "malformed_header", ann().header("b64", false).header("crit", json!(["b64"])).signed()),
        ("b64 true", "malformed_header", ann().header("b64", true).signed()),
        ("claims that are compressed", "malformed_header", ann().header("zip", "DEF").signed()),
        ("a token in a token, as its header says", "malformed_header", ann().header("cty", "JWT").signed()),
    ]
}

/// Tokens that are signed with the same keys for something else (RFC 8725, 3.11).
fn kinds() -> Vec<Row> {
    let kind = |kind: Value| Draft::of_ann().header("typ", kind).signed();
    vec![
        ("a logout token", "wrong_kind", kind(json!("logout+jwt"))),
        ("a proof of possession", "wrong_kind", kind(json!("dpop+jwt"))),
        ("a security event", "wrong_kind", kind(json!("secevent+jwt"))),
        ("a request to an authorization server", "wrong_kind", kind(json!("oauth-authz-req+jwt"))),
        ("an encrypted token, as its header says", "wrong_kind", kind(json!("JWE"))),
        ("typ that is empty", "wrong_kind", kind(json!(""))),
        ("typ of a number", "wrong_kind", kind(json!(1))),
        ("a logout token that does not say so in its header", "wrong_kind", {
            let event = json!({"http://schemas.openid.net/event/backchannel-logout": {}});
            Draft::of_ann().claim("events", event).signed()
        }),
    ]
}
