//! Tokens that nobody may be let in with, each with the one reason why.

mod callers;
mod claims;
mod headers;
mod keys;
mod shapes;
mod signatures;

use std::collections::BTreeSet;

use crate::forge::Draft;
use crate::world::{authenticator, bearer};

/// What it is, why it is refused, and the token.
type Row = (&'static str, &'static str, String);

fn rows() -> Vec<Row> {
    [headers::rows(), signatures::rows(), keys::rows(), shapes::rows(), claims::rows(), callers::rows()].concat()
}

#[test]
fn no_hostile_token_is_let_in_and_each_is_refused_for_what_it_is() {
    let (authenticator, rows) = (authenticator(), rows());
    for (label, reason, token) in &rows {
        let refusal = bearer(&authenticator, token).err().unwrap_or_else(|| panic!("{label} is let in"));
        assert_eq!(refusal.reason(), *reason, "{label}: {refusal}");
        assert_eq!(refusal.status(), if *reason == "no_keys" { 503 } else { 401 }, "{label}");
    }
    let labels: BTreeSet<_> = rows.iter().map(|(label, ..)| label).collect();
    assert_eq!(labels.len(), rows.len(), "every row is another attack");
    assert!(rows.len() >= 150, "{}", rows.len());
}

#[test]
fn what_the_attacks_begin_with_is_let_in() {
    for draft in [Draft::of_ann(), Draft::of_bob(), Draft::of_chalk()] {
        assert!(bearer(&authenticator(), &draft.signed()).is_ok());
    }
}

#[test]
fn no_refusal_repeats_the_token_or_breaks_a_line() {
    let authenticator = authenticator();
    for (label, _, token) in rows() {
        let Err(refusal) = bearer(&authenticator, &token) else { panic!("{label} is let in") };
        let told = format!("{refusal} {refusal:?} {} {:?}", refusal.told(), refusal.challenge());
        for part in token.split('.').filter(|part| part.len() > 16) {
            assert!(!told.contains(part), "{label}: {told}");
        }
        assert!(!told.contains(|c: char| c.is_control()) && told.len() < 2048, "{label}: {told}");
    }
}

#[test]
fn who_asks_learns_of_a_token_without_a_good_signature_only_that_it_is_not_taken() {
    let authenticator = authenticator();
    for (label, reason, token) in rows() {
        let Err(refusal) = bearer(&authenticator, &token) else { panic!("{label} is let in") };
        let challenge = refusal.challenge();
        match reason {
            "no_keys" => assert_eq!(challenge, None),
            "expired" | "not_yet_valid" | "wrong_audience" | "no_credential" => assert!(challenge.is_some()),
            _ => assert_eq!(
                challenge.as_deref(),
                Some(r#"Bearer realm="skreaver", error="invalid_token", error_description="the credential is not accepted""#),
                "{label}"
            ),
        }
    }
}
