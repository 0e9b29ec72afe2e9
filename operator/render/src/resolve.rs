//! What an Agent refers to, and whether it exists.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use kube::ResourceExt;
use skreaver_crds::agent::{Agent, InstructionsSource, KeyRef};
use skreaver_crds::condition::Reason;
use skreaver_protocol::AgentName;
use skreaver_protocol::name::NameError;

use crate::auth::auth_problems;
use crate::egress::{Services, WayOut, services};
use crate::judge::judge;
use crate::peers::{Peers, asks, circles};
use crate::place::ServiceName;
use crate::secrets::{SecretFile, secret_files};
use crate::tools::{ResolvedTool, resolve_tools};
use crate::{Settings, egress};

/// The longest instructions, in bytes: the same wherever they come from, so that they fit into a ConfigMap of ours.
const LONGEST_INSTRUCTIONS: usize = 65536;

/// The objects that an Agent refers to, in its own namespace but for Services.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct References {
    /// ConfigMaps by name.
    pub config_maps: BTreeSet<String>,
    /// Secrets by name, each with the keys that are wanted of it. Only their existence is of interest here.
    pub secrets: BTreeMap<String, BTreeSet<String>>,
    /// Other Agents by name.
    pub agents: BTreeSet<String>,
    /// Services that may be meant by the hosts of models, memory servers and tools.
    pub services: BTreeSet<ServiceName>,
}

/// What was found of [`References`].
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Found {
    /// The data of the ConfigMaps that exist.
    pub config_maps: BTreeMap<String, BTreeMap<String, String>>,
    /// The Secrets that exist, each with the names of its keys.
    pub secrets: BTreeMap<String, BTreeSet<String>>,
    /// The other Agents that exist, each with those that it asks: at least all that this one asks, itself or through others.
    pub agents: Peers,
    /// The Services that exist; nothing where there is no cluster around, and no NetworkPolicy.
    pub services: Option<Services>,
}

impl Found {
    /// Whether there is a cluster around.
    pub(crate) fn is_cluster(&self) -> bool {
        self.services.is_some()
    }
}

/// An Agent of which everything that it names exists.
#[derive(Debug, Clone)]
pub struct ResolvedAgent<'a> {
    /// The Agent as stored.
    pub agent: &'a Agent,
    /// Its name.
    pub name: AgentName,
    /// Its namespace.
    pub namespace: String,
    /// Its instructions, wherever they came from.
    pub instructions: Option<String>,
    /// Its tools.
    pub tools: Vec<ResolvedTool>,
    /// The ways out that it needs.
    pub ways_out: Vec<WayOut>,
}

/// Something that an Agent names and that does not exist, or that cannot be meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unresolved {
    /// The reason for the condition ResolvedRefs, or Accepted where it is the spec's own fault.
    pub reason: Reason,
    /// Where the name stands, what it is, and what to do.
    pub message: String,
}

impl Unresolved {
    /// Whether only another spec can help.
    pub fn is_spec_fault(&self) -> bool {
        matches!(
            self.reason,
            Reason::Malformed
                | Reason::InvalidAuth
                | Reason::InvalidGoal
                | Reason::InvalidOutputSchema
                | Reason::InvalidToolSchema
                | Reason::CommandInCluster
                | Reason::AddressRefused
        )
    }
}

impl fmt::Display for Unresolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// What must be fetched before [`resolve`].
pub fn references(agent: &Agent, settings: &Settings) -> References {
    let spec = &agent.spec;
    let pull_secrets = spec.pod_template.iter().flat_map(|template| &template.image_pull_secrets);
    let mut secrets: BTreeMap<String, BTreeSet<String>> =
        pull_secrets.map(|secret| (secret.name.clone(), BTreeSet::new())).collect();
    for SecretFile { key: KeyRef { name, key }, .. } in secret_files(spec) {
        secrets.entry(name).or_default().insert(key);
    }
    secrets.retain(|name, _| names_an_object(name));
    let instructions = spec.instructions_from.iter().map(|from| from.config_map_key_ref.name.clone());
    let documents =
        spec.tools.iter().filter_map(|tool| Some(tool.openapi.as_ref()?.document_from.config_map_key_ref.name.clone()));
    References {
        config_maps: instructions.chain(documents).filter(|name| names_an_object(name)).collect(),
        secrets,
        agents: asks(agent).into_iter().filter(|name| names_an_object(name)).collect(),
        services: services(spec, &namespace_of(agent), settings).into_iter().filter(is_a_service).collect(),
    }
}

fn is_a_service(service: &ServiceName) -> bool {
    names_an_object(&service.namespace) && names_an_object(&service.name)
}

fn namespace_of(agent: &Agent) -> String {
    agent.namespace().unwrap_or_else(|| "default".into())
}

/// A name becomes part of a URL. The schema lets no other through; an object stored under an older schema may still have one,
/// and there is no object behind it.
fn names_an_object(name: &str) -> bool {
    let inside = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, b'-' | b'.');
    let edge = |c: Option<&u8>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    let bytes = name.as_bytes();
    bytes.len() <= 253 && bytes.iter().all(|c| inside(*c)) && edge(bytes.first()) && edge(bytes.last())
}

/// Puts what was found in the place of the names, or tells everything that is missing or wrong.
///
/// # Errors
/// One [`Unresolved`] for each name without an object behind it, and each part of the spec that cannot be meant.
pub fn resolve<'a>(agent: &'a Agent, found: &Found, settings: &Settings) -> Result<ResolvedAgent<'a>, Vec<Unresolved>> {
    let spec = &agent.spec;
    let namespace = namespace_of(agent);
    let mut missing = judge(spec);
    let name = AgentName::parse(agent.name_any()).map_err(bad_name).map_err(|m| missing.push(m)).ok();
    let instructions = instructions(agent, found).map_err(|m| missing.push(m)).unwrap_or_default();
    let tools = resolve_tools(agent, found, &mut missing);
    missing.extend(circles(agent, &found.agents));
    missing.extend(missing_secrets(agent, found));
    missing.extend(auth_problems(agent, settings));
    let ways_out = match &found.services {
        Some(services) => egress::ways_out(spec, &namespace, services, settings, &mut missing),
        None => Vec::new(),
    };
    match name {
        Some(name) if missing.is_empty() => Ok(ResolvedAgent { agent, name, namespace, instructions, tools, ways_out }),
        _ => Err(missing),
    }
}

fn missing_secrets(agent: &Agent, found: &Found) -> Vec<Unresolved> {
    let not_found = |path: &str, name: &str| Unresolved {
        reason: Reason::SecretNotFound,
        message: format!("{path}: Secret `{name}` does not exist; create it"),
    };
    let template = agent.spec.pod_template.iter();
    let pull_secrets = template.flat_map(|template| &template.image_pull_secrets).map(|secret| &secret.name);
    let gone = pull_secrets.filter(|name| !found.secrets.contains_key(*name));
    let mut missing: Vec<_> = gone.map(|name| not_found("spec.podTemplate.imagePullSecrets", name)).collect();
    for SecretFile { path, key: KeyRef { name, key }, .. } in secret_files(&agent.spec) {
        match found.secrets.get(&name) {
            None => missing.push(not_found(&path, &name)),
            Some(keys) if !keys.contains(&key) => missing.push(Unresolved {
                reason: Reason::SecretKeyNotFound,
                message: format!("{path}: Secret `{name}` has no key `{key}`; add it"),
            }),
            Some(_) => {}
        }
    }
    missing
}

/// The schema forbids it; an object that was stored under an older schema may still have it.
fn bad_name(error: NameError) -> Unresolved {
    Unresolved { reason: Reason::Malformed, message: error.to_string() }
}

fn instructions(agent: &Agent, found: &Found) -> Result<Option<String>, Unresolved> {
    let Some(InstructionsSource { config_map_key_ref: KeyRef { name, key } }) = &agent.spec.instructions_from else {
        return Ok(agent.spec.instructions.clone());
    };
    let missing = |what: String| Unresolved {
        reason: Reason::ConfigMapNotFound,
        message: format!("spec.instructionsFrom.configMapKeyRef: {what}"),
    };
    let data = found.config_maps.get(name).ok_or_else(|| missing(format!("ConfigMap `{name}` does not exist; create it")))?;
    let text = data.get(key).ok_or_else(|| missing(format!("ConfigMap `{name}` has no key `{key}`; add it")))?;
    if text.len() > LONGEST_INSTRUCTIONS {
        let size = text.len();
        let message = format!(
            "spec.instructionsFrom.configMapKeyRef: key `{key}` of ConfigMap `{name}` has {size} bytes; shorten it to {LONGEST_INSTRUCTIONS}"
        );
        return Err(Unresolved { reason: Reason::TooLarge, message });
    }
    Ok(Some(text.clone()))
}
