//! The children of an Agent, one file for each kind.

mod config_map;
mod deployment;
mod network_policy;
pub(crate) mod paths;
mod pod;
mod pod_disruption_budget;
mod service;
mod service_account;
mod stateful_set;

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::Resource;
use kube::core::ObjectMeta;
use serde::Serialize;
use serde_json::Value;
use skreaver_crds::{AGENT_LABEL, AgentSpec};
use skreaver_protocol::auth::KeySets;
use skreaver_protocol::policy::PolicyBundle;

use crate::{ResolvedAgent, Settings};

pub(crate) use config_map::json;

/// The kinds of children. Every child carries its Agent's name, so that kind and Agent tell which object is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChildKind {
    /// RuntimeConfig and policies.
    ConfigMap,
    /// The identity of the pods, without a token for the API server.
    ServiceAccount,
    /// The way in.
    Service,
    /// Who may talk to whom.
    NetworkPolicy,
    /// How many pods may go at once, above one replica.
    PodDisruptionBudget,
    /// The pods. Last, so that they find the rest.
    Deployment,
    /// The one pod of an agent with memory on a volume of its own, instead of the Deployment.
    StatefulSet,
}

impl ChildKind {
    /// Every kind, in the order of creation.
    pub const ALL: [Self; 7] = [
        Self::ConfigMap,
        Self::ServiceAccount,
        Self::Service,
        Self::NetworkPolicy,
        Self::PodDisruptionBudget,
        Self::Deployment,
        Self::StatefulSet,
    ];

    /// The kind that makes the pods of this Agent.
    pub fn of_pods(spec: &AgentSpec) -> Self {
        match spec.memory.as_ref().is_some_and(|memory| memory.backend.has_volume()) {
            true => Self::StatefulSet,
            false => Self::Deployment,
        }
    }
}

/// One child, as it is to be applied.
#[derive(Debug, Clone, PartialEq)]
pub struct Child {
    /// Its kind.
    pub kind: ChildKind,
    /// The whole object.
    pub manifest: Value,
}

/// What pods are told while they run, and find in a file when they start.
#[derive(Debug, Clone, Copy)]
pub struct Told<'a> {
    /// What tool calls may do.
    pub policies: &'a PolicyBundle,
    /// By which keys tokens are judged. Nothing where none is taken.
    pub keys: Option<&'a KeySets>,
}

/// The children that an Agent should have, in the order of creation. A kind that is absent should not exist.
pub fn manifests(agent: &ResolvedAgent<'_>, told: Told<'_>, settings: &Settings) -> Vec<Child> {
    ChildKind::ALL
        .into_iter()
        .filter_map(|kind| {
            let manifest = match kind {
                ChildKind::ConfigMap => object(config_map::config_map(agent, told, settings)),
                ChildKind::ServiceAccount => object(service_account::service_account(agent)),
                ChildKind::Service => object(service::service(agent)),
                ChildKind::NetworkPolicy => object(network_policy::network_policy(agent, settings)),
                ChildKind::PodDisruptionBudget => object(pod_disruption_budget::pod_disruption_budget(agent)?),
                ChildKind::Deployment => object(deployment::deployment(agent, settings)?),
                ChildKind::StatefulSet => object(stateful_set::stateful_set(agent, settings)?),
            };
            Some(Child { kind, manifest })
        })
        .collect()
}

fn object(object: impl Serialize) -> Value {
    serde_json::to_value(object).expect("Kubernetes types are JSON")
}

/// The metadata that all children have alike.
fn metadata(agent: &ResolvedAgent<'_>) -> ObjectMeta {
    ObjectMeta {
        name: Some(agent.name.to_string()),
        namespace: Some(agent.namespace.clone()),
        labels: Some(labels(agent)),
        owner_references: owner_reference(agent.agent).map(|owner| vec![owner]),
        ..ObjectMeta::default()
    }
}

fn labels(agent: &ResolvedAgent<'_>) -> BTreeMap<String, String> {
    let name = agent.name.to_string();
    BTreeMap::from([
        ("app.kubernetes.io/name".into(), "skreaver-agent".into()),
        ("app.kubernetes.io/instance".into(), name.clone()),
        ("app.kubernetes.io/managed-by".into(), "skreaver".into()),
        (AGENT_LABEL.into(), name),
    ])
}

/// The labels by which Service, Deployment, StatefulSet, NetworkPolicy and budget find the pods.
fn selector(agent: &ResolvedAgent<'_>) -> BTreeMap<String, String> {
    BTreeMap::from([(AGENT_LABEL.to_owned(), agent.name.to_string())])
}

/// The reference by which an object belongs to its owner, and goes with it. An owner that was never stored has none.
pub fn owner_reference<K: Resource<DynamicType = ()>>(owner: &K) -> Option<OwnerReference> {
    owner.meta().uid.as_ref()?;
    owner.controller_owner_ref(&())
}
