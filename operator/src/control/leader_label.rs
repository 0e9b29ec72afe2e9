//! Leads the `control` Service to the leader: only its pod carries the label that the Service selects.

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::{Api, ListParams, Patch, PatchParams};
use kube::core::PartialObjectMeta;
use serde_json::{Value, json};

/// The label.
pub const LABEL: &str = "skreaver.dev/leader";

/// The pods of the operator's namespace.
pub type Pods = Api<PartialObjectMeta<Pod>>;

/// Takes the label from every other pod, and gives it to ours.
///
/// # Errors
/// If the API server refuses.
pub async fn take(pods: &Pods, own: &str) -> Result<(), kube::Error> {
    let labelled = pods.list(&ListParams::default().labels(LABEL)).await?;
    for other in labelled.iter().map(ResourceExt::name_any).filter(|name| name != own) {
        set(pods, &other, Value::Null).await?;
    }
    set(pods, own, json!("true")).await
}

/// Takes the label from our pod, if it has it from an earlier life.
///
/// # Errors
/// If the API server refuses.
pub async fn drop(pods: &Pods, own: &str) -> Result<(), kube::Error> {
    let labelled = pods.list(&ListParams::default().labels(LABEL)).await?;
    if labelled.iter().any(|pod| pod.name_any() == own) { set(pods, own, Value::Null).await } else { Ok(()) }
}

async fn set(pods: &Pods, name: &str, value: Value) -> Result<(), kube::Error> {
    let patch = json!({"metadata": {"labels": {LABEL: value}}});
    match pods.patch(name, &PatchParams::default(), &Patch::Merge(patch)).await {
        Ok(_) => Ok(()),
        // It went in between; or, in a test, the operator runs outside the cluster.
        Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
        Err(error) => Err(error),
    }
}
