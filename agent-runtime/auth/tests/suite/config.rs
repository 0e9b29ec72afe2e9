//! Every problem of a configuration is told, each with its path.

use serde_json::{Value, json};
use skreaver_auth::{ApiKeys, Authenticator, Keys};
use skreaver_protocol::auth::AuthConfig;

fn check(config: Value, expected: &[(&str, &str)]) {
    let config: AuthConfig = serde_json::from_value(config).unwrap();
    let problems = Authenticator::new(&config, Keys::default(), ApiKeys::default()).map(drop).err().unwrap_or_default();
    let found: Vec<_> = problems.iter().map(|problem| (problem.path.as_str(), problem.message.as_str())).collect();
    assert_eq!(found, expected);
}

fn oidc(url: &str) -> Value {
    json!({"kind": "OIDC", "url": url, "audiences": ["amber"]})
}

fn kubernetes(url: &str) -> Value {
    json!({"kind": "Kubernetes", "url": url, "audiences": ["amber"]})
}

fn bound(issuers: Value, subject: Value) -> Value {
    json!({"issuers": issuers, "bindings": [{"role": "user", "subjects": [subject]}]})
}

#[test]
fn all_problems_are_told_at_once() {
    let issuer = json!({"kind": "Kubernetes", "url": "ftp://x", "audiences": [], "algorithms": [], "leeway": "6m",
        "username": {"claim": ""}, "groups": {"claim": "g"}});
    let config = json!({"issuers": [issuer, oidc("https://i"), oidc("https://i")],
        "roles": [{"name": "admin", "permissions": ["Read"]}, {"name": "none", "permissions": []}],
        "bindings": [{"role": "wizard", "subjects": [], "agents": ["["]}]});
    check(
        config,
        &[
            ("/issuers/0/url", "write an https URL without query, fragment or user; http only for loopback"),
            ("/issuers/0/audiences", "name the audiences that tokens are for"),
            ("/issuers/0/algorithms", "name at least one algorithm"),
            ("/issuers/0/leeway", "write a duration of at most 5m"),
            ("/issuers/0/username", "tokens of Kubernetes name a ServiceAccount; leave it out"),
            ("/issuers/0/username/claim", "name the claim"),
            ("/issuers/0/groups", "tokens of Kubernetes name a ServiceAccount; leave it out"),
            ("/issuers/2/url", "the issuer stands in the list already"),
            ("/roles/0/name", "there is a role of this name already"),
            ("/roles/1/permissions", "name at least one permission"),
            ("/bindings/0/role", "there is no role of this name"),
            ("/bindings/0/subjects", "name to whom the role is given"),
            ("/bindings/0/agents", "write names of agents, or globs"),
        ],
    );
}

#[test]
fn an_issuer_is_a_url_that_only_its_owner_can_be() {
    let wrong = [("/issuers/0/url", "write an https URL without query, fragment or user; http only for loopback")];
    for url in
        ["https://id.example.com", "https://x:8443/a/b", "http://localhost:5556/dex", "http://127.0.0.1", "http://[::1]:80/x"]
    {
        check(json!({"issuers": [oidc(url)]}), &[]);
    }
    for url in [
        "",
        "https://",
        "https:///x",
        "https://:443",
        "http://id.example.com",
        "http://localhost.evil.com",
        "http://127.0.0.1.evil.com",
        "https://a@b",
        "https://a?b",
        "https://a#b",
        "https://a b",
        "https://ü",
        "HTTPS://a",
        "a",
    ] {
        check(json!({"issuers": [oidc(url)]}), &wrong);
    }
}

#[test]
fn a_subject_is_one_that_somebody_can_vouch_for() {
    let ambiguous = [("/bindings/0/subjects/0/issuer", "several issuers could vouch for this name; say which")];
    let nobody = [("/bindings/0/subjects/0/issuer", "no issuer of this URL can vouch for it")];
    let namespace =
        [("/bindings/0/subjects/0/namespace", "a ServiceAccount is named with its namespace, and nothing else has one")];
    let two = || json!([oidc("https://i"), oidc("https://j"), kubernetes("https://k")]);
    let account = json!({"kind": "ServiceAccount", "name": "chalk", "namespace": "quarry"});
    check(bound(two(), json!({"kind": "User", "name": "ann"})), &ambiguous);
    check(bound(two(), json!({"kind": "Group", "name": "staff"})), &ambiguous);
    check(bound(two(), json!({"kind": "User", "name": "ann", "issuer": "https://i"})), &[]);
    check(bound(two(), json!({"kind": "User", "name": "ann", "issuer": "https://k"})), &nobody);
    check(bound(two(), json!({"kind": "Group", "name": "staff", "issuer": "https://k"})), &nobody);
    check(bound(two(), json!({"kind": "Group", "name": "system:serviceaccounts:quarry"})), &[]);
    check(bound(two(), json!({"kind": "Group", "name": "system:serviceaccounts", "issuer": "https://i"})), &nobody);
    check(bound(two(), json!({"kind": "Group", "name": "system:authenticated"})), &[]);
    check(bound(two(), json!({"kind": "Group", "name": "system:authenticated", "issuer": "https://i"})), &[]);
    check(bound(two(), account.clone()), &[]);
    check(bound(json!([kubernetes("https://k"), kubernetes("https://l")]), account), &ambiguous);
    check(bound(two(), json!({"kind": "ServiceAccount", "name": "chalk"})), &namespace);
    check(bound(two(), json!({"kind": "ApiKey", "name": "nightly", "namespace": "quarry"})), &namespace);
    check(bound(two(), json!({"kind": "ApiKey", "name": "nightly", "issuer": "https://i"})), &nobody);
    check(bound(json!([]), json!({"kind": "ApiKey", "name": ""})), &[("/bindings/0/subjects/0/name", "write the name")]);
}
