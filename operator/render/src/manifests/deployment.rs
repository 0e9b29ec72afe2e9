//! The Deployment: the pods of an agent that keeps nothing on a volume of its own.

use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec, DeploymentStrategy, RollingUpdateDeployment};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::pod::{pod, replicas};
use super::{ChildKind, metadata, selector};
use crate::{ResolvedAgent, Settings};

pub(crate) fn deployment(agent: &ResolvedAgent<'_>, settings: &Settings) -> Option<Deployment> {
    (ChildKind::of_pods(&agent.agent.spec) == ChildKind::Deployment).then(|| Deployment {
        metadata: metadata(agent),
        spec: Some(DeploymentSpec {
            replicas: Some(replicas(agent)),
            revision_history_limit: Some(2),
            progress_deadline_seconds: Some(120),
            selector: LabelSelector { match_labels: Some(selector(agent)), ..LabelSelector::default() },
            strategy: Some(DeploymentStrategy {
                type_: Some("RollingUpdate".into()),
                rolling_update: Some(RollingUpdateDeployment {
                    max_surge: Some(IntOrString::Int(1)),
                    max_unavailable: Some(IntOrString::Int(0)),
                }),
            }),
            template: pod(agent, settings),
            ..DeploymentSpec::default()
        }),
        ..Deployment::default()
    })
}
