//! Keeps the accepted rules of a ToolPolicy in a ControllerRevision, and drops the ones before them.

use k8s_openapi::api::apps::v1::ControllerRevision;
use kube::api::{DeleteParams, ListParams, PostParams, Preconditions};
use kube::{Api, ResourceExt};
use skreaver_crds::{TOOL_POLICY_LABEL, ToolPolicy};
use skreaver_render::PolicyInForce;

use super::{Context, MANAGER};
use crate::agent::{is_controlled_by, told};
use crate::watch::namespace_of;

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeepError {
    #[error("failed to {verb} ControllerRevision `{name}`: {}", told(.source))]
    Api { verb: &'static str, name: String, source: Box<kube::Error> },
    #[error("ControllerRevision `{0}` exists already and does not hold these rules of this ToolPolicy; delete it")]
    Taken(String),
}

fn api(verb: &'static str, name: &str) -> impl FnOnce(kube::Error) -> KeepError {
    let name = name.to_owned();
    move |source| KeepError::Api { verb, name, source: Box::new(source) }
}

/// The generation whose rules are in force: this one if it is accepted, else the last that was. Asks the API server and not a
/// watch, which would lag behind our own writes.
pub(crate) async fn keep(policy: &ToolPolicy, accepted: bool, ctx: &Context) -> Result<Option<i64>, KeepError> {
    let revisions: Api<ControllerRevision> = ctx.scope.within(&namespace_of(policy));
    let (name, uid) = (policy.name_any(), policy.uid().unwrap_or_default());
    let labelled = ListParams::default().labels(&format!("{TOOL_POLICY_LABEL}={name}"));
    let found = revisions.list(&labelled).await.map_err(api("list", &name))?;
    let kept: Vec<_> = found.into_iter().filter(|kept| is_controlled_by(&kept.metadata, &uid)).collect();
    if !accepted {
        return Ok(kept.iter().map(|kept| kept.revision).max());
    }
    let wanted = skreaver_render::revision(policy);
    let newest = wanted.revision;
    if !kept.iter().any(|kept| is_same(kept, &wanted)) {
        create(&revisions, &wanted, &uid).await?;
    }
    for older in kept.iter().filter(|kept| kept.revision < newest) {
        remove(&revisions, older).await?;
    }
    Ok(Some(newest))
}

fn is_same(kept: &ControllerRevision, wanted: &ControllerRevision) -> bool {
    // By what is read from it: a later version of ours may write a field more.
    let spec = |revision| PolicyInForce::from_revision("", revision).map(|policy| policy.spec);
    kept.name_any() == wanted.name_any() && kept.revision == wanted.revision && spec(kept) == spec(wanted)
}

async fn create(revisions: &Api<ControllerRevision>, wanted: &ControllerRevision, uid: &str) -> Result<(), KeepError> {
    let name = wanted.name_any();
    let params = PostParams { field_manager: Some(MANAGER.into()), ..PostParams::default() };
    match revisions.create(&params, wanted).await {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if status.is_already_exists() => {
            let there = revisions.get(&name).await.map_err(api("read", &name))?;
            let ours = is_same(&there, wanted) && is_controlled_by(&there.metadata, uid);
            if ours { Ok(()) } else { Err(KeepError::Taken(name)) }
        }
        Err(error) => Err(api("create", &name)(error)),
    }
}

async fn remove(revisions: &Api<ControllerRevision>, older: &ControllerRevision) -> Result<(), KeepError> {
    let name = older.name_any();
    let this = Preconditions { uid: older.uid(), resource_version: older.resource_version() };
    match revisions.delete(&name, &DeleteParams::background().preconditions(this)).await {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
        Err(error) => Err(api("delete", &name)(error)),
    }
}
