//! Who may what, and above all who may not: callers of one agent, namespace, issuer or session at those of another.

use secrecy::ExposeSecret;
use serde_json::json;
use skreaver_auth::{ApiKeys, Authenticator, Credentials, Identity, NewApiKey};
use skreaver_protocol::auth::{AuthConfig, Permission};
use skreaver_protocol::{AgentName, Caller};

use crate::forge::Draft;
use crate::world::{CLUSTER, OTHER, PROVIDER, bearer, config, judging_by, now};
use Permission::{Admin, Approve, Cancel, Observe, Read};

/// Two teams: `amber*` is quarry's, `ochre` is mine's. Nobody of one has a role with the other's.
fn teams() -> Authenticator {
    let bindings = json!([
        {"role": "user", "agents": ["amber*"], "subjects": [
            {"kind": "Group", "name": "corp:staff", "issuer": PROVIDER},
            {"kind": "ServiceAccount", "name": "chalk", "namespace": "quarry"}]},
        {"role": "viewer", "agents": ["amber"], "subjects": [{"kind": "Group", "name": "system:serviceaccounts:quarry"}]},
        {"role": "admin", "agents": ["amber"], "subjects": [{"kind": "User", "name": "corp:root", "issuer": PROVIDER}]},
        {"role": "approver", "agents": ["amber"], "subjects": [{"kind": "ApiKey", "name": "pager"}]},
        {"role": "user", "agents": ["ochre"], "subjects": [
            {"kind": "User", "name": "bob@example.com", "issuer": OTHER},
            {"kind": "ServiceAccount", "name": "slate", "namespace": "mine"}]},
        {"role": "auditor", "subjects": [{"kind": "ApiKey", "name": "auditor"}]},
    ]);
    let config = AuthConfig {
        bindings: serde_json::from_value(bindings).unwrap(),
        roles: serde_json::from_value(json!([{"name": "auditor", "permissions": ["Read", "Admin"]}])).unwrap(),
        ..config()
    };
    let lines =
        [("pager", key("pager").1), ("auditor", key("auditor").1), ("nightly", format!("{} roles=user", key("nightly").1))];
    let (api_keys, problems) = ApiKeys::read(lines.iter().map(|(name, line)| (*name, line.as_str())));
    assert!(problems.is_empty());
    judging_by(&config, api_keys)
}

fn key(name: &str) -> (String, String) {
    let mut random = [0; 30];
    random[..name.len()].copy_from_slice(name.as_bytes());
    let made = NewApiKey::of(&random);
    (made.key.expose_secret().to_owned(), made.line)
}

/// Somebody, by the credential that they come with.
fn who(authenticator: &Authenticator, name: &str) -> Identity {
    let account = |namespace: &str, name: &str| {
        let own = json!({"namespace": namespace, "serviceaccount": {"name": name}});
        Draft::of_chalk().claim("kubernetes.io", own).claim("sub", format!("system:serviceaccount:{namespace}:{name}"))
    };
    let user =
        |sub: &str, name: &str| Draft::of_ann().claim("sub", sub).claim("preferred_username", name).claim("groups", json!([]));
    let draft = match name {
        "ann" => Draft::of_ann(),
        "root" => user("1", "root"),
        "guest" => user("2", "guest"),
        "night" => user("3", "night").claim("groups", json!(["night"])),
        "bob" => Draft::of_bob(),
        // At the other provider, with the names that quarry's people have at theirs.
        "bob as corp:root" => Draft::of_bob().claim("email", "corp:root"),
        "bob in corp:staff" => Draft::of_bob().claim("groups", json!(["corp:staff"])),
        "quarry/chalk" => account("quarry", "chalk"),
        "quarry/flint" => account("quarry", "flint"),
        "mine/chalk" => account("mine", "chalk"),
        "mine/slate" => account("mine", "slate"),
        "default/quarry" => account("default", "quarry"),
        key_name => {
            let key = key(key_name).0;
            return authenticator.authenticate(Credentials::of([], [key.as_bytes()]).unwrap(), now()).unwrap();
        }
    };
    bearer(authenticator, &draft.signed()).unwrap()
}

const EVERYBODY: [&str; 15] = [
    "ann",
    "root",
    "guest",
    "night",
    "bob",
    "bob as corp:root",
    "bob in corp:staff",
    "quarry/chalk",
    "quarry/flint",
    "mine/chalk",
    "mine/slate",
    "default/quarry",
    "pager",
    "auditor",
    "nightly",
];

/// What everybody may. Whatever does not stand here is refused.
const ALLOWED: [(&str, &str, &[Permission]); 16] = [
    ("ann", "amber", &[Observe, Read, Cancel]),
    ("ann", "amber-2", &[Observe, Read, Cancel]),
    ("root", "amber", &[Observe, Read, Cancel, Approve, Admin]),
    ("bob", "ochre", &[Observe, Read, Cancel]),
    ("bob in corp:staff", "ochre", &[Observe, Read, Cancel]),
    ("quarry/chalk", "amber", &[Observe, Read, Cancel]),
    ("quarry/chalk", "amber-2", &[Observe, Read, Cancel]),
    ("quarry/flint", "amber", &[Read]),
    ("mine/slate", "ochre", &[Observe, Read, Cancel]),
    ("pager", "amber", &[Read, Approve]),
    ("auditor", "amber", &[Read, Admin]),
    ("auditor", "amber-2", &[Read, Admin]),
    ("auditor", "ochre", &[Read, Admin]),
    ("nightly", "amber", &[Observe, Read, Cancel]),
    ("nightly", "amber-2", &[Observe, Read, Cancel]),
    ("nightly", "ochre", &[Observe, Read, Cancel]),
];

#[test]
fn everybody_may_what_their_roles_say_and_nothing_else() {
    let authenticator = teams();
    let mut refused = 0;
    for caller in EVERYBODY {
        let identity = who(&authenticator, caller);
        for (agent, permission) in
            ["amber", "amber-2", "ochre"].into_iter().flat_map(|agent| Permission::ALL.map(|it| (agent, it)))
        {
            let allowed = ALLOWED.iter().any(|(who, at, what)| (*who, *at) == (caller, agent) && what.contains(&permission));
            let answer = authenticator.authorize(&identity, &AgentName::parse(agent).unwrap(), permission);
            assert_eq!(answer.is_ok(), allowed, "{caller} {permission:?} {agent}");
            let Err(refusal) = answer else { continue };
            refused += 1;
            assert_eq!((refusal.reason(), refusal.status()), ("forbidden", 403));
            let told = format!(
                r#"Bearer realm="skreaver", error="insufficient_scope", error_description="no role of yours allows this", scope="{}""#,
                permission.name()
            );
            assert_eq!(refusal.challenge(), Some(told));
        }
    }
    assert!(refused >= 150, "{refused}");
}

/// Requests across a border: who asks, for which agent, what they want, and whose it is.
const ACROSS: [(&str, &str, Permission, &str, &str); 46] = [
    // Another team's agent.
    ("ann", "ochre", Observe, "ann", "forbidden"),
    ("ann", "ochre", Read, "ann", "forbidden"),
    ("ann", "ochre", Read, "bob", "forbidden"),
    ("ann", "ochre", Cancel, "bob", "forbidden"),
    ("root", "ochre", Observe, "root", "forbidden"),
    ("root", "ochre", Admin, "bob", "forbidden"),
    ("root", "ochre", Read, "bob", "forbidden"),
    ("root", "amber-2", Admin, "ann", "forbidden"),
    ("bob", "amber", Observe, "bob", "forbidden"),
    ("bob", "amber", Read, "ann", "forbidden"),
    ("bob", "amber", Cancel, "ann", "forbidden"),
    ("bob", "amber", Approve, "ann", "forbidden"),
    ("quarry/chalk", "ochre", Observe, "quarry/chalk", "forbidden"),
    ("quarry/chalk", "ochre", Read, "mine/slate", "forbidden"),
    ("mine/slate", "amber", Observe, "mine/slate", "forbidden"),
    ("mine/slate", "amber", Read, "quarry/chalk", "forbidden"),
    ("mine/slate", "amber-2", Cancel, "quarry/chalk", "forbidden"),
    ("pager", "ochre", Approve, "bob", "forbidden"),
    ("pager", "amber-2", Approve, "ann", "forbidden"),
    // Names that are others' elsewhere.
    ("mine/chalk", "amber", Observe, "quarry/chalk", "forbidden"),
    ("mine/chalk", "amber", Read, "quarry/chalk", "forbidden"),
    ("default/quarry", "amber", Read, "quarry/chalk", "forbidden"),
    ("bob as corp:root", "amber", Admin, "ann", "forbidden"),
    ("bob as corp:root", "amber", Read, "root", "forbidden"),
    ("bob in corp:staff", "amber", Observe, "ann", "forbidden"),
    ("bob in corp:staff", "amber", Read, "ann", "forbidden"),
    // No role at all.
    ("guest", "amber", Observe, "guest", "forbidden"),
    ("guest", "amber", Read, "guest", "forbidden"),
    ("night", "amber", Cancel, "ann", "forbidden"),
    // A role, and not for this.
    ("quarry/flint", "amber", Observe, "quarry/flint", "forbidden"),
    ("quarry/flint", "amber", Cancel, "quarry/flint", "forbidden"),
    ("ann", "amber", Approve, "ann", "forbidden"),
    ("auditor", "amber", Cancel, "ann", "forbidden"),
    ("pager", "amber", Observe, "pager", "forbidden"),
    // Runs and sessions of others at an agent that one may ask.
    ("ann", "amber", Read, "quarry/chalk", "not_theirs"),
    ("ann", "amber", Cancel, "quarry/chalk", "not_theirs"),
    ("ann", "amber", Observe, "root", "not_theirs"),
    ("ann", "amber", Read, "nightly", "not_theirs"),
    ("ann", "amber", Read, "nobody", "not_theirs"),
    ("quarry/chalk", "amber", Read, "ann", "not_theirs"),
    ("quarry/chalk", "amber", Cancel, "quarry/flint", "not_theirs"),
    ("quarry/flint", "amber", Read, "quarry/chalk", "not_theirs"),
    ("nightly", "amber", Cancel, "ann", "not_theirs"),
    ("nightly", "ochre", Read, "mine/slate", "not_theirs"),
    ("pager", "amber", Read, "ann", "not_theirs"),
    ("bob", "ochre", Read, "mine/slate", "not_theirs"),
];

fn owner(authenticator: &Authenticator, name: &str) -> Caller {
    if name == "nobody" { Caller::Anonymous } else { who(authenticator, name).caller().clone() }
}

#[test]
fn no_request_across_a_border_is_answered() {
    let authenticator = teams();
    for (caller, agent, permission, of, reason) in ACROSS {
        let (identity, agent) = (who(&authenticator, caller), AgentName::parse(agent).unwrap());
        let owner = owner(&authenticator, of);
        let refusal = authenticator.authorize_over(&identity, &agent, permission, &owner).unwrap_err();
        let label = format!("{caller} {permission:?} {agent} of {of}");
        assert_eq!(refusal.reason(), reason, "{label}");
        assert_eq!(refusal.status(), if reason == "forbidden" { 403 } else { 404 }, "{label}");
        assert!(refusal.to_string().contains(&*identity.caller().name()), "{label}: the log names who asked");
        assert!(!refusal.told().contains(&*owner.name()) || owner == Caller::Anonymous, "{label}");
    }
}

#[test]
fn what_is_ones_own_is_answered_and_what_is_others_to_who_may_look_after_it() {
    let authenticator = teams();
    for (caller, agent, permission, of) in [
        ("ann", "amber", Read, "ann"),
        ("ann", "amber", Cancel, "ann"),
        ("quarry/chalk", "amber", Observe, "quarry/chalk"),
        ("nightly", "ochre", Cancel, "nightly"),
        ("root", "amber", Read, "ann"),
        ("root", "amber", Cancel, "quarry/chalk"),
        ("root", "amber", Read, "nobody"),
        ("auditor", "ochre", Read, "bob"),
    ] {
        let (identity, agent) = (who(&authenticator, caller), AgentName::parse(agent).unwrap());
        authenticator.authorize_over(&identity, &agent, permission, &owner(&authenticator, of)).unwrap();
    }
}

#[test]
fn who_is_called_otherwise_today_keeps_what_is_theirs() {
    let authenticator = teams();
    let before = who(&authenticator, "ann").caller().clone();
    let renamed = bearer(&authenticator, &Draft::of_ann().claim("preferred_username", "ann.smith").signed()).unwrap();
    let amber = AgentName::parse("amber").unwrap();
    authenticator.authorize_over(&renamed, &amber, Read, &before).unwrap();
    let namesake = bearer(&authenticator, &Draft::of_ann().claim("sub", "9").signed()).unwrap();
    assert_eq!(authenticator.authorize_over(&namesake, &amber, Read, &before).unwrap_err().reason(), "not_theirs");
}

#[test]
fn without_a_binding_nobody_may_do_anything() {
    let authenticator = crate::world::authenticator();
    let amber = AgentName::parse("amber").unwrap();
    for draft in [Draft::of_ann(), Draft::of_bob(), Draft::of_chalk()] {
        let identity = bearer(&authenticator, &draft.signed()).unwrap();
        assert!(Permission::ALL.iter().all(|it| authenticator.authorize(&identity, &amber, *it).is_err()));
    }
}

#[test]
fn a_role_for_everybody_is_for_everybody_who_is_known() {
    let bindings = json!([{"role": "viewer", "subjects": [{"kind": "Group", "name": "system:authenticated"}]}]);
    let config = AuthConfig { bindings: serde_json::from_value(bindings).unwrap(), ..config() };
    let authenticator = judging_by(&config, ApiKeys::default());
    for draft in [Draft::of_ann(), Draft::of_bob(), Draft::of_chalk()] {
        let identity = bearer(&authenticator, &draft.signed()).unwrap();
        authenticator.authorize(&identity, &AgentName::parse("amber").unwrap(), Read).unwrap();
    }
}

#[test]
fn a_service_account_of_another_cluster_is_another_one() {
    let binding = |issuer: &str| {
        let subject = json!({"kind": "ServiceAccount", "name": "chalk", "namespace": "quarry", "issuer": issuer});
        json!([{"role": "user", "subjects": [subject]}])
    };
    let second = "https://second.example.com";
    let mut issuers = config().issuers;
    issuers.push(serde_json::from_value(json!({"kind": "Kubernetes", "url": second, "audiences": ["a"]})).unwrap());
    for (issuer, allowed) in [(CLUSTER, true), (second, false)] {
        let config = AuthConfig {
            issuers: issuers.clone(),
            bindings: serde_json::from_value(binding(issuer)).unwrap(),
            ..AuthConfig::default()
        };
        let authenticator = judging_by(&config, ApiKeys::default());
        let chalk = bearer(&authenticator, &Draft::of_chalk().signed()).unwrap();
        assert_eq!(authenticator.authorize(&chalk, &AgentName::parse("amber").unwrap(), Observe).is_ok(), allowed);
    }
}
