//! How far a Deployment is.

use k8s_openapi::api::apps::v1::{Deployment, DeploymentCondition};

/// How far a Deployment is, in the words that matter to its Agent.
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

/// Reads a Deployment. One that is older than what we applied tells nothing of how far the newest spec is.
pub(crate) fn rollout(deployment: Option<&Deployment>, applied: Option<i64>) -> Rollout {
    let Some(deployment) = deployment else { return Rollout::Updating { available: false } };
    let status = deployment.status.clone().unwrap_or_default();
    let wanted = deployment.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
    let pods = status.replicas.unwrap_or_default();
    let updated = status.updated_replicas.unwrap_or_default();
    let answering = status.available_replicas.unwrap_or_default();
    let conditions = status.conditions.as_deref().unwrap_or_default();
    let available = is(conditions, "Available", "True", None) && wanted > 0;
    let generation = deployment.metadata.generation;
    if status.observed_generation < generation || generation < applied {
        return Rollout::Updating { available };
    }
    if let Some(stalled) = conditions.iter().find(|condition| stalls(condition)) {
        return Rollout::Stalled { message: stalled.message.clone().unwrap_or_default(), available };
    }
    match (wanted, updated == wanted && pods == wanted) {
        (_, false) => Rollout::Updating { available },
        (0, true) => Rollout::Suspended,
        (_, true) if answering >= wanted => Rollout::Serving,
        // Once a rollout is complete its condition says so until the next one begins.
        (_, true) if is(conditions, "Progressing", "True", Some("NewReplicaSetAvailable")) => Rollout::Unavailable,
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
        assert_eq!(rollout(Some(&deployment), Some(2)), *expected, "{status}");
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
        let deployment = serde_json::from_value(ready).unwrap();
        assert_eq!(rollout(Some(&deployment), Some(1)), Rollout::Serving);
        assert_eq!(rollout(Some(&deployment), Some(2)), Rollout::Updating { available: false });
        assert_eq!(rollout(None, None), Rollout::Updating { available: false });
    }
}
