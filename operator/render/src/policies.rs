//! From ToolPolicies to what an agent's runtime is told of them.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::ControllerRevision;
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apimachinery::pkg::runtime::RawExtension;
use kube::ResourceExt;
use kube::core::{ObjectMeta, Selector, SelectorExt};
use serde_json::Value;
use skreaver_crds::{Agent, TOOL_POLICY_LABEL, ToolPolicy, ToolPolicySpec};
use skreaver_policy::Policy;
use skreaver_protocol::ToolName;
use skreaver_protocol::policy::{Action, AgentFacts, PolicyBundle, PolicyRules};

use crate::manifests::{json, owner_reference, paths};

/// A ToolPolicy with the rules that count.
#[derive(Debug, Clone, PartialEq)]
pub struct PolicyInForce {
    /// Its name.
    pub name: String,
    /// The generation of `spec`; 0 where none was ever accepted.
    pub generation: i64,
    /// The last spec that was accepted.
    pub spec: ToolPolicySpec,
}

impl PolicyInForce {
    /// The stand-in for a policy of which no spec was ever accepted: what cannot be decided is denied.
    pub fn never_accepted(policy: &ToolPolicy) -> Self {
        // Nothing of it is used that may be what is wrong with it.
        let ToolPolicySpec { agent_selector, mode, .. } = policy.spec.clone();
        let spec = ToolPolicySpec {
            agent_selector,
            mode,
            default_action: Action::Deny,
            rules: Vec::new(),
            data_flow: None,
            http: None,
            fs: None,
            resources: None,
            secrets: None,
            suspicious_content: Vec::new(),
            audit: None,
        };
        Self { name: policy.name_any(), generation: 0, spec }
    }

    /// The spec that a [`revision`] keeps; nothing where it is not one of ours.
    pub fn from_revision(name: &str, revision: &ControllerRevision) -> Option<Self> {
        let data = revision.data.as_ref()?.0.get("spec")?.clone();
        Some(Self { name: name.to_owned(), generation: revision.revision, spec: serde_json::from_value(data).ok()? })
    }

    /// Whether the policy is for an Agent with these labels. A selector that cannot be read selects every Agent.
    pub fn selects(&self, labels: &BTreeMap<String, String>) -> bool {
        Selector::try_from(self.spec.agent_selector.clone()).map_or(true, |selector| selector.matches(labels))
    }
}

/// Judges a ToolPolicy as its runtimes will.
///
/// # Errors
/// Every reason for which it cannot be put in force, with its path below `spec`.
pub fn accept(policy: &ToolPolicy) -> Result<(), Vec<String>> {
    let mut problems = Vec::new();
    if let Err(error) = Selector::try_from(policy.spec.agent_selector.clone()) {
        problems.push(format!("spec.agentSelector: {error}"));
    }
    let bundle = PolicyBundle { policies: vec![rules(policy.name_any(), &policy.spec)], ..PolicyBundle::default() };
    if let Err(found) = Policy::compile(&bundle) {
        problems.extend(found.iter().map(|problem| format!("spec.{problem}")));
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

fn rules(name: String, spec: &ToolPolicySpec) -> PolicyRules {
    let ToolPolicySpec {
        agent_selector: _,
        mode,
        default_action,
        rules,
        data_flow,
        http,
        fs,
        resources,
        secrets,
        suspicious_content,
        audit,
    } = spec;
    PolicyRules {
        name,
        mode: *mode,
        default_action: *default_action,
        rules: rules.clone(),
        data_flow: data_flow.clone(),
        http: http.clone(),
        fs: fs.clone(),
        resources: resources.clone(),
        secrets: secrets.clone(),
        suspicious_content: suspicious_content.clone(),
        audit: audit.clone(),
    }
}

/// The most that the policies of one agent may take as JSON, in bytes: a ConfigMap holds 1 MiB, and the RuntimeConfig is in it too.
const LARGEST_BUNDLE: usize = 384 << 10;

/// How many versions the stored bundle may be ahead of the Agent's status, which is written after it.
const MOST_UNTOLD: u64 = 1 << 20;

/// Whether the policies of an agent are small enough to be handed to its pods.
pub fn fits_together(selecting: &[PolicyInForce]) -> bool {
    fits(&selecting.iter().map(|policy| rules(policy.name.clone(), &policy.spec)).collect::<Vec<_>>())
}

fn fits(policies: &[PolicyRules]) -> bool {
    json(&policies).len() <= LARGEST_BUNDLE
}

fn deny_all(policy: &mut PolicyRules) {
    let PolicyRules {
        name: _,
        mode: _,
        default_action,
        rules,
        data_flow,
        http,
        fs,
        resources,
        secrets: _,
        suspicious_content,
        audit: _,
    } = policy;
    *default_action = Action::Deny;
    rules.clear();
    suspicious_content.clear();
    (*data_flow, *http, *fs, *resources) = (None, None, None, None);
}

/// What conditions see of an Agent besides its name.
pub fn agent_facts(agent: &Agent) -> AgentFacts {
    AgentFacts { namespace: agent.namespace().unwrap_or_else(|| "default".into()), labels: agent.labels().clone() }
}

/// The agent, if a condition may ask for it: who changes labels that nobody asks for changes no policies.
fn asked_for(agent: &AgentFacts, policies: &[PolicyRules]) -> Option<AgentFacts> {
    policies.iter().flat_map(|policy| &policy.rules).any(|rule| rule.when.is_some()).then(|| agent.clone())
}

/// What the pods of an agent are told: the policies that select it, under a version that rises when they change.
///
/// `agent` is what their conditions see of it; `selecting` are the policies that select it; `previous` is what its pods were told last, and `at_least` the
/// highest version that they were ever told; `pins` are the tools of remote sources as they were first seen.
pub fn policy_bundle(
    agent: &AgentFacts,
    selecting: &[PolicyInForce],
    required: bool,
    previous: Option<&PolicyBundle>,
    at_least: u64,
    pins: BTreeMap<ToolName, BTreeMap<String, String>>,
) -> PolicyBundle {
    let mut policies: Vec<_> = selecting.iter().map(|policy| rules(policy.name.clone(), &policy.spec)).collect();
    policies.sort_by(|a, b| a.name.cmp(&b.name));
    if !fits(&policies) || json(agent).len() > LARGEST_BUNDLE {
        // What cannot be handed over cannot be decided, and is denied.
        policies.iter_mut().for_each(deny_all);
    }
    // Whoever edits the ConfigMap could write any version there; one that we cannot have given counts for nothing.
    let previous = previous.filter(|last| last.version <= at_least.saturating_add(MOST_UNTOLD));
    let wanted = PolicyBundle { version: 0, required, agent: asked_for(agent, &policies), policies, pins };
    match previous {
        Some(last) if last.version >= at_least && (PolicyBundle { version: last.version, ..wanted.clone() }) == *last => {
            last.clone()
        }
        _ => {
            let version = previous.map_or(0, |last| last.version).max(at_least).saturating_add(1);
            PolicyBundle { version, ..wanted }
        }
    }
}

/// The policies in an Agent's ConfigMap; nothing where they cannot be read.
pub fn policies_in(config_map: &ConfigMap) -> Option<PolicyBundle> {
    serde_json::from_str(config_map.data.as_ref()?.get(paths::POLICIES_KEY)?).ok()
}

/// A merge patch that changes the policies of an Agent's ConfigMap and nothing else.
pub fn policies_patch(bundle: &PolicyBundle) -> Value {
    serde_json::json!({ "data": { paths::POLICIES_KEY: json(bundle) } })
}

/// The object that keeps an accepted spec: owned by the ToolPolicy, one for each generation.
pub fn revision(policy: &ToolPolicy) -> ControllerRevision {
    let generation = policy.metadata.generation.unwrap_or_default();
    let name = policy.name_any();
    // A policy that is deleted and made again starts at generation 1 again; its UID keeps the two apart.
    let uid = policy.uid().unwrap_or_default();
    let incarnation = uid.split('-').next().unwrap_or_default();
    ControllerRevision {
        metadata: ObjectMeta {
            name: Some(format!("toolpolicy-{name}-{incarnation}-{generation}")),
            namespace: policy.namespace(),
            labels: Some(BTreeMap::from([(TOOL_POLICY_LABEL.to_owned(), name)])),
            owner_references: owner_reference(policy).map(|owner| vec![owner]),
            ..ObjectMeta::default()
        },
        revision: generation,
        data: Some(RawExtension(serde_json::json!({ "spec": policy.spec }))),
    }
}
