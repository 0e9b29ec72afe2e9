//! How far a Deployment or StatefulSet is.

use k8s_openapi::api::apps::v1::{Deployment, DeploymentCondition, StatefulSet};

/// What a Deployment or StatefulSet tells of its pods.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Pods {
    generation: Option<i64>,
    observed: Option<i64>,
    wanted: i32,
    /// Those that exist.
    pub(crate) replicas: i32,
    updated: i32,
    /// Those that answer.
    pub(crate) ready: i32,
    /// Those that have answered for a while.
    answering: i32,
    /// Whether enough answer for the agent to be there.
    available: bool,
    /// Whether the newest spec was served once, so that what is missing now went since.
    settled: bool,
    /// Why no more pods come.
    stalled: Option<String>,
}

/// How far the pods of an Agent are, in the words that matter to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Rollout {
    /// No pod is to run.
    Suspended,
    /// Pods are being brought to the newest spec.
    Updating { available: bool },
    /// They are refused, or do not come up in time.
    Stalled { message: String, available: bool },
    /// All pods run the newest spec, and some do not answer.
    Unavailable,
    /// All pods run the newest spec and answer.
    Serving,
}

impl From<&Deployment> for Pods {
    fn from(deployment: &Deployment) -> Self {
        let status = deployment.status.clone().unwrap_or_default();
        let conditions = status.conditions.as_deref().unwrap_or_default();
        Self {
            generation: deployment.metadata.generation,
            observed: status.observed_generation,
            wanted: deployment.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1),
            replicas: status.replicas.unwrap_or_default(),
            updated: status.updated_replicas.unwrap_or_default(),
            ready: status.ready_replicas.unwrap_or_default(),
            answering: status.available_replicas.unwrap_or_default(),
            available: is(conditions, "Available", "True", None),
            // Once a rollout is complete its condition says so until the next one begins.
            settled: is(conditions, "Progressing", "True", Some("NewReplicaSetAvailable")),
            stalled: conditions.iter().find(|it| stalls(it)).map(|it| it.message.clone().unwrap_or_default()),
        }
    }
}

impl From<&StatefulSet> for Pods {
    fn from(stateful_set: &StatefulSet) -> Self {
        let status = stateful_set.status.clone().unwrap_or_default();
        let answering = status.available_replicas.unwrap_or_default();
        // While a pod is being replaced there are two revisions, and the count of the updated ones is of the newer.
        let is_rolling = status.current_revision != status.update_revision;
        Self {
            generation: stateful_set.metadata.generation,
            observed: status.observed_generation,
            wanted: stateful_set.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1),
            replicas: status.replicas,
            updated: if is_rolling { status.updated_replicas.unwrap_or_default() } else { status.replicas },
            ready: status.ready_replicas.unwrap_or_default(),
            answering,
            available: answering > 0,
            // It tells neither: how long its pod has been coming says whether something is wrong.
            settled: false,
            stalled: None,
        }
    }
}

/// Reads what is told of pods. What is older than what we applied tells nothing of how far the newest spec is.
pub(crate) fn rollout(pods: Option<&Pods>, applied: Option<i64>) -> Rollout {
    let Some(pods) = pods else { return Rollout::Updating { available: false } };
    let available = pods.available && pods.wanted > 0;
    if pods.observed < pods.generation || pods.generation < applied {
        return Rollout::Updating { available };
    }
    if let Some(message) = &pods.stalled {
        return Rollout::Stalled { message: message.clone(), available };
    }
    match (pods.wanted, pods.updated == pods.wanted && pods.replicas == pods.wanted) {
        (_, false) => Rollout::Updating { available },
        (0, true) => Rollout::Suspended,
        (wanted, true) if pods.answering >= wanted => Rollout::Serving,
        (_, true) if pods.settled => Rollout::Unavailable,
        (_, true) => Rollout::Updating { available },
    }
}

/// Pods that are refused, by a quota for example, and pods that do not come up before the deadline.
fn stalls(condition: &DeploymentCondition) -> bool {
    let refused = condition.type_ == "ReplicaFailure" && condition.status == "True";
    refused || condition.reason.as_deref() == Some("ProgressDeadlineExceeded")
}

fn is(conditions: &[DeploymentCondition], kind: &str, status: &str, reason: Option<&str>) -> bool {
    conditions
        .iter()
        .any(|it| it.type_ == kind && it.status == status && reason.is_none_or(|reason| it.reason.as_deref() == Some(reason)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn check(replicas: i32, status: &Value, expected: &Rollout) {
        let deployment = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"generation": 2},
            "spec": {"replicas": replicas, "selector": {}, "template": {}}, "status": status});
        let deployment: Deployment = serde_json::from_value(deployment).unwrap();
        assert_eq!(rollout(Some(&Pods::from(&deployment)), Some(2)), *expected, "{status}");
    }

    #[test]
    fn counts_and_conditions_tell_how_far_it_is() {
        let complete = json!([{"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"}]);
        let up = json!([{"type": "Available", "status": "True"}]);
        let late = json!([{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "late"}]);
        check(1, &json!({"observedGeneration": 1, "conditions": up}), &Rollout::Updating { available: true });
        check(1, &json!({"observedGeneration": 2}), &Rollout::Updating { available: false });
        check(1, &json!({"observedGeneration": 2, "replicas": 1, "updatedReplicas": 1}), &Rollout::Updating { available: false });
        let all = json!({"observedGeneration": 2, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2});
        check(2, &all, &Rollout::Serving);
        let surplus = json!({"observedGeneration": 2, "replicas": 2, "updatedReplicas": 1, "availableReplicas": 2});
        check(1, &surplus, &Rollout::Updating { available: false });
        let down = json!({"observedGeneration": 2, "replicas": 1, "updatedReplicas": 1, "conditions": complete});
        check(1, &down, &Rollout::Unavailable);
        let refused = json!([{"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "quota"}]);
        let message = Rollout::Stalled { message: "quota".into(), available: false };
        check(1, &json!({"observedGeneration": 2, "conditions": refused}), &message);
        let message = Rollout::Stalled { message: "late".into(), available: false };
        check(1, &json!({"observedGeneration": 2, "conditions": late}), &message);
        check(0, &json!({"observedGeneration": 2}), &Rollout::Suspended);
    }

    #[test]
    fn a_watch_that_lags_behind_our_own_write_says_nothing_new() {
        let ready = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"generation": 1},
            "spec": {"replicas": 1, "selector": {}, "template": {}},
            "status": {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1}});
        let deployment: Deployment = serde_json::from_value(ready).unwrap();
        let pods = Pods::from(&deployment);
        assert_eq!(rollout(Some(&pods), Some(1)), Rollout::Serving);
        assert_eq!(rollout(Some(&pods), Some(2)), Rollout::Updating { available: false });
        assert_eq!(rollout(None, None), Rollout::Updating { available: false });
    }

    #[test]
    fn a_stateful_set_is_as_far_as_its_newest_pod() {
        let check = |status: Value, expected: Rollout| {
            let set = json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"generation": 2},
                "spec": {"replicas": 1, "selector": {}, "serviceName": "x", "template": {}}, "status": status});
            let set: StatefulSet = serde_json::from_value(set).unwrap();
            assert_eq!(rollout(Some(&Pods::from(&set)), Some(2)), expected, "{status}");
        };
        let updating = |available| Rollout::Updating { available };
        check(json!({"observedGeneration": 1, "replicas": 1, "availableReplicas": 1}), updating(true));
        check(json!({"observedGeneration": 2, "replicas": 0}), updating(false));
        check(
            json!({"observedGeneration": 2, "replicas": 1, "currentRevision": "a", "updateRevision": "a", "updatedReplicas": 1}),
            updating(false),
        );
        check(
            json!({"observedGeneration": 2, "replicas": 1, "readyReplicas": 1, "availableReplicas": 1, "currentRevision": "a", "updateRevision": "b"}),
            updating(true),
        );
        check(
            json!({"observedGeneration": 2, "replicas": 1, "readyReplicas": 1, "availableReplicas": 1, "currentRevision": "a", "updateRevision": "a"}),
            Rollout::Serving,
        );
    }
}
