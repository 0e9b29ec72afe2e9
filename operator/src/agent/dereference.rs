//! Asks the API server for everything that an Agent names or that names it.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::ResourceExt;
use kube::core::PartialObjectMeta;
use skreaver_crds::Agent;
use skreaver_protocol::policy::PolicyBundle;
use skreaver_render::{Found, PolicyInForce, policies_in, references};

use super::Context;
use super::children::is_controlled_by;
use super::ledger::Memory;
use super::problem::Problem;
use crate::watch::namespace_of;

/// What its pods are to be told of policies depends on this, and on nothing that the spec says.
pub(crate) struct PolicyInputs {
    /// The policies that select the Agent.
    pub(crate) policies: Vec<PolicyInForce>,
    /// What its pods were told last.
    pub(crate) previous: Option<PolicyBundle>,
    /// The highest version that they were ever told.
    pub(crate) at_least: u64,
}

pub(crate) async fn dereference_policies(agent: &Agent, memory: &Memory, ctx: &Context) -> Result<PolicyInputs, Problem> {
    let namespace = namespace_of(agent);
    let policies = ctx.stores.policies.selecting(&namespace, agent.labels());
    let previous = match &memory.bundle {
        Some(bundle) => Some(bundle.clone()),
        None => stored_bundle(agent, &namespace, ctx).await?,
    };
    let told = agent.status.as_ref().and_then(|status| status.policy_version).unwrap_or_default();
    Ok(PolicyInputs { policies, previous, at_least: told.try_into().unwrap_or_default() })
}

/// The objects that the spec names.
pub(crate) async fn dereference(agent: &Agent, ctx: &Context) -> Result<Found, Problem> {
    let namespace = &namespace_of(agent);
    let wanted = references(agent);
    let mut config_maps = BTreeMap::new();
    for name in wanted.config_maps {
        let api = ctx.scope.within::<ConfigMap>(namespace);
        if let Some(map) = api.get_opt(&name).await.map_err(Problem::api("read", "ConfigMap", &name))? {
            config_maps.insert(name, map.data.unwrap_or_default());
        }
    }
    if !ctx.check_secrets {
        return Ok(Found { config_maps, secrets: wanted.secrets });
    }
    let mut secrets = std::collections::BTreeSet::new();
    for name in wanted.secrets {
        // Only its metadata: what is in it is nobody's business here.
        let api = ctx.scope.within::<PartialObjectMeta<Secret>>(namespace);
        if api.get_opt(&name).await.map_err(Problem::api("look for", "Secret", &name))?.is_some() {
            secrets.insert(name);
        }
    }
    Ok(Found { config_maps, secrets })
}

/// The bundle that an operator before us left in the Agent's ConfigMap.
async fn stored_bundle(agent: &Agent, namespace: &str, ctx: &Context) -> Result<Option<PolicyBundle>, Problem> {
    let (name, uid) = (agent.name_any(), agent.uid().unwrap_or_default());
    let api = ctx.scope.within::<ConfigMap>(namespace);
    let map = api.get_opt(&name).await.map_err(Problem::api("read", "ConfigMap", &name))?;
    Ok(map.filter(|map| is_controlled_by(&map.metadata, &uid)).as_ref().and_then(policies_in))
}
