//! The PodDisruptionBudget: above one replica, one pod at a time may go. Below, it would only block node drains.

use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::{metadata, pod, selector};
use crate::ResolvedAgent;

pub(crate) fn pod_disruption_budget(agent: &ResolvedAgent<'_>) -> Option<PodDisruptionBudget> {
    (pod::replicas(agent) > 1).then(|| PodDisruptionBudget {
        metadata: metadata(agent),
        spec: Some(PodDisruptionBudgetSpec {
            max_unavailable: Some(IntOrString::Int(1)),
            selector: Some(LabelSelector { match_labels: Some(selector(agent)), ..LabelSelector::default() }),
            ..PodDisruptionBudgetSpec::default()
        }),
        ..PodDisruptionBudget::default()
    })
}
