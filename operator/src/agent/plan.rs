//! Finds out what must be written, before anything is: a foreign object that holds a child's name stops everything.

use kube::ResourceExt;
use kube::core::PartialObjectMeta;
use kube::runtime::reflector::ObjectRef;
use serde_json::Value;
use skreaver_crds::Agent;
use skreaver_render::{Child, ChildKind};

use super::Context;
use super::adopt::adopt;
use super::children::resource;
use super::ledger::{Memory, Sight, Verdict, hash, is_at_rest, judge};
use super::problem::Problem;
use crate::watch::namespace_of;

/// A child and what is to be done about it.
pub(crate) struct Step {
    pub(crate) kind: ChildKind,
    pub(crate) manifest: Option<Value>,
    pub(crate) verdict: Verdict,
}

/// What must be written to get from what is to what is wanted, in the order of creation.
pub(crate) async fn plan(agent: &Agent, wanted: Vec<Child>, memory: &mut Memory, ctx: &Context) -> Result<Vec<Step>, Problem> {
    let mut wanted: std::collections::BTreeMap<_, _> = wanted.into_iter().map(|child| (child.kind, child.manifest)).collect();
    let mut steps = Vec::new();
    for kind in ChildKind::ALL {
        let manifest = wanted.remove(&kind);
        let verdict = verdict(agent, kind, manifest.as_ref(), memory, ctx).await?;
        steps.push(Step { kind, manifest, verdict });
    }
    let taken: Vec<_> =
        steps.iter().filter(|step| step.verdict == Verdict::Taken).map(|step| (step.kind, agent.name_any())).collect();
    if taken.is_empty() { Ok(steps) } else { Err(Problem::NameTaken(taken)) }
}

async fn verdict(
    agent: &Agent,
    kind: ChildKind,
    manifest: Option<&Value>,
    memory: &mut Memory,
    ctx: &Context,
) -> Result<Verdict, Problem> {
    let (namespace, name) = (namespace_of(agent), agent.name_any());
    let wanted = manifest.map(hash);
    let seen = ctx.stores.children.sight(kind, &namespace, &name);
    if is_at_rest(wanted, memory.children.get(&kind), seen.as_ref()) {
        return Ok(Verdict::Keep);
    }
    let api = ctx.scope.dynamic(&namespace, &resource(kind));
    let unknown = |error| Problem::api("look for", format!("{kind:?}"), &name)(error);
    let live = match (manifest, memory.children.get(&kind)) {
        // An operator before us may have left it as it should be.
        (Some(manifest), None) => {
            let live = api.get_opt(&name).await.map_err(unknown)?;
            if let Some(record) = live.as_ref().and_then(|live| adopt(manifest, live)) {
                memory.children.insert(kind, record);
            }
            live.map(|object| object.metadata)
        }
        (Some(_) | None, _) => api.get_metadata_opt(&name).await.map_err(unknown)?.map(|object| object.metadata),
    };
    Ok(judge(&memory.uid, wanted, memory.children.get(&kind), live.as_ref()))
}

impl super::stores::Children {
    /// A child as the watches have it.
    pub(crate) fn sight(&self, kind: ChildKind, namespace: &str, name: &str) -> Option<Sight> {
        match kind {
            ChildKind::Deployment => return self.deployment(namespace, name).map(|found| Sight::of(&found.metadata)),
            ChildKind::StatefulSet => return self.stateful_set(namespace, name).map(|found| Sight::of(&found.metadata)),
            ChildKind::ConfigMap
            | ChildKind::ServiceAccount
            | ChildKind::Service
            | ChildKind::NetworkPolicy
            | ChildKind::PodDisruptionBudget => {}
        }
        let key = ObjectRef::<PartialObjectMeta<_>>::new_with(name, resource(kind)).within(namespace);
        self.metadata.get(&kind)?.get(&key).map(|found| Sight::of(&found.metadata))
    }
}
