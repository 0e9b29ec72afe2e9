//! Issuers change their keys, and nobody who came with a good token is refused for it.

use serde_json::json;
use skreaver_auth::{ApiKeys, Authenticator, Keys};
use skreaver_protocol::auth::KeySets;

use crate::forge::Draft;
use crate::signers::Signer;
use crate::world::{PROVIDER, WORLD, bearer, config, key_set, key_sets, published};

fn sets(version: u64, keys: &[(&Signer, &str)]) -> KeySets {
    let keys: Vec<_> = keys.iter().map(|(signer, name)| published(signer, name, json!({}))).collect();
    KeySets { version, sets: vec![key_set(PROVIDER, &keys)] }
}

fn with(keys: &Keys) -> Authenticator {
    Authenticator::new(&config(), keys.clone(), ApiKeys::default()).unwrap()
}

#[test]
fn an_issuer_that_publishes_before_it_signs_has_no_request_refused() {
    let (old, new) = (&WORLD.provider, &WORLD.pss);
    let (before, after) = (Draft::of_ann().signed(), Draft::of_ann().by(new, "new").signed());
    let good = |keys: &Keys, token: &str| bearer(&with(keys), token).is_ok();

    let (keys, _) = Keys::default().after(&sets(1, &[(old, "main")]));
    assert!(good(&keys, &before) && !good(&keys, &after));
    let (keys, _) = keys.after(&sets(2, &[(old, "main"), (new, "new")]));
    assert!(good(&keys, &before) && good(&keys, &after));
    let (keys, _) = keys.after(&sets(3, &[(new, "new")]));
    assert!(!good(&keys, &before) && good(&keys, &after), "a key that is withdrawn is good for nothing");
}

#[test]
fn a_key_that_is_newer_than_the_set_asks_for_the_set() {
    let (keys, _) = Keys::default().after(&sets(1, &[(&WORLD.provider, "main")]));
    let token = Draft::of_ann().by(&WORLD.pss, "new").signed();
    let refusal = bearer(&with(&keys), &token).unwrap_err();
    assert_eq!(refusal.wants_keys_of(), Some(PROVIDER));
    let (keys, _) = keys.after(&sets(2, &[(&WORLD.provider, "main"), (&WORLD.pss, "new")]));
    assert!(bearer(&with(&keys), &token).is_ok());
}

#[test]
fn a_key_without_a_name_that_took_the_place_of_another_asks_for_the_set_too() {
    let unnamed = |version, signer: &Signer| KeySets { version, sets: vec![key_set(PROVIDER, &[signer.public()])] };
    let (keys, _) = Keys::default().after(&unnamed(1, &WORLD.provider));
    let token = Draft::of_ann().by(&WORLD.other, "").without_header("kid").signed();
    assert_eq!(bearer(&with(&keys), &token).unwrap_err().wants_keys_of(), Some(PROVIDER));
    let (keys, _) = keys.after(&unnamed(2, &WORLD.other));
    assert!(bearer(&with(&keys), &token).is_ok());
}

#[test]
fn nothing_but_a_missing_key_asks_for_keys() {
    let authenticator = crate::world::authenticator();
    for draft in [Draft::of_ann().claim("exp", 0), Draft::of_ann().by(&WORLD.stranger, "main"), Draft::of_ann().claim("iss", "x")]
    {
        assert_eq!(bearer(&authenticator, &draft.signed()).unwrap_err().wants_keys_of(), None);
    }
}

#[test]
fn a_key_of_the_same_name_takes_the_place_of_the_one_before() {
    let (keys, _) = Keys::default().after(&sets(1, &[(&WORLD.provider, "main")]));
    let (keys, _) = keys.after(&sets(2, &[(&WORLD.stranger, "main")]));
    assert_eq!(bearer(&with(&keys), &Draft::of_ann().signed()).unwrap_err().reason(), "wrong_signature");
}

#[test]
fn of_two_keys_of_one_name_either_may_sign() {
    let (keys, _) =
        Keys::default().after(&sets(1, &[(&WORLD.stranger, "main"), (&WORLD.p256, "main"), (&WORLD.provider, "main")]));
    assert!(bearer(&with(&keys), &Draft::of_ann().signed()).is_ok());
    assert!(bearer(&with(&keys), &Draft::of_ann().by(&WORLD.p256, "main").signed()).is_ok());
}

#[test]
fn without_a_name_in_the_token_only_one_key_may_fit() {
    let (keys, _) = Keys::default().after(&sets(1, &[(&WORLD.provider, "a"), (&WORLD.pss, "b"), (&WORLD.p256, "c")]));
    let unnamed = |draft: Draft| draft.without_header("kid").signed();
    assert_eq!(bearer(&with(&keys), &unnamed(Draft::of_ann())).unwrap_err().reason(), "key_not_named");
    assert!(bearer(&with(&keys), &unnamed(Draft::of_ann().by(&WORLD.p256, "c"))).is_ok());
}

#[test]
fn a_process_never_goes_back_to_older_keys() {
    let (keys, _) = Keys::default().after(&sets(5, &[(&WORLD.provider, "main")]));
    for version in [0, 4, 5] {
        let (after, problems) = keys.after(&sets(version, &[(&WORLD.stranger, "main")]));
        assert!(problems.is_empty() && after.version() == 5);
        assert!(bearer(&with(&after), &Draft::of_ann().signed()).is_ok());
    }
}

#[test]
fn a_set_without_a_key_that_can_be_used_takes_the_place_of_none() {
    let (keys, _) = Keys::default().after(&key_sets());
    let broken =
        [json!({"keys": []}), json!({}), json!({"keys": [{"kty": "oct", "k": "AA"}]}), json!("keys"), json!({"keys": {}})];
    for (version, document) in (2..).zip(broken) {
        let mut set = key_set(PROVIDER, &[]);
        set.keys = document;
        let (after, problems) = keys.after(&KeySets { version, sets: vec![set] });
        assert!(problems.last().unwrap().to_string().contains("it has no key that can be used; the keys before it stay"));
        assert!(bearer(&with(&after), &Draft::of_ann().signed()).is_ok());
    }
}

#[test]
fn an_issuer_of_which_nothing_is_said_keeps_its_keys() {
    let (keys, _) = Keys::default().after(&key_sets());
    let (keys, _) = keys.after(&sets(2, &[(&WORLD.pss, "new")]));
    let authenticator = with(&keys);
    assert!(
        bearer(&authenticator, &Draft::of_bob().signed()).is_ok() && bearer(&authenticator, &Draft::of_chalk().signed()).is_ok()
    );
    assert!(bearer(&authenticator, &Draft::of_ann().signed()).is_err());
}
