//! What is watched around Agents, and which Agents each thing wakes up.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt};
use k8s_openapi::api::apps::v1::{ControllerRevision, Deployment, DeploymentSpec, StatefulSet, StatefulSetSpec};
use k8s_openapi::api::core::v1::{ConfigMap, Service};
use kube::core::{ApiResource, DeserializeGuard, Resource};
use kube::runtime::reflector::{ObjectRef, Store};
use kube::runtime::watcher;
use kube::{Api, ResourceExt};
use skreaver_crds::{AGENT_LABEL, Agent, TOOL_POLICY_LABEL, ToolApproval, ToolPolicy};
use skreaver_render::{ChildKind, References, ServiceName, Settings, references};
use tokio::sync::watch;

use super::approvals::Approvals;
use super::children::resource;
use super::peers::woken;
use super::policies::Policies;
use super::rollout::Pods;
use crate::readiness::Readiness;
use crate::scope::{Metadata, Scope};
use crate::watch::{namespace_of, passing, prune_metadata, stored};

/// An Agent as stored, well-formed or not.
pub(crate) type Stored = DeserializeGuard<Agent>;

/// Everything watched.
#[derive(Clone)]
pub(crate) struct Stores {
    pub(crate) agents: Store<Stored>,
    pub(crate) children: Children,
    pub(crate) policies: Policies,
    pub(crate) approvals: Approvals,
}

/// The children of all Agents.
#[derive(Clone)]
pub(crate) struct Children {
    pub(crate) metadata: BTreeMap<ChildKind, Store<Metadata>>,
    deployments: Store<Deployment>,
    stateful_sets: Store<StatefulSet>,
}

impl Children {
    pub(crate) fn deployment(&self, namespace: &str, name: &str) -> Option<Arc<Deployment>> {
        self.deployments.get(&ObjectRef::new(name).within(namespace))
    }

    pub(crate) fn stateful_set(&self, namespace: &str, name: &str) -> Option<Arc<StatefulSet>> {
        self.stateful_sets.get(&ObjectRef::new(name).within(namespace))
    }

    /// What is told of the pods that a child of this kind makes.
    pub(crate) fn pods(&self, kind: ChildKind, namespace: &str, name: &str) -> Option<Pods> {
        match kind {
            ChildKind::StatefulSet => self.stateful_set(namespace, name).map(|found| Pods::from(&*found)),
            ChildKind::Deployment
            | ChildKind::ConfigMap
            | ChildKind::ServiceAccount
            | ChildKind::Service
            | ChildKind::NetworkPolicy
            | ChildKind::PodDisruptionBudget => self.deployment(namespace, name).map(|found| Pods::from(&*found)),
        }
    }
}

impl Stores {
    /// Starts every watch of a scope. The stream tells which Agents to look at again.
    pub(crate) fn watch(scope: &Scope, settings: &Arc<Settings>) -> (Self, impl Stream<Item = ObjectRef<Stored>> + Send + use<>) {
        let mut wakes: Vec<BoxStream<'static, ObjectRef<Stored>>> = Vec::new();
        let (agents, touched) = stored(scope.all::<Stored>(), watcher::Config::default(), (), |_: &mut Stored| {});
        let mut woken = woken(agents.clone());
        wakes.push(touched.flat_map(move |agent| stream::iter(woken(&agent))).boxed());
        let labelled = watcher::Config::default().labels(AGENT_LABEL);
        let mut metadata = BTreeMap::new();
        let by_metadata = |kind: &ChildKind| !matches!(kind, ChildKind::Deployment | ChildKind::StatefulSet);
        for kind in ChildKind::ALL.into_iter().filter(by_metadata) {
            let resource = resource(kind);
            let (store, touched) = stored(scope.all_metadata(&resource), labelled.clone(), resource, prune_metadata);
            metadata.insert(kind, store);
            wakes.push(touched.map(|child| namesake(&child)).boxed());
        }
        let (deployments, touched) = stored(scope.all::<Deployment>(), labelled.clone(), (), prune_deployment);
        wakes.push(touched.map(|child| namesake(&child)).boxed());
        let (stateful_sets, touched) = stored(scope.all::<StatefulSet>(), labelled, (), prune_stateful_set);
        wakes.push(touched.map(|child| namesake(&child)).boxed());
        let (approvals, touched) = stored(scope.all::<ToolApproval>(), watcher::Config::default(), (), prune_metadata);
        wakes.push(touched.map(|approval| ObjectRef::new(&approval.spec.agent).within(&namespace_of(&approval))).boxed());
        let (policies, touched) = watch_policies(scope);
        let store = agents.clone();
        wakes.push(touched.flat_map(move |namespace| stream::iter(all_in(&store, &namespace))).boxed());
        // Of ConfigMaps and Services any may be named, so all are watched; by metadata, and kept nowhere.
        let (store, known) = (agents.clone(), Arc::clone(settings));
        let who = move |map| stream::iter(who_names(&store, &known, &map, names_config_map));
        wakes.push(all::<ConfigMap>(scope).flat_map(who).boxed());
        let (store, known) = (agents.clone(), Arc::clone(settings));
        let who = move |service| stream::iter(who_names(&store, &known, &service, names_service));
        wakes.push(all::<Service>(scope).flat_map(who).boxed());
        (
            Self { agents, children: Children { metadata, deployments, stateful_sets }, policies, approvals },
            stream::select_all(wakes),
        )
    }

    /// Returns when every watch has told all there is: before, a missing policy would look like none. May be awaited once
    /// only: of several that wait for a store, it wakes the last one.
    async fn synced(&self) -> bool {
        // The controller waits for the Agents itself.
        let Self { agents: _, children: Children { metadata, deployments, stateful_sets }, policies, approvals } = self;
        for store in metadata.values() {
            if store.wait_until_ready().await.is_err() {
                return false;
            }
        }
        deployments.wait_until_ready().await.is_ok()
            && stateful_sets.wait_until_ready().await.is_ok()
            && approvals.wait_until_ready().await.is_ok()
            && policies.synced().await
    }

    /// Tells reconciles and `/ready` when every watch has told all there is.
    pub(crate) async fn tell_when_synced(&self, scope: &Scope, readiness: &Readiness, tell: watch::Sender<bool>) {
        let waiting = format!("the watches of Agents and their children in {}", scope.name());
        readiness.wait_for(&waiting);
        if self.synced().await {
            tell.send_replace(true);
            readiness.done(&waiting);
        }
    }
}

fn watch_policies(scope: &Scope) -> (Policies, impl Stream<Item = String> + Send + use<>) {
    let (policies, touched) =
        stored(scope.all::<DeserializeGuard<ToolPolicy>>(), watcher::Config::default(), (), |_: &mut DeserializeGuard<_>| {});
    let labelled = watcher::Config::default().labels(TOOL_POLICY_LABEL);
    let (revisions, kept) = stored(scope.all::<ControllerRevision>(), labelled, (), prune_metadata);
    let namespaces = stream::select(touched.map(|policy| namespace_of(&policy)), kept.map(|kept| namespace_of(&kept)));
    (Policies::new(policies, revisions), namespaces)
}

fn all<K: Resource<DynamicType = ()>>(scope: &Scope) -> impl Stream<Item = Metadata> + Send + use<K> {
    let resource = ApiResource::erase::<K>(&());
    let api: Api<Metadata> = scope.all_metadata(&resource);
    passing(api, watcher::Config::default(), &resource)
}

/// Children carry the name of their Agent.
fn namesake(child: &impl ResourceExt) -> ObjectRef<Stored> {
    ObjectRef::new(&child.name_any()).within(&namespace_of(child))
}

fn all_in(agents: &Store<Stored>, namespace: &str) -> Vec<ObjectRef<Stored>> {
    let here = agents.state_filter(|agent| agent.meta().namespace.as_deref() == Some(namespace));
    here.iter().map(|agent| ObjectRef::from_obj(agent.as_ref())).collect()
}

/// The Agents that name an object.
fn who_names(
    agents: &Store<Stored>,
    settings: &Settings,
    object: &Metadata,
    names: fn(&Agent, &References, &Metadata) -> bool,
) -> Vec<ObjectRef<Stored>> {
    let does = |agent: &Stored| agent.0.as_ref().is_ok_and(|agent| names(agent, &references(agent, settings), object));
    agents.state_filter(does).iter().map(|agent| ObjectRef::from_obj(agent.as_ref())).collect()
}

fn names_config_map(agent: &Agent, wanted: &References, map: &Metadata) -> bool {
    namespace_of(agent) == namespace_of(map) && wanted.config_maps.contains(&map.name_any())
}

/// Services are named in any namespace.
fn names_service(_: &Agent, wanted: &References, service: &Metadata) -> bool {
    wanted.services.contains(&ServiceName { namespace: namespace_of(service), name: service.name_any() })
}

/// Keeps what `observe` reads.
fn prune_deployment(deployment: &mut Deployment) {
    prune_metadata(deployment);
    if let Some(spec) = &mut deployment.spec {
        *spec = DeploymentSpec { replicas: spec.replicas, ..DeploymentSpec::default() };
    }
}

/// Keeps what `observe` reads.
fn prune_stateful_set(stateful_set: &mut StatefulSet) {
    prune_metadata(stateful_set);
    if let Some(spec) = &mut stateful_set.spec {
        *spec = StatefulSetSpec { replicas: spec.replicas, ..StatefulSetSpec::default() };
    }
}
