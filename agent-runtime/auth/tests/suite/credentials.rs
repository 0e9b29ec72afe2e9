//! Exactly one credential, or none is looked at.

use skreaver_auth::{Credentials, TOKEN_MAX};

fn reason(authorization: &[&str], api_key: &[&str]) -> &'static str {
    let bytes = |values: &[&str]| values.iter().map(|value| value.as_bytes().to_vec()).collect::<Vec<_>>();
    let (authorization, api_key) = (bytes(authorization), bytes(api_key));
    match Credentials::of(authorization.iter().map(Vec::as_slice), api_key.iter().map(Vec::as_slice)) {
        Ok(_) => "taken",
        Err(refusal) => refusal.reason(),
    }
}

#[test]
fn one_credential_is_taken_and_every_other_number_refused() {
    let long = format!("Bearer {}", "x".repeat(TOKEN_MAX + 1));
    let cases: [(&[&str], &[&str], &str); 24] = [
        (&["Bearer a.b.c"], &[], "taken"),
        (&["bearer a.b.c"], &[], "taken"),
        (&["BEARER a.b.c"], &[], "taken"),
        (&[], &["skr_x"], "taken"),
        (&["Bearer skr_x"], &[], "taken"),
        (&[], &[], "no_credential"),
        (&["Bearer a.b.c", "Bearer a.b.c"], &[], "several_credentials"),
        (&["Bearer a.b.c", "Basic YTpi"], &[], "several_credentials"),
        (&["Bearer a.b.c"], &["skr_x"], "several_credentials"),
        (&[], &["skr_x", "skr_x"], "several_credentials"),
        (&[""], &["skr_x"], "several_credentials"),
        (&["Bearer a.b.c"], &[""], "several_credentials"),
        (&[""], &[], "malformed_credential"),
        (&["Bearer"], &[], "malformed_credential"),
        (&["Bearer "], &[], "malformed_credential"),
        (&["Bearer  a.b.c"], &[], "malformed_credential"),
        (&[" Bearer a.b.c"], &[], "malformed_credential"),
        (&["Bearer\ta.b.c"], &[], "malformed_credential"),
        (&["Bearer a.b.c, Bearer d.e.f"], &[], "malformed_credential"),
        (&["Basic YTpi"], &[], "malformed_credential"),
        (&["Bearer: a.b.c"], &[], "malformed_credential"),
        (&["a.b.c"], &[], "malformed_credential"),
        (&[], &["skr_x skr_y"], "malformed_credential"),
        (&[&long], &[], "token_too_long"),
    ];
    for (authorization, api_key, expected) in cases {
        assert_eq!(reason(authorization, api_key), expected, "{authorization:?} {api_key:?}");
    }
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    let refusal = Credentials::of([b"Bearer a.\xff.c".as_slice()], []).unwrap_err();
    assert_eq!(refusal.reason(), "malformed_credential");
}

#[test]
fn a_credential_does_not_show_itself() {
    for credentials in
        [Credentials::of([b"Bearer top.secret.one".as_slice()], []), Credentials::of([], [b"skr_secret".as_slice()])]
    {
        assert!(!format!("{:?}", credentials.unwrap()).contains("secret"));
    }
}

#[test]
fn who_sends_none_is_told_how_and_not_that_something_was_wrong() {
    let refusal = Credentials::of([], []).unwrap_err();
    assert_eq!((refusal.status(), refusal.challenge().as_deref()), (401, Some(r#"Bearer realm="skreaver""#)));
}
