//! Tells the API server what the plan says, and remembers what it answered.

use k8s_openapi::api::core::v1::ConfigMap;
use kube::ResourceExt;
use kube::api::{DeleteParams, Patch, PatchParams, Preconditions};
use serde_json::{Value, json};
use skreaver_crds::Agent;
use skreaver_protocol::policy::PolicyBundle;
use skreaver_render::{ChildKind, policies_in, policies_patch};

use super::adopt::marked;
use super::children::{is_controlled_by, resource};
use super::ledger::{Memory, Record, Sight, Verdict, hash};
use super::plan::Step;
use super::problem::Problem;
use super::{Context, MANAGER};
use crate::watch::namespace_of;

/// Takes every step of a plan, in its order.
pub(crate) async fn apply(
    agent: &Agent,
    steps: Vec<Step>,
    bundle: &PolicyBundle,
    memory: &mut Memory,
    ctx: &Context,
) -> Result<(), Problem> {
    for Step { kind, manifest, verdict } in steps {
        let is_going = verdict == Verdict::Await;
        let api = ctx.scope.dynamic(&namespace_of(agent), &resource(kind));
        let name = agent.name_any();
        match (verdict, manifest) {
            (Verdict::Apply { over }, Some(manifest)) => {
                let params = PatchParams::apply(MANAGER).force();
                let body = bound(marked(&manifest), over);
                let stored = api.patch(&name, &params, &Patch::Apply(body)).await;
                let stored = stored.map_err(Problem::api("apply", format!("{kind:?}"), &name))?;
                memory.children.insert(kind, Record { wanted: hash(&manifest), sight: Sight::of(&stored.metadata) });
            }
            (Verdict::Delete { uid, version }, _) => {
                let this = Preconditions { uid: Some(uid), resource_version: Some(version) };
                let params = DeleteParams::background().preconditions(this);
                api.delete(&name, &params).await.map_err(Problem::api("delete", format!("{kind:?}"), &name))?;
                memory.children.remove(&kind);
            }
            (Verdict::Apply { .. } | Verdict::Keep | Verdict::Await | Verdict::Taken, _) => {}
        }
        // Once the version is stored, so that it is never given to other policies.
        if kind == ChildKind::ConfigMap && !is_going {
            ctx.hub.publish(&(namespace_of(agent), name), &agent.uid().unwrap_or_default(), bundle);
        }
    }
    Ok(())
}

/// A manifest that goes over one object only. Without a UID it may create: a foreign object that took the name in this very
/// moment is refused by the API server if it has a controller, and is ours if it has none.
fn bound(mut manifest: Value, over: Option<String>) -> Value {
    if let Some(uid) = over {
        manifest["metadata"]["uid"] = json!(uid);
    }
    manifest
}

/// Brings the policies alone to the pods that an Agent has already. `false` if it has none.
pub(crate) async fn apply_policies(agent: &Agent, bundle: &PolicyBundle, ctx: &Context) -> Result<bool, Problem> {
    let name = agent.name_any();
    let api = ctx.scope.within::<ConfigMap>(&namespace_of(agent));
    let Some(map) = api.get_opt(&name).await.map_err(Problem::api("read", "ConfigMap", &name))? else { return Ok(false) };
    if !is_controlled_by(&map.metadata, &agent.uid().unwrap_or_default()) || map.metadata.deletion_timestamp.is_some() {
        return Ok(false);
    }
    if policies_in(&map).as_ref() != Some(bundle) {
        let mut patch = policies_patch(bundle);
        patch["metadata"] = json!({"uid": map.uid(), "resourceVersion": map.resource_version()});
        let params = PatchParams { field_manager: Some(MANAGER.into()), ..PatchParams::default() };
        api.patch(&name, &params, &Patch::Merge(patch)).await.map_err(Problem::api("update", "ConfigMap", &name))?;
    }
    ctx.hub.publish(&(namespace_of(agent), name), &agent.uid().unwrap_or_default(), bundle);
    Ok(true)
}
