//! Names of keys that are none, and keys that are not for tokens.

use serde_json::{Value, json};

use super::Row;
use crate::forge::Draft;
use crate::world::WORLD;

pub fn rows() -> Vec<Row> {
    [names(), unfit(), missing()].concat()
}

fn names() -> Vec<Row> {
    let kid = |name: Value| Draft::of_ann().header("kid", name).signed();
    vec![
        ("kid of no key", "unknown_key", kid(json!("next"))),
        ("kid that leads out of a directory", "unknown_key", kid(json!("../../../../dev/null"))),
        ("kid that is SQL", "unknown_key", kid(json!("x' UNION SELECT 'key' --"))),
        ("kid that is a command", "unknown_key", kid(json!("main|id"))),
        ("kid that is a URL", "unknown_key", kid(json!("https://evil.example.com/key"))),
        ("kid in another case", "unknown_key", kid(json!("MAIN"))),
        ("kid with a space behind", "unknown_key", kid(json!("main "))),
        ("kid with a NUL behind", "unknown_key", kid(json!("main\0"))),
        ("kid with a look-alike", "unknown_key", kid(json!("m\u{430}in"))),
        ("kid with a line break for the log", "unknown_key", kid(json!("main\nlevel=info msg=welcome"))),
        ("kid that is empty", "malformed_header", kid(json!(""))),
        ("kid of a list", "malformed_header", kid(json!(["main"]))),
        ("kid of a number", "malformed_header", kid(json!(0))),
        ("kid null", "malformed_header", kid(Value::Null)),
        ("kid of an object", "malformed_header", kid(json!({"$ne": ""}))),
        ("kid of 257 bytes", "malformed_header", kid(json!("m".repeat(257)))),
        ("no kid where no key fits", "unknown_key", Draft::of_ann().with("RS512").without_header("kid").signed()),
    ]
}

/// Keys that stand in the set of the issuer, and are taken for nothing.
fn unfit() -> Vec<Row> {
    let world = &*WORLD;
    vec![
        ("a key that is for encryption", "unknown_key", Draft::of_ann().by(&world.encrypting, "enc").signed()),
        ("a key that is for wrapping keys", "unknown_key", Draft::of_ann().by(&world.encrypting, "wrap").signed()),
        ("a key for an algorithm of encryption", "unknown_key", Draft::of_ann().by(&world.encrypting, "oaep").signed()),
        ("an RSA key of 1128 bits", "unknown_key", Draft::of_ann().by(&world.weak, "weak").signed()),
        ("an RSA key with an exponent of 1", "unknown_key", Draft::of_ann().by(&world.open, "open").signed()),
        ("a key on a curve that is not taken", "unknown_key", Draft::of_ann().by(&world.p256, "koblitz").signed()),
        ("the shared secret of the set under an honest algorithm", "unknown_key", {
            Draft::of_ann().header("kid", "shared").signed()
        }),
    ]
}

fn missing() -> Vec<Row> {
    let late = || Draft::of_ann().claim("iss", "https://late.example.com");
    vec![
        ("an issuer whose keys have not arrived", "no_keys", late().signed()),
        ("an issuer whose keys have not arrived, unnamed", "no_keys", late().without_header("kid").signed()),
    ]
}
