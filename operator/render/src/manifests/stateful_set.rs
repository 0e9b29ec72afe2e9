//! The StatefulSet: the one pod of an agent with memory on a volume of its own, and the claim of that volume.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::{
    StatefulSet, StatefulSetPersistentVolumeClaimRetentionPolicy, StatefulSetSpec, StatefulSetUpdateStrategy,
};
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, PersistentVolumeClaimSpec, VolumeResourceRequirements};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::core::ObjectMeta;
use skreaver_crds::agent::AgentMemory;

use super::pod::{DATA, pod, replicas};
use super::{metadata, selector};
use crate::{ResolvedAgent, Settings};

/// The size of the volume where the spec names none. The schema's rules about changes know it too.
const SIZE: &str = "1Gi";

pub(crate) fn stateful_set(agent: &ResolvedAgent<'_>, settings: &Settings) -> Option<StatefulSet> {
    let memory = agent.agent.spec.memory.as_ref().filter(|memory| memory.backend.has_volume())?;
    let retain = Some("Retain".to_owned());
    Some(StatefulSet {
        metadata: metadata(agent),
        spec: Some(StatefulSetSpec {
            replicas: Some(replicas(agent)),
            revision_history_limit: Some(2),
            // One pod needs no name of its own in the DNS: the Service that leads to it will do.
            service_name: Some(agent.name.to_string()),
            selector: LabelSelector { match_labels: Some(selector(agent)), ..LabelSelector::default() },
            // In order, a pod that never becomes ready would keep a better spec from ever being tried.
            pod_management_policy: Some("Parallel".into()),
            // A StatefulSet's new pod has the old one's name, so it starts only when that is gone.
            update_strategy: Some(StatefulSetUpdateStrategy {
                type_: Some("RollingUpdate".into()),
                ..StatefulSetUpdateStrategy::default()
            }),
            persistent_volume_claim_retention_policy: Some(StatefulSetPersistentVolumeClaimRetentionPolicy {
                when_deleted: retain.clone(),
                when_scaled: retain,
            }),
            volume_claim_templates: Some(vec![claim(agent, memory)]),
            template: pod(agent, settings),
            ..StatefulSetSpec::default()
        }),
        ..StatefulSet::default()
    })
}

/// Claims can never be changed here, so they carry nothing that might have to.
fn claim(agent: &ResolvedAgent<'_>, memory: &AgentMemory) -> PersistentVolumeClaim {
    let size = Quantity(memory.size.clone().unwrap_or_else(|| SIZE.into()));
    PersistentVolumeClaim {
        metadata: ObjectMeta { name: Some(DATA.into()), labels: Some(selector(agent)), ..ObjectMeta::default() },
        spec: Some(PersistentVolumeClaimSpec {
            access_modes: Some(vec!["ReadWriteOnce".into()]),
            storage_class_name: memory.storage_class_name.clone(),
            resources: Some(VolumeResourceRequirements {
                requests: Some(BTreeMap::from([("storage".into(), size)])),
                ..VolumeResourceRequirements::default()
            }),
            ..PersistentVolumeClaimSpec::default()
        }),
        ..PersistentVolumeClaim::default()
    }
}
