//! The ToolPolicies as watched, and the rules of each that count.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::ControllerRevision;
use kube::core::{DeserializeGuard, Resource};
use kube::runtime::reflector::Store;
use skreaver_crds::{ToolPolicy, ToolPolicySpec};
use skreaver_render::{PolicyInForce, accept};

use super::children::is_controlled_by;
use crate::watch::namespace_of;

/// The ToolPolicies and their accepted revisions.
#[derive(Clone)]
pub(crate) struct Policies {
    policies: Store<DeserializeGuard<ToolPolicy>>,
    revisions: Store<ControllerRevision>,
}

impl Policies {
    pub(crate) fn new(policies: Store<DeserializeGuard<ToolPolicy>>, revisions: Store<ControllerRevision>) -> Self {
        Self { policies, revisions }
    }

    pub(crate) async fn synced(&self) -> bool {
        self.policies.wait_until_ready().await.is_ok() && self.revisions.wait_until_ready().await.is_ok()
    }

    /// The policies in force for an Agent with these labels. A policy that is being deleted is in force no longer.
    pub(crate) fn selecting(&self, namespace: &str, labels: &BTreeMap<String, String>) -> Vec<PolicyInForce> {
        let here = self.policies.state_filter(|policy| {
            policy.meta().namespace.as_deref() == Some(namespace) && policy.meta().deletion_timestamp.is_none()
        });
        let in_force = here.iter().map(|policy| in_force(policy, &self.revisions_of(policy.as_ref())));
        in_force.filter(|policy| policy.selects(labels)).collect()
    }

    /// The revisions that keep the accepted specs of a policy, oldest first.
    pub(crate) fn revisions_of(&self, policy: &impl Resource<DynamicType = ()>) -> Vec<ControllerRevision> {
        let (uid, namespace) = (policy.meta().uid.clone().unwrap_or_default(), namespace_of(policy));
        let own = |kept: &ControllerRevision| namespace_of(kept) == namespace && is_controlled_by(&kept.metadata, &uid);
        let mut kept: Vec<_> = self.revisions.state_filter(own).iter().map(|kept| (**kept).clone()).collect();
        kept.sort_by_key(|kept| kept.revision);
        kept
    }
}

/// The last accepted spec of a policy. One that was never judged yet counts if it will be accepted: its revision is about to
/// be written. What cannot be decided is denied.
fn in_force(policy: &DeserializeGuard<ToolPolicy>, kept: &[ControllerRevision]) -> PolicyInForce {
    let name = policy.meta().name.clone().unwrap_or_default();
    let newest = kept.last().and_then(|revision| PolicyInForce::from_revision(&name, revision));
    match (newest, &policy.0) {
        (Some(newest), _) => newest,
        (None, Ok(policy)) if kept.is_empty() && accept(policy).is_ok() => {
            PolicyInForce { name, generation: policy.metadata.generation.unwrap_or_default(), spec: policy.spec.clone() }
        }
        // Its rules were accepted once and are lost: whom they selected is not known any more, so it may be anybody.
        (None, Ok(policy)) if policy.status.as_ref().is_some_and(|status| status.accepted_generation.is_some()) => {
            PolicyInForce { name, generation: 0, spec: deny_everybody() }
        }
        (None, Ok(policy)) => PolicyInForce::never_accepted(policy),
        (None, Err(_)) => PolicyInForce { name, generation: 0, spec: deny_everybody() },
    }
}

/// A policy that cannot be read at all: it selects every Agent and denies every call.
fn deny_everybody() -> ToolPolicySpec {
    serde_json::from_value(serde_json::json!({})).expect("every field of a ToolPolicy has a default")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use skreaver_protocol::policy::Action;

    fn policy(spec: &Value) -> DeserializeGuard<ToolPolicy> {
        let object = json!({"apiVersion": "skreaver.dev/v1alpha1", "kind": "ToolPolicy",
            "metadata": {"name": "chalk", "namespace": "ns", "uid": "u", "generation": 4}, "spec": spec});
        serde_json::from_value(object).unwrap()
    }

    fn check(spec: &Value, kept: &[ControllerRevision], generation: i64, default: Action) {
        let in_force = in_force(&policy(spec), kept);
        assert_eq!((in_force.generation, in_force.spec.default_action), (generation, default));
    }

    #[test]
    fn the_last_accepted_rules_count() {
        let allow = json!({"defaultAction": "Allow"});
        let broken = json!({"defaultAction": "Allow", "rules": [{"name": "r", "tools": ["[x"], "action": "Deny"}]});
        let kept = skreaver_render::revision(policy(&allow).0.as_ref().unwrap());
        check(&broken, &[kept], 4, Action::Allow);
        check(&allow, &[], 4, Action::Allow);
        check(&broken, &[], 0, Action::Deny);
        check(&json!("not a spec"), &[], 0, Action::Deny);
    }
}
