//! API keys: how they are made, what is kept of them, and which are taken.

use jiff::Timestamp;
use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};
use skreaver_auth::{ApiKeys, Authenticator, Credentials, Identity, Keys, NewApiKey, Refusal};
use skreaver_detect::Secrets;
use skreaver_protocol::Caller;

use crate::world::{config, now};

/// A key, and the line that is kept of it.
fn key(seed: u8) -> (String, String) {
    let bytes = [Sha256::digest([seed]), Sha256::digest([seed, 1])].concat();
    let made = NewApiKey::of(bytes.first_chunk().unwrap());
    (made.key.expose_secret().to_owned(), made.line)
}

fn with(entries: &[(&str, &str)]) -> Authenticator {
    let (keys, problems) = ApiKeys::read(entries.iter().copied());
    assert!(problems.is_empty(), "{problems:?}");
    Authenticator::new(&config(), Keys::default(), keys).unwrap()
}

fn ask(authenticator: &Authenticator, key: &str, at: Timestamp) -> Result<Identity, Refusal> {
    authenticator.authenticate(Credentials::of([], [key.as_bytes()])?, at)
}

#[test]
fn a_key_has_a_form_that_scanners_find_and_only_its_hash_is_kept() {
    let (key, line) = key(1);
    let letters = key.strip_prefix("skr_").unwrap();
    assert!(letters.len() == 36 && letters.bytes().all(|letter| letter.is_ascii_alphanumeric()), "{key}");
    assert_eq!(line, format!("sha256:{:x}", Sha256::digest(&key)));
    let found: Vec<_> = Secrets::all().find(&format!("curl -H 'X-API-Key: {key}'")).iter().map(|finding| finding.kind).collect();
    assert_eq!(found, ["skreaver-api-key"]);
    assert!(!format!("{:?}", NewApiKey::of(&[1; 30])).contains("skr_"));
}

#[test]
fn a_key_is_taken_in_either_header_and_is_its_entry() {
    let (key, line) = key(1);
    let authenticator = with(&[("nightly", &line)]);
    let bearer = format!("Bearer {key}");
    for credentials in [Credentials::of([], [key.as_bytes()]), Credentials::of([bearer.as_bytes()], [])] {
        let identity = authenticator.authenticate(credentials.unwrap(), now()).unwrap();
        assert_eq!(*identity.caller(), Caller::ApiKey { name: "nightly".into() });
    }
}

#[test]
fn two_keys_of_one_name_are_one_caller_so_that_a_key_is_replaced_without_a_gap() {
    let ((old, old_line), (new, new_line)) = (key(1), key(2));
    let (both, one) = (format!("{old_line} expires=2026-12-01T00:00:00Z\n{new_line}\n"), format!("# replaced\n\n{new_line}\n"));
    let during = with(&[("nightly", &both)]);
    let identities = [&old, &new].map(|key| ask(&during, key, now()).unwrap().caller().identity());
    assert_eq!(identities[0], identities[1]);
    let after = with(&[("nightly", &one)]);
    assert_eq!(ask(&after, &old, now()), Err(Refusal::UnknownApiKey));
    assert!(ask(&after, &new, now()).is_ok());
}

#[test]
fn a_key_expires_at_its_time() {
    let (key, line) = key(1);
    let authenticator = with(&[("nightly", &format!("{line} expires=2026-11-25T12:00:01Z roles=user"))]);
    let end: Timestamp = "2026-11-25T12:00:01Z".parse().unwrap();
    assert_eq!(ask(&authenticator, &key, now()).unwrap().expires(), Some(end));
    assert_eq!(ask(&authenticator, &key, end), Err(Refusal::Expired));
}

#[test]
fn what_is_no_key_of_ours_is_refused() {
    let (known, line) = key(1);
    let authenticator = with(&[("nightly", &line), ("weekly", &key(2).1)]);
    let change = |at: usize, letter: &str| format!("{}{letter}{}", &known[..at], &known[at + 1..]);
    for (label, wrong) in [
        ("a well-formed key of nobody", key(3).0),
        ("a letter of the secret", change(20, if known.as_bytes()[20] == b'x' { "y" } else { "x" })),
        ("a letter of the checksum", change(39, if known.as_bytes()[39] == b'x' { "y" } else { "x" })),
        ("its first letter", change(4, if known.as_bytes()[4] == b'x' { "y" } else { "x" })),
        ("another underscore", change(20, "_")),
        ("cut", known[..39].into()),
        ("longer", format!("{known}x")),
        ("in another case", known.to_uppercase()),
        ("without its prefix", known[4..].into()),
        ("another prefix", known.replacen("skr_", "sk-_", 1)),
        ("the prefix alone", "skr_".into()),
        ("its hash", line.clone()),
        ("the hash without its name", line["sha256:".len()..].into()),
        ("the name of its entry", "nightly".into()),
        ("twice", format!("{known}{known}")),
        ("a token", crate::forge::Draft::of_ann().signed()),
        ("a path", "../nightly".into()),
        ("SQL", "'OR'1'='1".into()),
    ] {
        let refusal = ask(&authenticator, &wrong, now()).unwrap_err();
        assert_eq!((refusal.reason(), refusal.status()), ("unknown_api_key", 401), "{label}");
        let told = format!("{refusal} {refusal:?} {:?}", refusal.challenge());
        assert!(!told.contains(&wrong) && told.contains("the credential is not accepted"), "{label}: {told}");
    }
}

#[test]
fn a_line_that_is_no_key_is_told_of_without_what_it_says_and_the_others_count() {
    let ((good, good_line), (plain, line)) = (key(1), key(2));
    for (label, wrong) in [
        ("a key itself", plain),
        ("a hash without its name", line["sha256:".len()..].into()),
        ("a hash in upper case", line.to_uppercase().replace("SHA256", "sha256")),
        ("a hash that is cut", line[..line.len() - 1].into()),
        ("another hash", line.replace("sha256", "md5")),
        ("a word behind it", format!("{line} admin")),
        ("a role without a name", format!("{line} roles=")),
        ("a role that is empty", format!("{line} roles=user,,admin")),
        ("roles twice", format!("{line} roles=viewer roles=admin")),
        ("an end that is no time", format!("{line} expires=soon")),
        ("an end without a zone", format!("{line} expires=2027-01-01T00:00:00")),
        ("two ends", format!("{line} expires=2027-01-01T00:00:00Z expires=2028-01-01T00:00:00Z")),
        ("a name", format!("{line} name=admin")),
        ("the same key again", good_line.clone()),
    ] {
        let text = format!("\n{good_line}\n{wrong}\n");
        let (keys, problems) = ApiKeys::read([("nightly", text.as_str())]);
        assert_eq!((problems.len(), problems[0].line), (1, 3), "{label}");
        let told = format!("{} {problems:?}", problems[0]);
        assert!(told.starts_with("entry `nightly`, line 3: ") && !told.contains(&wrong), "{label}: {told}");
        let authenticator = Authenticator::new(&config(), Keys::default(), keys).unwrap();
        assert!(ask(&authenticator, &good, now()).is_ok(), "{label}");
    }
}

#[test]
fn an_entry_is_named_as_kubernetes_lets_it_be() {
    let (_, line) = key(1);
    for name in ["", "a b", "a/b", "ü", "a\nb", &"x".repeat(254)] {
        let (_, problems) = ApiKeys::read([(name, line.as_str())]);
        assert!(problems[0].why.contains("the name of the entry"), "{name}");
    }
}

#[test]
fn roles_of_keys_that_there_are_not_are_told() {
    let (_, line) = key(1);
    let authenticator = with(&[("nightly", &format!("{line} roles=user,wizard"))]);
    assert_eq!(authenticator.unknown_roles(), ["wizard"]);
}
