//! What an Agent refers to, and whether it exists.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use kube::ResourceExt;
use skreaver_crds::agent::{Agent, AgentTool, InstructionsSource, KeyRef};
use skreaver_crds::condition::Reason;
use skreaver_protocol::config::{ToolConfig, ToolSource};
use skreaver_protocol::name::NameError;
use skreaver_protocol::{AgentName, Builtin, ToolName};

/// The longest instructions, in bytes: the same wherever they come from, so that they fit into a ConfigMap of ours.
const LONGEST_INSTRUCTIONS: usize = 65536;

/// The objects that an Agent refers to, in its own namespace.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct References {
    /// ConfigMaps by name.
    pub config_maps: BTreeSet<String>,
    /// Secrets by name. Only their existence is of interest here.
    pub secrets: BTreeSet<String>,
}

/// What was found of [`References`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// The data of the ConfigMaps that exist.
    pub config_maps: BTreeMap<String, BTreeMap<String, String>>,
    /// The Secrets that exist.
    pub secrets: BTreeSet<String>,
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
    pub tools: Vec<ToolConfig>,
}

/// Something that an Agent names and that does not exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unresolved {
    /// The reason for the condition ResolvedRefs.
    pub reason: Reason,
    /// Where the name stands, what it is, and what to do.
    pub message: String,
}

impl fmt::Display for Unresolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// What must be fetched before [`resolve`].
pub fn references(agent: &Agent) -> References {
    let spec = &agent.spec;
    let pull_secrets = spec.pod_template.iter().flat_map(|template| &template.image_pull_secrets);
    References {
        config_maps: spec
            .instructions_from
            .iter()
            .map(|from| from.config_map_key_ref.name.clone())
            .filter(names_an_object)
            .collect(),
        secrets: pull_secrets.map(|secret| secret.name.clone()).filter(names_an_object).collect(),
    }
}

/// A name becomes part of a URL. The schema lets no other through; an object stored under an older schema may still have one,
/// and there is no object behind it.
#[allow(clippy::ptr_arg, reason = "this is the shape that a filter over Strings takes")]
fn names_an_object(name: &String) -> bool {
    let inside = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, b'-' | b'.');
    let edge = |c: Option<&u8>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    let bytes = name.as_bytes();
    bytes.len() <= 253 && bytes.iter().all(|c| inside(*c)) && edge(bytes.first()) && edge(bytes.last())
}

/// Puts what was found in the place of the names, or tells everything that is missing.
///
/// # Errors
/// One [`Unresolved`] for each name without an object behind it.
pub fn resolve<'a>(agent: &'a Agent, found: &Found) -> Result<ResolvedAgent<'a>, Vec<Unresolved>> {
    let mut missing = Vec::new();
    let name = AgentName::parse(agent.name_any()).map_err(bad_name).map_err(|m| missing.push(m)).ok();
    let instructions = instructions(agent, found).map_err(|m| missing.push(m)).unwrap_or_default();
    let tools = tools(&agent.spec.tools, &mut missing);
    let wanted = agent.spec.pod_template.iter().flat_map(|template| &template.image_pull_secrets).map(|secret| &secret.name);
    for secret in wanted.filter(|secret| !found.secrets.contains(*secret)) {
        let message = format!("spec.podTemplate.imagePullSecrets: Secret `{secret}` does not exist; create it");
        missing.push(Unresolved { reason: Reason::SecretNotFound, message });
    }
    match name {
        Some(name) if missing.is_empty() => {
            let namespace = agent.namespace().unwrap_or_else(|| "default".into());
            Ok(ResolvedAgent { agent, name, namespace, instructions, tools })
        }
        _ => Err(missing),
    }
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

fn tools(wanted: &[AgentTool], missing: &mut Vec<Unresolved>) -> Vec<ToolConfig> {
    let mut tools = Vec::with_capacity(wanted.len());
    for (index, AgentTool { name, source }) in wanted.iter().enumerate() {
        match source {
            ToolSource::Builtin if Builtin::from_name(name).is_none() => {
                let known = Builtin::ALL.map(Builtin::name).join(", ");
                let message = format!("spec.tools[{index}]: no built-in tool is named `{name}`; there are {known}");
                missing.push(Unresolved { reason: Reason::ToolNotFound, message });
            }
            ToolSource::Builtin => tools.extend(ToolName::parse(name).map(|name| ToolConfig { name, source: *source })),
        }
    }
    tools
}
