//! What is watched around Agents, and which Agents each thing wakes up.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt};
use k8s_openapi::api::apps::v1::{ControllerRevision, Deployment, DeploymentSpec};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::core::{ApiResource, DeserializeGuard, Resource};
use kube::runtime::reflector::{ObjectRef, Store};
use kube::runtime::watcher;
use kube::{Api, ResourceExt};
use skreaver_crds::{AGENT_LABEL, Agent, TOOL_POLICY_LABEL, ToolPolicy};
use skreaver_render::{ChildKind, references};
use tokio::sync::watch;

use super::children::resource;
use super::policies::Policies;
use crate::readiness::Readiness;
use crate::scope::{Metadata, Scope};
use crate::watch::{namespace_of, passing, prune_metadata, stored};

/// An Agent as stored, well-formed or not.
pub(crate) type Stored = DeserializeGuard<Agent>;

/// Everything watched besides the Agents.
#[derive(Clone)]
pub(crate) struct Stores {
    pub(crate) children: Children,
    pub(crate) policies: Policies,
}

/// The children of all Agents.
#[derive(Clone)]
pub(crate) struct Children {
    pub(crate) metadata: BTreeMap<ChildKind, Store<Metadata>>,
    deployments: Store<Deployment>,
}

impl Children {
    pub(crate) fn deployment(&self, namespace: &str, name: &str) -> Option<Arc<Deployment>> {
        self.deployments.get(&ObjectRef::new(name).within(namespace))
    }
}

impl Stores {
    /// Starts every watch of a scope. The stream tells which Agents to look at again.
    pub(crate) fn watch(scope: &Scope, agents: &Store<Stored>) -> (Self, impl Stream<Item = ObjectRef<Stored>> + Send + use<>) {
        let mut wakes: Vec<BoxStream<'static, ObjectRef<Stored>>> = Vec::new();
        let labelled = watcher::Config::default().labels(AGENT_LABEL);
        let mut metadata = BTreeMap::new();
        for kind in ChildKind::ALL.into_iter().filter(|kind| *kind != ChildKind::Deployment) {
            let resource = resource(kind);
            let (store, touched) = stored(scope.all_metadata(&resource), labelled.clone(), resource, prune_metadata);
            metadata.insert(kind, store);
            wakes.push(touched.map(|child| namesake(&child)).boxed());
        }
        let (deployments, touched) = stored(scope.all::<Deployment>(), labelled, (), prune_deployment);
        wakes.push(touched.map(|child| namesake(&child)).boxed());
        let (policies, touched) = watch_policies(scope);
        let store = agents.clone();
        wakes.push(touched.flat_map(move |namespace| stream::iter(all_in(&store, &namespace))).boxed());
        let store = agents.clone();
        wakes.push(config_maps(scope).flat_map(move |map| stream::iter(readers_of(&store, &map))).boxed());
        (Self { children: Children { metadata, deployments }, policies }, stream::select_all(wakes))
    }

    /// Returns when every watch has told all there is: before, a missing policy would look like none. May be awaited once
    /// only: of several that wait for a store, it wakes the last one.
    async fn synced(&self) -> bool {
        let Self { children: Children { metadata, deployments }, policies } = self;
        for store in metadata.values() {
            if store.wait_until_ready().await.is_err() {
                return false;
            }
        }
        deployments.wait_until_ready().await.is_ok() && policies.synced().await
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

/// All ConfigMaps, by metadata and kept nowhere: an Agent may take its instructions from any.
fn config_maps(scope: &Scope) -> impl Stream<Item = Metadata> + Send + use<> {
    let resource = ApiResource::erase::<ConfigMap>(&());
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

fn readers_of(agents: &Store<Stored>, map: &Metadata) -> Vec<ObjectRef<Stored>> {
    let (namespace, name) = (namespace_of(map), map.name_any());
    let reads = |agent: &Stored| match &agent.0 {
        Ok(agent) => namespace_of(agent) == namespace && references(agent).config_maps.contains(&name),
        Err(_) => false,
    };
    agents.state_filter(reads).iter().map(|agent| ObjectRef::from_obj(agent.as_ref())).collect()
}

/// Keeps what `observe` reads.
fn prune_deployment(deployment: &mut Deployment) {
    prune_metadata(deployment);
    if let Some(spec) = &mut deployment.spec {
        *spec = DeploymentSpec { replicas: spec.replicas, ..DeploymentSpec::default() };
    }
}
