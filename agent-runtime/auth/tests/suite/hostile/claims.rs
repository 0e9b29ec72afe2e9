//! Signed claims that are for others, of other times, or say two things at once.

use serde_json::{Value, json};

use super::Row;
use crate::forge::Draft;
use crate::world::{CLUSTER, NOW, OTHER, PROVIDER};

pub fn rows() -> Vec<Row> {
    [times(), issuers(), audiences(), texts()].concat()
}

fn times() -> Vec<Row> {
    let with = |name: &str, value: Value| Draft::of_ann().claim(name, value).signed();
    vec![
        ("no exp", "malformed_claims", Draft::of_ann().without_claim("exp").signed()),
        ("exp null", "malformed_claims", with("exp", Value::Null)),
        ("exp as a text", "malformed_claims", with("exp", json!((NOW + 600).to_string()))),
        ("exp with a fraction", "malformed_claims", with("exp", json!(1_795_608_600.5))),
        (
            "exp as a float",
            "malformed_claims",
            Draft::of_ann().claims_text(|it| it.replace("1795608600", "1.7956086e9")).signed(),
        ),
        ("exp that is huge", "malformed_claims", with("exp", json!(u64::MAX))),
        ("exp beyond all numbers", "malformed_claims", {
            Draft::of_ann().claims_text(|claims| claims.replace("1795608600", "1e400")).signed()
        }),
        ("exp beyond the calendar", "malformed_claims", with("exp", json!(999_999_999_999_u64))),
        ("exp below zero", "malformed_claims", with("exp", json!(-1))),
        ("exp true", "malformed_claims", with("exp", json!(true))),
        ("exp in a list", "malformed_claims", with("exp", json!([NOW + 600]))),
        ("exp of 1970", "expired", Draft::of_ann().claim("exp", 0).without_claim("nbf").without_claim("iat").signed()),
        ("expired a minute ago", "expired", with("exp", json!(NOW - 60))),
        ("expired at the end of the leeway", "expired", with("exp", json!(NOW - 30))),
        ("exp in milliseconds", "malformed_claims", with("exp", json!((NOW + 600) * 1000))),
        ("good for ten years", "lives_too_long", with("exp", json!(NOW + 3650 * 86_400))),
        ("good for ever", "lives_too_long", with("exp", json!(253_402_207_200_i64))),
        ("nbf in a minute", "not_yet_valid", with("nbf", json!(NOW + 60))),
        ("nbf behind the leeway", "not_yet_valid", with("nbf", json!(NOW + 31))),
        ("nbf as a text", "malformed_claims", with("nbf", json!("0"))),
        ("issued in a minute", "not_yet_valid", with("iat", json!(NOW + 60))),
        ("issued in a thousand years", "not_yet_valid", with("iat", json!(NOW + 31_536_000_000_i64))),
        ("iat as a float", "malformed_claims", with("iat", json!(1.5))),
        ("expires before it begins", "malformed_claims", Draft::of_ann().claim("exp", NOW - 20).claim("nbf", NOW + 10).signed()),
    ]
}

fn issuers() -> Vec<Row> {
    let of = |issuer: Value| Draft::of_ann().claim("iss", issuer).signed();
    vec![
        ("no iss", "malformed_claims", Draft::of_ann().without_claim("iss").signed()),
        ("iss of a list", "malformed_claims", of(json!([PROVIDER]))),
        ("iss null", "malformed_claims", of(Value::Null)),
        ("iss that is empty", "unknown_issuer", of(json!(""))),
        ("iss of a stranger", "unknown_issuer", of(json!("https://evil.example.com"))),
        ("iss with a slash behind", "unknown_issuer", of(json!(format!("{PROVIDER}/")))),
        ("iss in another case", "unknown_issuer", of(json!(PROVIDER.replace("id.example", "ID.example")))),
        ("iss over http", "unknown_issuer", of(json!(PROVIDER.replace("https", "http")))),
        ("iss with its port", "unknown_issuer", of(json!(PROVIDER.replace(".com", ".com:443")))),
        ("iss with a user", "unknown_issuer", of(json!(PROVIDER.replace("id.", "evil@id.")))),
        ("iss with a query", "unknown_issuer", of(json!(format!("{PROVIDER}?")))),
        ("iss of another realm", "unknown_issuer", of(json!("https://id.example.com/realms/evil"))),
        ("iss that leads back to the realm", "unknown_issuer", of(json!("https://id.example.com/realms/evil/../quarry"))),
        ("iss that begins as the issuer does", "unknown_issuer", of(json!(format!("{PROVIDER}.evil.example.com")))),
        ("iss with a look-alike", "unknown_issuer", of(json!(PROVIDER.replace("example", "ex\u{430}mple")))),
        ("iss with letters in their other width", "unknown_issuer", of(json!(PROVIDER.replace("id", "\u{ff49}d")))),
        ("iss with an invisible letter", "unknown_issuer", of(json!(PROVIDER.replace("id", "i\u{200b}d")))),
        ("iss with a NUL behind", "unknown_issuer", of(json!(format!("{PROVIDER}\0")))),
        ("iss with a line break for the log", "unknown_issuer", of(json!("https://x\nlevel=info welcome=\"eve\""))),
        ("iss that is long", "unknown_issuer", of(json!("https://x/".to_owned() + &"y".repeat(4000)))),
        ("iss of the other provider", "unknown_key", of(json!(OTHER))),
        ("iss of the cluster", "unknown_key", of(json!(CLUSTER))),
    ]
}

fn audiences() -> Vec<Row> {
    let to = |audience: Value| Draft::of_ann().claim("aud", audience).signed();
    vec![
        ("no aud", "malformed_claims", Draft::of_ann().without_claim("aud").signed()),
        ("aud null", "malformed_claims", to(Value::Null)),
        ("aud of a number", "malformed_claims", to(json!(1))),
        ("aud of an object", "malformed_claims", to(json!({"amber": true}))),
        ("aud with something else in the list", "malformed_claims", to(json!(["amber", 1]))),
        ("aud that is empty", "wrong_audience", to(json!(""))),
        ("aud of an empty list", "wrong_audience", to(json!([]))),
        ("aud of another agent", "wrong_audience", to(json!("ochre"))),
        ("aud of others", "wrong_audience", to(json!(["ochre", "umber"]))),
        ("aud that is a part of ours", "wrong_audience", to(json!("amb"))),
        ("aud of which ours is a part", "wrong_audience", to(json!("amber-evil"))),
        ("aud in another case", "wrong_audience", to(json!("Amber"))),
        ("aud with a space", "wrong_audience", to(json!("amber "))),
        ("aud of several in one text", "wrong_audience", to(json!("amber ochre"))),
        ("aud with commas", "wrong_audience", to(json!("amber,ochre"))),
        ("aud that is a glob", "wrong_audience", to(json!("*"))),
        ("aud with line breaks for the log", "wrong_audience", to(json!(["\n\r\u{1b}[2J", "x".repeat(500)]))),
        ("a list within aud", "malformed_claims", to(json!([["amber"]]))),
        ("aud of the other issuer's audiences", "wrong_audience", to(json!("skreaver.dev/agent/quarry/amber"))),
        ("a token for the API server", "wrong_audience", Draft::of_chalk().claim("aud", json!([CLUSTER])).signed()),
        (
            "a token for the control channel",
            "wrong_audience",
            Draft::of_chalk().claim("aud", json!(["skreaver.dev/control"])).signed(),
        ),
        ("a token for the agent of another namespace", "wrong_audience", {
            Draft::of_chalk().claim("aud", json!(["skreaver.dev/agent/mine/amber"])).signed()
        }),
        ("a token for another agent of the namespace", "wrong_audience", {
            Draft::of_chalk().claim("aud", json!(["skreaver.dev/agent/quarry/ochre"])).signed()
        }),
    ]
}

/// Claims that two readers may read in two ways.
fn texts() -> Vec<Row> {
    let add =
        |more: &'static str| Draft::of_ann().claims_text(move |claims| claims.replacen('{', &format!("{{{more},"), 1)).signed();
    vec![
        ("claims that are a list", "malformed_claims", Draft::of_ann().claims_text(|claims| format!("[{claims}]")).signed()),
        ("claims that are a text", "malformed_claims", Draft::of_ann().claims_text(|_| r#""claims""#.into()).signed()),
        ("something behind the claims", "malformed_claims", Draft::of_ann().claims_text(|claims| claims + ",").signed()),
        ("a byte order mark before the claims", "malformed_claims", {
            Draft::of_ann().claims_text(|claims| format!("\u{feff}{claims}")).signed()
        }),
        ("iss twice", "malformed_claims", add(r#""iss":"https://evil.example.com""#)),
        ("sub twice", "malformed_claims", add(r#""sub":"1""#)),
        ("aud twice", "malformed_claims", add(r#""aud":"ochre""#)),
        ("exp twice", "malformed_claims", add(r#""exp":0"#)),
        ("the name twice", "malformed_claims", add(r#""preferred_username":"eve""#)),
        ("sub twice, once in escapes", "malformed_claims", add(r#""s\u0075b":"1""#)),
        ("the same twice, alike", "malformed_claims", add(r#""sub":"7""#)),
        ("a name twice within a claim", "malformed_claims", add(r#""x":{"y":{"z":1,"z":1}}"#)),
        ("a namespace twice", "malformed_claims", {
            Draft::of_chalk()
                .claims_text(|it| it.replace(r#""namespace":"#, r#""namespace":"kube-system","namespace":"#))
                .signed()
        }),
    ]
}
