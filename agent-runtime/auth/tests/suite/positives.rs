//! What honest callers send is taken, in every way in which issuers sign it.

use serde_json::json;
use skreaver_auth::ApiKeys;
use skreaver_protocol::Caller;

use crate::forge::Draft;
use crate::world::{CLUSTER, NOW, OTHER, PROVIDER, WORLD, authenticator, bearer, config, judging_by, now};

fn ann() -> Caller {
    let groups = vec!["corp:staff".into(), "corp:night".into()];
    Caller::User { issuer: PROVIDER.into(), subject: "7".into(), name: "corp:ann".into(), groups }
}

#[test]
fn every_algorithm_is_verified() {
    let world = &*WORLD;
    let mut config = config();
    config.issuers[2].algorithms = config.issuers[1].algorithms.clone();
    let authenticator = judging_by(&config, ApiKeys::default());
    for (algorithm, draft) in [
        ("RS256", Draft::of_ann()),
        ("RS384", Draft::of_bob().with("RS384")),
        ("RS512", Draft::of_bob().with("RS512")),
        ("PS256", Draft::of_ann().by(&world.pss, "pss").with("PS256")),
        ("PS384", Draft::of_bob().with("PS384")),
        ("PS512", Draft::of_bob().with("PS512")),
        ("ES256", Draft::of_ann().by(&world.p256, "p256")),
        ("ES384", Draft::of_ann().by(&world.p384, "p384")),
        ("EdDSA", Draft::of_ann().by(&world.ed25519, "ed")),
    ] {
        let identity = bearer(&authenticator, &draft.signed()).unwrap_or_else(|refusal| panic!("{algorithm}: {refusal}"));
        assert!(matches!(identity.caller(), Caller::User { .. }), "{algorithm}");
    }
}

#[test]
fn callers_are_who_their_issuer_says() {
    let chalk = Caller::ServiceAccount { issuer: CLUSTER.into(), namespace: "quarry".into(), name: "chalk".into() };
    let bob = Caller::User { issuer: OTHER.into(), subject: "8".into(), name: "bob@example.com".into(), groups: Vec::new() };
    for (draft, expected) in [(Draft::of_ann(), ann()), (Draft::of_bob(), bob), (Draft::of_chalk(), chalk)] {
        let identity = bearer(&authenticator(), &draft.signed()).unwrap();
        assert_eq!(*identity.caller(), expected);
        assert!(identity.expires().is_some_and(|end| end > now()));
    }
}

#[test]
fn what_the_rules_leave_open_is_taken() {
    let world = &*WORLD;
    for (label, draft) in [
        ("of several audiences ours is one", Draft::of_ann().claim("aud", json!(["x", "amber-next"]))),
        ("an access token", Draft::of_ann().header("typ", "at+jwt")),
        ("an access token with the whole type", Draft::of_ann().header("typ", "application/at+JWT")),
        ("a type in lower case", Draft::of_ann().header("typ", "jwt")),
        ("no type", Draft::of_ann().without_header("typ")),
        ("no key name where one key fits", Draft::of_bob().without_header("kid")),
        ("no key name where one key fits the algorithm", Draft::of_ann().by(&world.p256, "").without_header("kid")),
        ("a certificate's thumbprint beside", Draft::of_ann().header("x5t", "AAAA")),
        ("no nbf and no iat", Draft::of_ann().without_claim("nbf").without_claim("iat")),
        ("expired within the leeway", Draft::of_ann().claim("exp", NOW - 29)),
        ("begins within the leeway", Draft::of_ann().claim("nbf", NOW + 30).claim("iat", NOW + 30)),
        ("good for a year", Draft::of_ann().claim("exp", NOW + 365 * 86_400)),
        ("claims that we do not know", Draft::of_ann().claim("acr", json!({"deep": [1, {"er": null}]}))),
        ("white space in JSON", Draft::of_ann().claims_text(|claims| format!(" \n{claims}\t"))),
    ] {
        if let Err(refusal) = bearer(&authenticator(), &draft.signed()) {
            panic!("{label}: {refusal}");
        }
    }
}

#[test]
fn groups_are_a_list_or_one_text_or_absent() {
    for (groups, expected) in [(json!("staff"), vec!["corp:staff"]), (json!([]), vec![])] {
        let identity = bearer(&authenticator(), &Draft::of_ann().claim("groups", groups).signed()).unwrap();
        assert!(matches!(identity.caller(), Caller::User { groups, .. } if *groups == expected));
    }
    let identity = bearer(&authenticator(), &Draft::of_ann().without_claim("groups").signed()).unwrap();
    assert_eq!(identity.caller().groups(), ["system:authenticated"]);
}
