//! What holds for secrets in any text whatever.

use proptest::prelude::*;
use skreaver_detect::Secrets;

/// What the scanner stops at, pieces of secrets, and any other text.
fn piece() -> impl Strategy<Value = String> {
    let anchors = [
        "ghp_",
        "AKIA",
        "sk-ant-api03-",
        ".eyJ",
        "eyJhbGciOiJIUzI1NiJ9",
        "T3BlbkFJ",
        "password=",
        "token: ",
        "\"secret\": \"",
        "://",
        "@host",
        "-----BEGIN RSA PRIVATE KEY-----",
        "-----END RSA PRIVATE KEY-----",
        "8Q~",
        ":AA",
        "-us",
        "datadog_api_key",
        " is ",
        "\\n",
        "%3D",
        "\n",
        "Basic ",
        "NRAL",
        "glsa_",
        "pat",
        "=",
        "\"",
        "'",
        "AccountKey=",
    ];
    prop_oneof![
        proptest::sample::select(anchors.to_vec()).prop_map(str::to_owned),
        "[A-Za-z0-9+/_-]{1,80}",
        "[a-f0-9]{20,64}",
        any::<String>(),
        "[é🦀ß\u{200b}\"'`=:\\\\ \n]{0,6}",
    ]
}

fn text() -> impl Strategy<Value = String> {
    proptest::collection::vec(piece(), 0..16).prop_map(|pieces| pieces.concat())
}

fn config() -> ProptestConfig {
    ProptestConfig::with_cases(if crate::kinds::soak() { 100_000 } else { 1000 })
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn findings_are_in_order_apart_and_on_boundaries(text in text()) {
        let mut last = 0;
        for secret in Secrets::all().find(&text) {
            prop_assert!(secret.range.start >= last && secret.range.start < secret.range.end, "{secret:?} in {text:?}");
            prop_assert!(text.get(secret.range.clone()).is_some(), "{secret:?} in {text:?}");
            last = secret.range.end;
        }
    }

    #[test]
    fn redacting_takes_out_what_was_found_and_nothing_else(text in text()) {
        let secrets = Secrets::all();
        let (found, redacted) = (secrets.find(&text), secrets.redact(&text));
        let marks = found.iter().map(|secret| "[redacted:]".len() + secret.kind.len()).sum::<usize>();
        let taken = found.iter().map(|secret| secret.range.len()).sum::<usize>();
        prop_assert_eq!(redacted.len() + taken, text.len() + marks);
        for secret in found.iter().map(|secret| &text[secret.range.clone()]) {
            prop_assert!(text.matches(secret).count() > 1 || !redacted.contains(secret), "{secret:?} is left in {redacted:?}");
        }
    }

    #[test]
    fn a_name_never_makes_a_finding_outside_of_its_value(name in "[a-zA-Z_]{0,12}(password|token|datadog|secret)?[a-zA-Z_]{0,6}", text in text()) {
        for secret in Secrets::all().find_named(&name, &text) {
            prop_assert!(text.get(secret.range.clone()).is_some(), "{secret:?} in {text:?}");
        }
    }

    #[test]
    fn text_that_comes_in_pieces_is_redacted_as_if_it_came_whole(text in text(), cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..6)) {
        let secrets = Secrets::all();
        let boundaries: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| boundaries[cut.index(boundaries.len())]).chain([text.len()]).collect();
        cuts.sort_unstable();
        let (mut held, mut out, mut from) = (String::new(), String::new(), 0);
        for to in cuts {
            held.push_str(&text[from..to]);
            from = to;
            let settled = secrets.settled(&held);
            out.push_str(&secrets.redact(&held[..settled]));
            held.drain(..settled);
        }
        out.push_str(&secrets.redact(&held));
        prop_assert_eq!(out, secrets.redact(&text).into_owned());
    }
}
