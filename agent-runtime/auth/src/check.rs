//! What is wrong with a configuration, all of it at once.

use std::collections::BTreeSet;

use skreaver_protocol::auth::{AuthConfig, IssuerKind, LONGEST_LEEWAY, Role, RoleBinding, Subject, SubjectKind, TokenIssuer};

use crate::roles::globs;

/// Something wrong in a configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {message}")]
pub struct ConfigProblem {
    /// A JSON Pointer (RFC 6901) from the [`AuthConfig`] on. Example: `/issuers/0/url`.
    pub path: String,
    /// What is wrong, and what to write instead.
    pub message: String,
}

/// What is wrong with a configuration.
pub(crate) fn problems(config: &AuthConfig) -> Vec<ConfigProblem> {
    let mut found = Problems(Vec::new());
    let mut urls = BTreeSet::new();
    for (index, it) in config.issuers.iter().enumerate() {
        let path = format!("/issuers/{index}");
        found.unless(urls.insert(&it.url), format!("{path}/url"), "the issuer stands in the list already");
        issuer(it, &path, &mut found);
    }
    let mut names: BTreeSet<_> = Role::built_in().into_iter().map(|role| role.name).collect();
    for (index, role) in config.roles.iter().enumerate() {
        let is_new = names.insert(role.name.clone());
        found.unless(is_new, format!("/roles/{index}/name"), "there is a role of this name already");
        found.unless(!role.permissions.is_empty(), format!("/roles/{index}/permissions"), "name at least one permission");
    }
    for (index, it) in config.bindings.iter().enumerate() {
        binding(it, &format!("/bindings/{index}"), &names, config, &mut found);
    }
    found.0
}

struct Problems(Vec<ConfigProblem>);

impl Problems {
    fn unless(&mut self, holds: bool, path: String, message: &str) {
        if !holds {
            self.0.push(ConfigProblem { path, message: message.to_owned() });
        }
    }
}

fn issuer(issuer: &TokenIssuer, path: &str, found: &mut Problems) {
    let TokenIssuer { kind, url, audiences, username, groups, algorithms, leeway } = issuer;
    found.unless(
        is_issuer(url),
        format!("{path}/url"),
        "write an https URL without query, fragment or user; http only for loopback",
    );
    let named = !audiences.is_empty() && audiences.iter().all(|audience| !audience.is_empty());
    found.unless(named, format!("{path}/audiences"), "name the audiences that tokens are for");
    found.unless(!algorithms.is_empty(), format!("{path}/algorithms"), "name at least one algorithm");
    found.unless(*leeway <= LONGEST_LEEWAY, format!("{path}/leeway"), "write a duration of at most 5m");
    for (claim, field) in [(username, "username"), (groups, "groups")] {
        let may_be = claim.is_none() || *kind == IssuerKind::Oidc;
        found.unless(may_be, format!("{path}/{field}"), "tokens of Kubernetes name a ServiceAccount; leave it out");
        let is_named = claim.as_ref().is_none_or(|claim| !claim.claim.is_empty());
        found.unless(is_named, format!("{path}/{field}/claim"), "name the claim");
    }
}

fn is_issuer(url: &str) -> bool {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://").filter(|rest| is_loopback(rest)));
    rest.is_some_and(|rest| {
        !rest.is_empty() && !rest.starts_with(['/', ':']) && rest.bytes().all(|c| c.is_ascii_graphic() && !b"?#@".contains(&c))
    })
}

fn is_loopback(rest: &str) -> bool {
    let authority = rest.split('/').next().unwrap_or_default();
    ["localhost", "127.0.0.1", "[::1]"].iter().any(|host| {
        let port = authority.strip_prefix(host);
        port.is_some_and(|port| port.is_empty() || port.starts_with(':'))
    })
}

fn binding(binding: &RoleBinding, path: &str, roles: &BTreeSet<String>, config: &AuthConfig, found: &mut Problems) {
    let RoleBinding { role, subjects, agents } = binding;
    found.unless(roles.contains(role), format!("{path}/role"), "there is no role of this name");
    found.unless(!subjects.is_empty(), format!("{path}/subjects"), "name to whom the role is given");
    found.unless(globs(agents).is_some(), format!("{path}/agents"), "write names of agents, or globs");
    for (index, it) in subjects.iter().enumerate() {
        subject(it, &format!("{path}/subjects/{index}"), config, found);
    }
}

fn subject(subject: &Subject, path: &str, config: &AuthConfig, found: &mut Problems) {
    let Subject { kind, name, namespace, issuer } = subject;
    found.unless(!name.is_empty(), format!("{path}/name"), "write the name");
    let with_namespace = *kind == SubjectKind::ServiceAccount;
    found.unless(
        namespace.is_some() == with_namespace,
        format!("{path}/namespace"),
        "a ServiceAccount is named with its namespace, and nothing else has one",
    );
    let vouching: Vec<_> = config.issuers.iter().filter(|issuer| vouches(issuer.kind, *kind, name)).collect();
    let path = format!("{path}/issuer");
    match issuer {
        Some(url) => found.unless(vouching.iter().any(|it| it.url == *url), path, "no issuer of this URL can vouch for it"),
        // Whoever runs one of them could make callers of the other.
        None if is_of_everybody(*kind, name) => {}
        None => found.unless(vouching.len() <= 1, path, "several issuers could vouch for this name; say which"),
    }
}

/// Whether an issuer of a kind can say that somebody is this subject.
fn vouches(issuer: IssuerKind, subject: SubjectKind, name: &str) -> bool {
    match (subject, issuer) {
        (SubjectKind::User, IssuerKind::Oidc) | (SubjectKind::ServiceAccount, IssuerKind::Kubernetes) => true,
        (SubjectKind::Group, IssuerKind::Oidc) => !name.starts_with("system:") || is_of_everybody(subject, name),
        (SubjectKind::Group, IssuerKind::Kubernetes) => name.starts_with("system:"),
        (SubjectKind::User | SubjectKind::ServiceAccount | SubjectKind::ApiKey, _) => false,
    }
}

fn is_of_everybody(kind: SubjectKind, name: &str) -> bool {
    kind == SubjectKind::Group && name == skreaver_protocol::caller::AUTHENTICATED
}
