//! Both detectors on JSON values.

use serde_json::{Value, json};
use skreaver_detect::{Class, Content, Secrets};

const TOKEN: &str = "dop_v1_5f0c1e8a9b7d63420f1e8a9b7d6342c05f0c1e8a9b7d63420f1e8a9b7d6342c1";

fn located(value: &Value) -> Vec<(String, bool, &'static str)> {
    Secrets::all().find_in(value).into_iter().map(|found| (found.pointer, found.in_key, found.finding.kind)).collect()
}

#[test]
fn a_secret_is_located_by_its_pointer() {
    let value = json!({ "a/b": [1, { "~note": format!("it is {TOKEN}.") }], "z": null });
    assert_eq!(located(&value), [("/a~1b/1/~0note".to_owned(), false, "digitalocean-pat")]);
}

#[test]
fn a_key_says_what_its_value_is() {
    let of = |value: Value| located(&value).into_iter().map(|(_, _, kind)| kind).collect::<Vec<_>>();
    assert_eq!(of(json!({ "password": "correct7horse" })), ["generic-password"]);
    assert_eq!(of(json!({ "dbPasswords": ["correct7horse", "battery8staple"] })), ["generic-password"; 2]);
    assert_eq!(of(json!({ "LINODE_TOKEN": TOKEN.trim_start_matches("dop_v1_") })), ["linode-token"]);
    assert_eq!(of(json!({ "note": "correct7horse", "passwordPolicy": "min8-upper1", "password": "${DB_PASSWORD}" })), [""; 0]);
    assert_eq!(of(json!({ "password": { "note": "correct7horse" } })), [""; 0]);
}

#[test]
fn keys_and_values_are_redacted_and_nothing_is_lost() {
    let mut value = json!({ TOKEN: 1, TOKEN.replace("5f0", "6e1"): 2, "list": [TOKEN, "honest"], "password": "correct7horse" });
    Secrets::all().redact_value(&mut value);
    let expected = json!({
        "[redacted:digitalocean-pat]": 1, "[redacted:digitalocean-pat] 2": 2,
        "list": ["[redacted:digitalocean-pat]", "honest"], "password": "[redacted:generic-password]",
    });
    assert_eq!(value, expected);
    assert_eq!(located(&value), []);
}

#[test]
fn honest_values_are_left_as_they_are() {
    let value = json!({ "token": null, "password": true, "secret": 12, "items": [{ "id": "a", "q": "x=1&y=2" }], "": "" });
    let mut redacted = value.clone();
    Secrets::all().redact_value(&mut redacted);
    Content::new().redact_value(&mut redacted);
    assert_eq!(redacted, value);
}

#[test]
fn suspicious_strings_are_located_and_redacted() {
    let mut value = json!({ "path": "a.txt; rm -rf /", "rows": [["\u{1b}[2Jx"]], "\u{202e}key": "v" });
    let mut found: Vec<_> =
        Content::new().find_in(&value).into_iter().map(|found| (found.pointer, found.in_key, found.finding.class)).collect();
    found.sort();
    let expected =
        [("/path", false, Class::Command), ("/rows/0/0", false, Class::Control), ("/\u{202e}key", true, Class::Control)];
    assert_eq!(found, expected.map(|(pointer, in_key, class)| (pointer.to_owned(), in_key, class)));
    Content::new().redact_value(&mut value);
    assert_eq!(value, json!({ "path": "a.txt[removed:command]", "rows": [["[removed:control]x"]], "[removed:control]key": "v" }));
}

#[test]
fn no_depth_is_too_deep() {
    let mut value = json!(TOKEN);
    for _ in 0..20_000 {
        value = Value::Array(vec![value]);
    }
    assert_eq!(Secrets::all().find_in(&value).len(), 1);
    Secrets::all().redact_value(&mut value);
    let mut open = &mut value;
    while let Value::Array(items) = open {
        open = items.first_mut().unwrap();
    }
    assert_eq!(open, "[redacted:digitalocean-pat]");
    // serde_json itself drops values by recursion; taken apart from the outside it needs none.
    let mut rest = value;
    while let Value::Array(mut items) = rest {
        rest = items.pop().unwrap_or_default();
    }
}
