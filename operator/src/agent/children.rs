//! The kinds of children as the API server knows them.

use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::core::v1::{ConfigMap, Service, ServiceAccount};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::core::{ApiResource, ObjectMeta};
use skreaver_render::ChildKind;

/// Where objects of a kind are found.
pub(crate) fn resource(kind: ChildKind) -> ApiResource {
    match kind {
        ChildKind::ConfigMap => ApiResource::erase::<ConfigMap>(&()),
        ChildKind::ServiceAccount => ApiResource::erase::<ServiceAccount>(&()),
        ChildKind::Service => ApiResource::erase::<Service>(&()),
        ChildKind::NetworkPolicy => ApiResource::erase::<NetworkPolicy>(&()),
        ChildKind::PodDisruptionBudget => ApiResource::erase::<PodDisruptionBudget>(&()),
        ChildKind::Deployment => ApiResource::erase::<Deployment>(&()),
        ChildKind::StatefulSet => ApiResource::erase::<StatefulSet>(&()),
    }
}

/// Whether an object belongs to the owner with this UID.
pub(crate) fn is_controlled_by(meta: &ObjectMeta, owner: &str) -> bool {
    meta.owner_references.iter().flatten().any(|reference| reference.controller == Some(true) && reference.uid == owner)
}
