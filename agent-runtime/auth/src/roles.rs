//! What who may: roles, and to whom they are given. Nothing takes away what a role gives, so their order does not matter.

use std::collections::{BTreeMap, BTreeSet};

use globset::{Glob, GlobSet, GlobSetBuilder};
use skreaver_protocol::auth::{AuthConfig, Permission, Role, RoleBinding, Subject, SubjectKind};
use skreaver_protocol::{AgentName, Caller};

/// Roles, and to whom they are given.
#[derive(Debug)]
pub(crate) struct Roles {
    permissions: BTreeMap<String, BTreeSet<Permission>>,
    grants: Vec<Grant>,
}

/// A role that is given.
#[derive(Debug)]
struct Grant {
    role: String,
    subjects: Vec<Subject>,
    /// With which agents. Nothing: with all.
    agents: Option<GlobSet>,
}

impl Roles {
    /// Those of a configuration without problems; what is none gives nothing.
    pub(crate) fn of(config: &AuthConfig) -> Self {
        let roles = config.roles.iter().cloned().chain(Role::built_in());
        let permissions = roles.map(|role| (role.name, role.permissions.into_iter().collect())).collect();
        Self { permissions, grants: config.bindings.iter().filter_map(Grant::of).collect() }
    }

    pub(crate) fn has(&self, role: &str) -> bool {
        self.permissions.contains_key(role)
    }

    /// Whether a caller, with the roles that their key has by itself, may do something with an agent.
    pub(crate) fn allow(&self, caller: &Caller, own: &BTreeSet<String>, agent: &AgentName, permission: Permission) -> bool {
        let given = self.grants.iter().filter(|grant| grant.is_of(agent) && grant.is_for(caller)).map(|grant| &grant.role);
        let allows = |role: &String| self.permissions.get(role).is_some_and(|permissions| permissions.contains(&permission));
        own.iter().chain(given).any(allows)
    }
}

impl Grant {
    fn of(binding: &RoleBinding) -> Option<Self> {
        let RoleBinding { role, subjects, agents } = binding;
        let agents = if agents.is_empty() { None } else { Some(globs(agents)?) };
        Some(Self { role: role.clone(), subjects: subjects.clone(), agents })
    }

    fn is_of(&self, agent: &AgentName) -> bool {
        self.agents.as_ref().is_none_or(|agents| agents.is_match(agent.as_str()))
    }

    fn is_for(&self, caller: &Caller) -> bool {
        self.subjects.iter().any(|subject| is(subject, caller))
    }
}

/// The names that globs fit, if all of them are globs.
pub(crate) fn globs(texts: &[String]) -> Option<GlobSet> {
    let mut set = GlobSetBuilder::new();
    for text in texts {
        set.add(Glob::new(text).ok()?);
    }
    set.build().ok()
}

/// Whether a subject is this caller, or a group of theirs. Kinds are never mixed: a user of a provider is no ServiceAccount,
/// whatever it is called.
fn is(subject: &Subject, caller: &Caller) -> bool {
    let Subject { kind, name: wanted, namespace, issuer } = subject;
    if issuer.is_some() && issuer.as_deref() != caller.issuer() {
        return false;
    }
    match (kind, caller) {
        (SubjectKind::Group, _) => caller.groups().iter().any(|group| group == wanted),
        (SubjectKind::User, Caller::User { name, .. }) | (SubjectKind::ApiKey, Caller::ApiKey { name }) => name == wanted,
        (SubjectKind::ServiceAccount, Caller::ServiceAccount { namespace: its, name, .. }) => {
            name == wanted && namespace.as_ref() == Some(its)
        }
        (SubjectKind::User | SubjectKind::ApiKey | SubjectKind::ServiceAccount, _) => false,
    }
}
