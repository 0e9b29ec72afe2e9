//! What is a secret only by the name that it is assigned to.

use crate::secrets::assignment::{is_password, is_secret};
use crate::secrets::check::{Match, very_random};
use crate::secrets::row::{Row, assigned};

pub(super) const ROWS: &[Row] = &[
    assigned("generic-password", &["password", "passwd", "passphrase", "passwort", "_pass", "pwd", "passcode"], password),
    assigned("generic-api-key", &["api_key", "apikey", "api-key", "api key", "api_token"], secret),
    assigned("generic-access-key", &["access_key", "accesskey", "access-key", "account_key", "accountkey"], secret),
    assigned("generic-secret", &["secret"], secret),
    assigned("generic-token", &["token"], secret),
    assigned(
        "generic-key",
        &["encryption_key", "encryptionkey", "signing_key", "signingkey", "master_key", "masterkey", "auth_key"],
        secret,
    ),
    assigned("generic-private-key", &["private_key", "privatekey", "private-key"], secret),
    assigned("generic-credential", &["credential", "authorization"], secret),
];

fn password(found: Match<'_>) -> bool {
    is_password(found.rest)
}

fn secret(found: Match<'_>) -> bool {
    // What dice make has digits, or capitals where no word has them.
    let has = |of: fn(&u8) -> bool| found.rest.bytes().any(|byte| of(&byte));
    let made = has(u8::is_ascii_digit) || (has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase));
    made && is_secret(found.rest) && very_random(found)
}
