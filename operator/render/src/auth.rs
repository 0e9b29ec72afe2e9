//! Who may ask an agent in a cluster, and by which keys its pods judge that.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::ResourceExt;
use serde_json::{Value, json};
use skreaver_auth::{ApiKeys, Authenticator, ConfigProblem, Keys};
use skreaver_crds::Agent;
use skreaver_crds::agent::{Auth, AuthType};
use skreaver_crds::condition::Reason;
use skreaver_protocol::AgentName;
use skreaver_protocol::auth::{
    AuthConfig, IssuerKind, KeySet, KeySets, RoleBinding, Subject, SubjectKind, TokenIssuer, audience,
};

use crate::manifests::paths;
use crate::resolve::Unresolved;
use crate::settings::{AuthDefault, Settings};

/// How the callers of an agent's pods are known. Nothing: they are not asked.
pub fn auth_config(agent: &Agent, settings: &Settings) -> Option<AuthConfig> {
    let wanted = wanted(agent, settings)?;
    let Auth { kind: _, kubernetes, issuers, api_keys, roles, bindings } = &wanted;
    let namespace = agent.namespace().unwrap_or_else(|| "default".into());
    let url = settings.auth.issuer.as_deref().unwrap_or_else(|| likely_issuer(&wanted));
    let name = AgentName::parse(agent.name_any()).ok().filter(|_| kubernetes.unwrap_or(true));
    let cluster = name.map(|name| cluster_issuer(url, audience(&namespace, &name)));
    // Whoever is trusted with workloads in the namespace is trusted to ask what runs there. NetworkPolicy has the same border.
    let neighbours = || RoleBinding {
        role: "user".into(),
        subjects: vec![Subject {
            kind: SubjectKind::Group,
            name: format!("system:serviceaccounts:{namespace}"),
            namespace: None,
            issuer: cluster.as_ref().map(|cluster| cluster.url.clone()),
        }],
        agents: Vec::new(),
    };
    let bindings = match (bindings.is_empty(), &cluster) {
        (true, Some(_)) => vec![neighbours()],
        (true, None) | (false, _) => bindings.clone(),
    };
    Some(AuthConfig {
        issuers: cluster.into_iter().chain(issuers.iter().cloned()).collect(),
        key_sets_file: Some(format!("{}/{}", paths::CONFIG_DIR, paths::KEY_SETS_KEY).into()),
        api_keys: api_keys.as_ref().map(|_| paths::API_KEYS_DIR.into()),
        roles: roles.clone(),
        bindings,
    })
}

/// What is wrong with it that no schema can tell.
pub(crate) fn auth_problems(agent: &Agent, settings: &Settings) -> Vec<Unresolved> {
    let Some(auth) = auth_config(agent, settings) else { return Vec::new() };
    let (no_keys, _) = ApiKeys::read([]);
    let problems = Authenticator::new(&auth, Keys::default(), no_keys).err().unwrap_or_default();
    // The cluster stands before the issuers of the spec.
    let own = agent.spec.expose.iter().filter_map(|expose| expose.auth.as_ref()).map(|auth| auth.issuers.len()).sum::<usize>();
    let before = auth.issuers.len() - own;
    let one = |ConfigProblem { path, message }| {
        let message = format!("spec.expose.auth{}: {message}", in_spec(&path, before));
        Unresolved { reason: Reason::InvalidAuth, message }
    };
    problems.into_iter().map(one).collect()
}

/// A JSON Pointer as a path of the spec, where so many issuers stand before those of the spec.
fn in_spec(pointer: &str, before: usize) -> String {
    let mut path = String::new();
    let mut list = "";
    for part in pointer.split('/').skip(1) {
        match part.parse::<usize>() {
            Ok(index) => path.push_str(&format!("[{}]", index.saturating_sub(if list == "issuers" { before } else { 0 }))),
            Err(_) => {
                path.push('.');
                path.push_str(part);
            }
        }
        list = part;
    }
    path
}

/// What an Agent asks for, or the chart's default. Nothing: callers are not asked.
fn wanted(agent: &Agent, settings: &Settings) -> Option<Auth> {
    match (agent.spec.expose.as_ref().and_then(|expose| expose.auth.as_ref()), settings.auth.default) {
        (Some(Auth { kind: AuthType::None, .. }), _) | (None, AuthDefault::None) => None,
        (Some(auth), _) => Some(auth.clone()),
        (None, AuthDefault::Kubernetes) => Some(Auth::default()),
    }
}

/// The Secret with an agent's API keys.
pub(crate) fn api_key_secret(agent: &Agent, settings: &Settings) -> Option<String> {
    Some(wanted(agent, settings)?.api_keys?.secret_ref.name)
}

/// The cluster's issuer as far as an Agent alone tells: whoever it names and does not bring, or else what most clusters are called.
fn likely_issuer(auth: &Auth) -> &str {
    let named = auth.bindings.iter().flat_map(|binding| &binding.subjects).filter_map(|subject| subject.issuer.as_deref());
    let mut foreign = named.filter(|url| auth.issuers.iter().all(|issuer| issuer.url != *url));
    foreign.next().unwrap_or("https://kubernetes.default.svc.cluster.local")
}

fn cluster_issuer(url: &str, audience: String) -> TokenIssuer {
    // What is left out has a default of its own.
    let issuer = json!({"kind": IssuerKind::Kubernetes, "url": url, "audiences": [audience]});
    serde_json::from_value(issuer).expect("an issuer needs a kind, a URL and audiences")
}

/// The keys of an agent's issuers, as its pods are told of them: what was fetched, and for an issuer of which nothing was, what they
/// were told before. Without a difference it is what it was; with one its version is higher, and no clock can lower it.
pub fn key_sets(auth: &AuthConfig, fetched: &BTreeMap<String, Value>, previous: Option<&KeySets>, now_ms: u64) -> KeySets {
    let last = |issuer: &str| previous.and_then(|previous| previous.sets.iter().find(|set| set.issuer == issuer));
    let one = |issuer: &TokenIssuer| match (fetched.get(&issuer.url), last(&issuer.url)) {
        (Some(keys), Some(last)) if *keys == last.keys => Some(last.clone()),
        (Some(keys), _) => Some(KeySet { issuer: issuer.url.clone(), keys: keys.clone(), fetched_at_ms: now_ms }),
        (None, last) => last.cloned(),
    };
    let sets: Vec<_> = auth.issuers.iter().filter_map(one).collect();
    let version = previous.map_or(0, |previous| previous.version);
    match previous {
        Some(previous) if previous.sets == sets => previous.clone(),
        None if sets.is_empty() => KeySets::default(),
        Some(_) | None => KeySets { version: now_ms.max(version + 1), sets },
    }
}

/// The keys that an Agent's ConfigMap holds.
pub fn key_sets_in(config_map: &ConfigMap) -> Option<KeySets> {
    serde_json::from_str(config_map.data.as_ref()?.get(paths::KEY_SETS_KEY)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn auth(issuers: &[&str]) -> AuthConfig {
        let issuers = issuers.iter().map(|url| cluster_issuer(url, "amber".into())).collect();
        AuthConfig { issuers, ..AuthConfig::default() }
    }

    #[test]
    fn versions_rise_with_each_difference_and_with_nothing_else() {
        let (both, one) = (auth(&["a", "b"]), auth(&["a"]));
        let fetched = |pairs: &[(&str, u8)]| pairs.iter().map(|(url, key)| ((*url).to_owned(), json!(key))).collect();
        assert_eq!(key_sets(&both, &fetched(&[]), None, 7), KeySets::default());
        let first = key_sets(&both, &fetched(&[("a", 1)]), None, 7);
        assert_eq!((first.version, first.sets.len()), (7, 1));
        assert_eq!(key_sets(&both, &fetched(&[("a", 1)]), Some(&first), 9), first);
        assert_eq!(key_sets(&both, &fetched(&[]), Some(&first), 9), first, "what cannot be fetched stays");
        let second = key_sets(&both, &fetched(&[("a", 1), ("b", 2), ("c", 3)]), Some(&first), 3);
        let told: Vec<_> = second.sets.iter().map(|set| (set.issuer.as_str(), set.fetched_at_ms)).collect();
        assert_eq!((second.version, told), (8, vec![("a", 7), ("b", 3)]), "a clock that goes back lowers nothing");
        let third = key_sets(&one, &fetched(&[("a", 4)]), Some(&second), 20);
        assert_eq!((third.version, third.sets.len()), (20, 1));
    }
}
