//! A stored object that has not the shape of its kind: it is told so by itself, and holds up nobody else.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt;
use kube::api::{DynamicObject, Patch, PatchParams};
use kube::core::{ApiResource, Resource};
use kube::runtime::controller::Action;
use serde_json::json;
use skreaver_crds::condition::{ConditionType, Reason};

use crate::conditions::{Verdict, condition, same};
use crate::report::Reporter;
use crate::scope::Scope;

/// Writes `Accepted=False` into its status, as JSON: there is no type that it would fit. Asks for nothing else to be done:
/// what runs for it stays.
pub(crate) async fn tell<K>(
    invalid: &kube::core::error_boundary::InvalidObject,
    scope: &Scope,
    manager: &str,
    reporter: &Reporter,
) -> (&'static str, Action)
where
    K: Resource<DynamicType = ()>,
{
    let name = invalid.metadata.name.as_deref().unwrap_or_default();
    let namespace = invalid.metadata.namespace.as_deref().unwrap_or_default();
    let resource = ApiResource::erase::<K>(&());
    tracing::warn!(kind = resource.kind, namespace, name, error = invalid.error, "stored object is malformed");
    let told = write(invalid, scope, &resource, manager, reporter).await;
    if let Err(error) = told {
        tracing::warn!(kind = resource.kind, namespace, name, %error, "failed to tell a malformed object so");
        return (Reason::ApiError.name(), Action::requeue(Duration::from_secs(60)));
    }
    (Reason::Malformed.name(), Action::await_change())
}

async fn write(
    invalid: &kube::core::error_boundary::InvalidObject,
    scope: &Scope,
    resource: &ApiResource,
    manager: &str,
    reporter: &Reporter,
) -> Result<(), kube::Error> {
    let name = invalid.metadata.name.as_deref().unwrap_or_default();
    let api = scope.dynamic(invalid.metadata.namespace.as_deref().unwrap_or_default(), resource);
    let Some(object) = api.get_opt(name).await? else { return Ok(()) };
    let before = stored_conditions(&object);
    let after = conditions(&invalid.error, object.metadata.generation, &before);
    if after.iter().all(|new| before.iter().any(|old| same(old, new))) {
        return Ok(());
    }
    let patch = json!({
        "metadata": {"uid": object.uid(), "resourceVersion": object.resource_version()},
        "status": {"observedGeneration": object.metadata.generation, "conditions": after},
    });
    let params = PatchParams { field_manager: Some(manager.to_owned()), ..PatchParams::default() };
    match api.patch_status(name, &params, &Patch::Merge(patch)).await {
        Ok(_) => {}
        // The rules of the schema cannot read it either, and the API server takes no status for it. The Event has to do.
        Err(kube::Error::Api(refused)) if refused.code == 422 => {
            tracing::warn!(kind = resource.kind, name, refused = refused.message, "a malformed object takes no status");
        }
        Err(error) => return Err(error),
    }
    reporter.changed(&object.object_ref(resource), &before, &after).await;
    Ok(())
}

fn stored_conditions(object: &DynamicObject) -> Vec<Condition> {
    let stored = object.data.get("status").and_then(|status| status.get("conditions")).cloned();
    stored.and_then(|conditions| serde_json::from_value(conditions).ok()).unwrap_or_default()
}

fn conditions(error: &str, generation: Option<i64>, before: &[Condition]) -> Vec<Condition> {
    let verdict = || Verdict::no(Reason::Malformed, format!("the stored object has not the shape of its kind: {error}"));
    [ConditionType::Accepted, ConditionType::Ready]
        .map(|kind| condition(kind, verdict(), generation, before, Timestamp::now()))
        .into()
}
