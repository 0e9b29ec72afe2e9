//! Asks the API server for everything that an Agent names or that names it.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{ConfigMap, Secret, Service};
use kube::ResourceExt;
use kube::core::PartialObjectMeta;
use skreaver_crds::Agent;
use skreaver_protocol::auth::KeySets;
use skreaver_protocol::policy::PolicyBundle;
use skreaver_render::{Found, PolicyInForce, References, ServiceName, Services, key_sets_in, policies_in, references};

use super::Context;
use super::children::is_controlled_by;
use super::ledger::Memory;
use super::peers::reached;
use super::problem::Problem;
use crate::watch::namespace_of;

/// What its pods are to be told of policies depends on this, and on nothing that the spec says.
pub(crate) struct PolicyInputs {
    /// The policies that select the Agent.
    pub(crate) policies: Vec<PolicyInForce>,
    /// What its pods were told last.
    pub(crate) previous: Option<PolicyBundle>,
    /// By which keys they were told last to judge tokens.
    pub(crate) keys: Option<KeySets>,
    /// The highest version that they were ever told.
    pub(crate) at_least: u64,
}

pub(crate) async fn dereference_policies(agent: &Agent, memory: &Memory, ctx: &Context) -> Result<PolicyInputs, Problem> {
    let namespace = namespace_of(agent);
    let policies = ctx.stores.policies.selecting(&namespace, agent.labels());
    let (previous, keys) = match &memory.bundle {
        Some(bundle) => (Some(bundle.clone()), memory.keys.clone()),
        None => stored(agent, &namespace, ctx).await?,
    };
    let told = agent.status.as_ref().and_then(|status| status.policy_version).unwrap_or_default();
    Ok(PolicyInputs { policies, previous, keys, at_least: told.try_into().unwrap_or_default() })
}

/// The objects that the spec names.
pub(crate) async fn dereference(agent: &Agent, ctx: &Context) -> Result<Found, Problem> {
    let namespace = &namespace_of(agent);
    let References { config_maps: wanted_maps, secrets: wanted_secrets, agents: wanted_agents, services: wanted_services } =
        references(agent, &ctx.settings);
    let mut config_maps = BTreeMap::new();
    for name in wanted_maps {
        let api = ctx.scope.within::<ConfigMap>(namespace);
        if let Some(map) = api.get_opt(&name).await.map_err(Problem::api("read", "ConfigMap", &name))? {
            config_maps.insert(name, map.data.unwrap_or_default());
        }
    }
    let secrets = if ctx.check_secrets { existing(wanted_secrets, namespace, ctx).await? } else { wanted_secrets };
    let agents = reached(wanted_agents, namespace, &ctx.stores.agents);
    Ok(Found { config_maps, secrets, agents, services: Some(services(wanted_services, ctx).await?) })
}

/// The Secrets that exist, with the names of their keys where those matter. What is in them is nobody's business here: it is
/// dropped at once.
async fn existing(
    wanted: BTreeMap<String, BTreeSet<String>>,
    namespace: &str,
    ctx: &Context,
) -> Result<BTreeMap<String, BTreeSet<String>>, Problem> {
    let mut found = BTreeMap::new();
    for (name, keys) in wanted {
        let failed = |error| Problem::api("look for", "Secret", &name)(error);
        let there = if keys.is_empty() {
            let api = ctx.scope.within::<PartialObjectMeta<Secret>>(namespace);
            api.get_opt(&name).await.map_err(failed)?.map(|_| BTreeSet::new())
        } else {
            let api = ctx.scope.within::<Secret>(namespace);
            api.get_opt(&name).await.map_err(failed)?.map(|secret| secret.data.unwrap_or_default().into_keys().collect())
        };
        if let Some(there) = there {
            found.insert(name, there);
        }
    }
    Ok(found)
}

async fn services(wanted: BTreeSet<ServiceName>, ctx: &Context) -> Result<Services, Problem> {
    let mut found = Services::new();
    for service in wanted {
        let api = ctx.scope.within::<Service>(&service.namespace);
        let there = api.get_opt(&service.name).await.map_err(Problem::api("read", "Service", &service.name))?;
        if let Some(spec) = there.and_then(|there| there.spec) {
            found.insert(service, spec);
        }
    }
    Ok(found)
}

/// The bundle and the keys that an operator before us left in the Agent's ConfigMap.
async fn stored(agent: &Agent, namespace: &str, ctx: &Context) -> Result<(Option<PolicyBundle>, Option<KeySets>), Problem> {
    let (name, uid) = (agent.name_any(), agent.uid().unwrap_or_default());
    let api = ctx.scope.within::<ConfigMap>(namespace);
    let map = api.get_opt(&name).await.map_err(Problem::api("read", "ConfigMap", &name))?;
    let map = map.filter(|map| is_controlled_by(&map.metadata, &uid));
    Ok((map.as_ref().and_then(policies_in), map.as_ref().and_then(key_sets_in)))
}
