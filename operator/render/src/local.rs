//! The same manifests without a cluster: what an API server and the operator would make of them, from files alone.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{ConfigMap, Secret, Service};
use kube::ResourceExt;
use serde::de::DeserializeOwned;
use serde_json::Value;
use skreaver_crds::agent::KeyRef;
use skreaver_crds::validate::validate;
use skreaver_crds::{Agent, ToolPolicy};
use skreaver_protocol::auth::KeySets;
use skreaver_protocol::policy::{AgentFacts, PolicyBundle};

use crate::auth::auth_problems;
use crate::peers::{Peers, asks, circles};
use crate::{
    Child, Found, PolicyInForce, ResolvedAgent, ServiceName, Services, Settings, Told, accept, agent_facts, auth_config,
    manifests, policy_bundle, references, resolve,
};

/// One YAML document, and where it came from.
#[derive(Debug, Clone)]
pub struct Document {
    /// Named in problems. Example: `agent.yaml, document 2`.
    pub origin: String,
    /// What stands there.
    pub value: Value,
}

/// The documents of one or several files, each of them valid by itself.
#[derive(Debug, Clone, Default)]
pub struct Local {
    agents: Vec<(String, Agent)>,
    policies: Vec<ToolPolicy>,
    config_maps: Vec<ConfigMap>,
    secrets: Vec<Secret>,
    services: Vec<Service>,
}

impl Local {
    /// Sorts documents by kind and judges each as the API server would.
    ///
    /// # Errors
    /// Everything that is wrong, each with its origin and path.
    pub fn load(documents: Vec<Document>) -> Result<Self, Vec<String>> {
        let mut local = Self::default();
        let mut problems = Vec::new();
        for Document { origin, value } in documents {
            if let Err(found) = local.add(&origin, value) {
                problems.extend(found);
            }
        }
        problems.extend(local.twins());
        problems.extend(local.circles());
        problems.extend(local.callers());
        if problems.is_empty() { Ok(local) } else { Err(problems) }
    }

    fn add(&mut self, origin: &str, value: Value) -> Result<(), Vec<String>> {
        let at = |message: String| vec![format!("{origin}: {message}")];
        match (value["apiVersion"].as_str(), value["kind"].as_str()) {
            (Some("v1"), Some("ConfigMap")) => return typed(value).map(|map| self.config_maps.push(map)).map_err(at),
            (Some("v1"), Some("Secret")) => return typed(value).map(|secret| self.secrets.push(secret)).map_err(at),
            (Some("v1"), Some("Service")) => return typed(value).map(|service| self.services.push(service)).map_err(at),
            _ => {}
        }
        let problems = validate(&value);
        if !problems.is_empty() {
            return Err(problems.iter().map(|problem| format!("{origin}: {problem}")).collect());
        }
        match value["kind"].as_str() {
            Some("Agent") => self.agents.push((origin.to_owned(), typed(value).map_err(at)?)),
            Some("ToolPolicy") => {
                let policy: ToolPolicy = typed(value).map_err(at)?;
                accept(&policy)
                    .map_err(|found| found.iter().map(|problem| format!("{origin}: {problem}")).collect::<Vec<_>>())?;
                self.policies.push(policy);
            }
            kind => return Err(at(format!("`{}` does nothing here", kind.unwrap_or_default()))),
        }
        Ok(())
    }

    /// Agents are served by name, so a name may stand once, whatever the namespace.
    fn twins(&self) -> Vec<String> {
        let mut seen = BTreeMap::new();
        let mut problems = Vec::new();
        for (origin, agent) in &self.agents {
            if let Some(first) = seen.insert(agent.name_any(), origin) {
                problems.push(format!("{origin}: Agent `{}` stands in {first} already", agent.name_any()));
            }
        }
        problems
    }

    /// A circle needs no other file to be one.
    fn circles(&self) -> Vec<String> {
        let all = self.agents.iter().map(|(origin, agent)| (origin, circles(agent, &self.peers(agent))));
        all.flat_map(|(origin, found)| found.into_iter().map(move |circle| format!("{origin}: {circle}"))).collect()
    }

    /// Who may call an Agent needs no other file either.
    fn callers(&self) -> Vec<String> {
        let settings = Settings::default();
        let all = self.agents.iter().map(|(origin, agent)| (origin, auth_problems(agent, &settings)));
        all.flat_map(|(origin, found)| found.into_iter().map(move |problem| format!("{origin}: {problem}"))).collect()
    }

    /// The Agents in the namespace of this one.
    fn peers(&self, agent: &Agent) -> Peers {
        let agents = self.agents.iter().map(|(_, other)| other).filter(|other| namespace(*other) == namespace(agent));
        agents.map(|agent| (agent.name_any(), asks(agent))).collect()
    }

    /// The same with one more Agent, which takes the place of one of its name; and that name.
    ///
    /// # Errors
    /// Everything that is wrong with it, each with its origin and path.
    pub fn with_agent(&self, Document { origin, value }: Document) -> Result<(Self, String), Vec<String>> {
        if value["kind"] != "Agent" {
            return Err(vec![format!("{origin}: kind: has to be `Agent`")]);
        }
        let name = value["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        let mut with = self.clone();
        with.agents.retain(|(_, agent)| agent.name_any() != name);
        with.add(&origin, value)?;
        let circles = with.circles();
        if circles.is_empty() { Ok((with, name)) } else { Err(circles) }
    }

    /// What there is, in a line.
    pub fn summary(&self) -> String {
        let Self { agents, policies, config_maps, secrets, services } = self;
        let counts = [
            (agents.len(), "Agents"),
            (policies.len(), "ToolPolicies"),
            (config_maps.len(), "ConfigMaps"),
            (secrets.len(), "Secrets"),
            (services.len(), "Services"),
        ];
        // What the command is about is told even where there is none of it.
        let told = counts.iter().enumerate().filter(|(index, (count, _))| *index < 3 || *count > 0);
        told.map(|(_, (count, what))| format!("{count} {what}")).collect::<Vec<_>>().join(", ")
    }

    /// Every agent with what it refers to, and the policies that select it, as for a machine without a cluster.
    ///
    /// # Errors
    /// Everything that is named and does not exist, each with its origin and path.
    pub fn resolve(&self, require_tool_policy: bool) -> Result<Vec<(ResolvedAgent<'_>, PolicyBundle)>, Vec<String>> {
        let settings = Settings { require_tool_policy, ..Settings::default() };
        self.resolve_with(&settings, None)
    }

    /// Every child of every agent, as the operator would apply it.
    ///
    /// # Errors
    /// As [`Local::resolve`], and the Services that are named and do not exist.
    pub fn children(&self, settings: &Settings) -> Result<Vec<Child>, Vec<String>> {
        let services = self.services.iter().filter_map(|service| {
            let name = ServiceName { namespace: namespace(service), name: service.name_any() };
            Some((name, service.spec.clone()?))
        });
        let agents = self.resolve_with(settings, Some(&services.collect()))?;
        let children = agents.iter().flat_map(|(agent, bundle)| {
            // The keys of issuers are what a cluster knows.
            let keys = auth_config(agent.agent, settings).map(|_| KeySets::default());
            manifests(agent, Told { policies: bundle, keys: keys.as_ref() }, settings)
        });
        Ok(children.collect())
    }

    /// The value of a Secret's key, where a document holds it.
    pub fn secret(&self, agent: &Agent, key: &KeyRef) -> Option<Vec<u8>> {
        let secret =
            self.secrets.iter().find(|secret| namespace(*secret) == namespace(agent) && secret.name_any() == key.name)?;
        let text = secret.string_data.as_ref().and_then(|data| data.get(&key.key)).map(|text| text.clone().into_bytes());
        text.or_else(|| Some(secret.data.as_ref()?.get(&key.key)?.0.clone()))
    }

    fn resolve_with(
        &self,
        settings: &Settings,
        services: Option<&Services>,
    ) -> Result<Vec<(ResolvedAgent<'_>, PolicyBundle)>, Vec<String>> {
        let mut problems = Vec::new();
        let mut resolved = Vec::with_capacity(self.agents.len());
        for (origin, agent) in &self.agents {
            match resolve(agent, &self.found(agent, settings, services), settings) {
                Ok(found) => resolved.push((found, self.bundle(agent, settings.require_tool_policy))),
                Err(missing) => problems.extend(missing.iter().map(|missing| format!("{origin}: {missing}"))),
            }
        }
        if problems.is_empty() { Ok(resolved) } else { Err(problems) }
    }

    fn found(&self, agent: &Agent, settings: &Settings, services: Option<&Services>) -> Found {
        let here = self.config_maps.iter().filter(|map| namespace(*map) == namespace(agent));
        let config_maps = here.map(|map| (map.name_any(), map.data.clone().unwrap_or_default())).collect();
        let agents = self.peers(agent);
        // Secrets need not stand in files: whoever uses them looks for them elsewhere too.
        Found { config_maps, secrets: references(agent, settings).secrets, agents, services: services.cloned() }
    }

    fn bundle(&self, agent: &Agent, required: bool) -> PolicyBundle {
        self.policies_of(&agent_facts(agent), required)
    }

    /// Every Agent.
    pub fn agents(&self) -> impl Iterator<Item = &Agent> {
        self.agents.iter().map(|(_, agent)| agent)
    }

    /// The Agent of this name.
    pub fn agent(&self, name: &str) -> Option<&Agent> {
        self.agents().find(|agent| agent.name_any() == name)
    }

    /// The policies that select an agent in this namespace and with these labels.
    pub fn policies_of(&self, agent: &AgentFacts, required: bool) -> PolicyBundle {
        let here = self.policies.iter().filter(|policy| namespace(*policy) == agent.namespace).map(in_force);
        policy_bundle(
            agent,
            &here.filter(|policy| policy.selects(&agent.labels)).collect::<Vec<_>>(),
            required,
            None,
            0,
            BTreeMap::new(),
        )
    }

    /// All policies, whomever they select.
    pub fn all_policies(&self, agent: &AgentFacts) -> PolicyBundle {
        policy_bundle(agent, &self.policies.iter().map(in_force).collect::<Vec<_>>(), false, None, 0, BTreeMap::new())
    }
}

fn in_force(policy: &ToolPolicy) -> PolicyInForce {
    PolicyInForce { name: policy.name_any(), generation: 1, spec: policy.spec.clone() }
}

fn namespace(object: &impl ResourceExt) -> String {
    object.namespace().unwrap_or_else(|| "default".into())
}

fn typed<T: DeserializeOwned>(value: Value) -> Result<T, String> {
    serde_json::from_value(value).map_err(|error| error.to_string())
}
