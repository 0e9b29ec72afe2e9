//! What an Agent's status should say. Pure: it asks nobody, not even the clock.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt;
use skreaver_crds::agent::{Endpoints, PinnedTools, PolicyRef};
use skreaver_crds::condition::{ConditionType, Reason};
use skreaver_crds::{AGENT_LABEL, Agent, AgentStatus};
use skreaver_protocol::API_PORT;
use skreaver_protocol::policy::PolicyBundle;
use skreaver_render::{ChildKind, PolicyInForce, Unresolved};

use super::caller_keys::CallerKeys;
use super::observe_components::{self, components};
use super::observe_policies::policy_applied;
use super::pins::{tool_drift, withholds};
use super::problem::Problem;
use super::rollout::{Pods, Rollout, rollout};
use crate::conditions::{Truth, Verdict, condition, find};
use crate::control::hub::Reports;
use crate::watch::namespace_of;

/// Everything that the status depends on.
pub(crate) struct Observation<'a> {
    pub(crate) agent: &'a Agent,
    /// What stood in the way of bringing the Agent to its spec.
    pub(crate) problem: Option<&'a Problem>,
    /// What its pods are told; nothing where that could not be found out.
    pub(crate) policies: Option<&'a Policies>,
    /// What is told of its pods.
    pub(crate) pods: Option<&'a Pods>,
    /// The generation of the Deployment or StatefulSet that we made last; an older one tells of the past.
    pub(crate) applied_generation: Option<i64>,
    pub(crate) reports: &'a Reports,
    /// The tools of MCP servers as they were first seen.
    pub(crate) pinned: &'a [PinnedTools],
    /// What is known of the keys by which its pods judge tokens.
    pub(crate) auth: &'a CallerKeys,
    pub(crate) before: &'a AgentStatus,
    pub(crate) cluster_domain: &'a str,
    pub(crate) now: Timestamp,
}

/// The policies of an Agent, and the bundle made of them.
pub(crate) struct Policies {
    pub(crate) in_force: Vec<PolicyInForce>,
    pub(crate) bundle: PolicyBundle,
}

/// The status of an Agent.
pub(crate) fn observe(seen: &Observation<'_>) -> AgentStatus {
    let (name, namespace) = (seen.agent.name_any(), namespace_of(seen.agent));
    let base = format!("http://{name}.{namespace}.svc.{}:{API_PORT}", seen.cluster_domain);
    AgentStatus {
        observed_generation: seen.agent.metadata.generation,
        conditions: conditions(seen),
        replicas: seen.pods.map_or(0, |pods| pods.replicas),
        ready_replicas: seen.pods.map_or(0, |pods| pods.ready),
        selector: Some(format!("{AGENT_LABEL}={name}")),
        endpoints: Some(Endpoints { mcp: format!("{base}/mcp"), rest: base }),
        policies: seen.policies.map_or_else(|| seen.before.policies.clone(), |policies| references(&policies.in_force)),
        policy_version: match seen.policies {
            Some(policies) => i64::try_from(policies.bundle.version).ok(),
            None => seen.before.policy_version,
        },
        components: components(seen.reports, &seen.before.components),
        tools: seen.pinned.to_vec(),
    }
}

/// As many as the schema has room for; all of them count, listed or not.
const MOST_REFERENCES: usize = 128;

fn references(policies: &[PolicyInForce]) -> Vec<PolicyRef> {
    let mut list: Vec<_> =
        policies.iter().map(|policy| PolicyRef { name: policy.name.clone(), generation: policy.generation }).collect();
    list.sort_by(|a, b| a.name.cmp(&b.name));
    list.truncate(MOST_REFERENCES);
    list
}

fn conditions(seen: &Observation<'_>) -> Vec<Condition> {
    let rollout = match rollout(seen.pods, seen.applied_generation) {
        // More replicas are no rollout to a Deployment, but they are to us until they answer.
        Rollout::Unavailable if is_progressing(seen.before) => Rollout::Updating { available: false },
        Rollout::Updating { available } if is_overdue(seen) => Rollout::Stalled { message: overdue(seen.agent), available },
        rollout => rollout,
    };
    let accepted = accepted(seen);
    let resolved = resolved_refs(seen);
    let drift = tool_drift(seen.agent, seen.pinned, seen.reports, seen.before);
    let withheld = drift.clone().filter(|_| withholds(seen.agent, seen.pinned, seen.reports));
    let degraded = observe_components::degraded(seen.reports, seen.before, withheld);
    let ready = ready(seen, &[&accepted, &resolved], &rollout, &degraded);
    let verdicts = [
        (ConditionType::Accepted, accepted),
        (ConditionType::ResolvedRefs, resolved),
        (ConditionType::PolicyApplied, policy_applied(seen.policies, seen.reports, seen.before)),
        (ConditionType::Progressing, progressing(seen.problem, &rollout)),
        (ConditionType::Available, available(&rollout)),
        (ConditionType::Degraded, degraded),
        (ConditionType::Ready, ready),
    ];
    let generation = seen.agent.metadata.generation;
    let verdicts = verdicts.into_iter().chain(drift.map(|verdict| (ConditionType::ToolDrift, verdict)));
    let verdicts = verdicts.chain(seen.auth.verdict(seen.before).map(|verdict| (ConditionType::AuthReady, verdict)));
    verdicts.map(|(kind, verdict)| condition(kind, verdict, generation, &seen.before.conditions, seen.now)).collect()
}

fn accepted(seen: &Observation<'_>) -> Verdict {
    match seen.problem {
        Some(problem @ Problem::NameTaken(_)) => Verdict::no(Reason::NameTaken, problem.to_string()),
        Some(Problem::Unresolved(missing)) => match told(missing, Unresolved::is_spec_fault) {
            Some((reason, message)) => Verdict::no(reason, message),
            None => Verdict::yes(Reason::Valid, "the spec is one to work with"),
        },
        Some(problem @ Problem::Api { .. }) if problem.is_refusal() => Verdict::no(Reason::Rejected, problem.to_string()),
        Some(Problem::Api { .. }) | None => {
            observe_components::not_durable(seen.reports, seen.before, seen.agent.metadata.generation)
                .unwrap_or_else(|| Verdict::yes(Reason::Valid, "the spec is one to work with"))
        }
    }
}

fn resolved_refs(seen: &Observation<'_>) -> Verdict {
    let missing = match seen.problem {
        Some(Problem::Unresolved(missing)) => told(missing, |missing| !missing.is_spec_fault()),
        Some(Problem::NameTaken(_) | Problem::Api { .. }) | None => None,
    };
    match missing {
        Some((reason, message)) => Verdict::no(reason, message),
        None => Verdict::yes(Reason::Valid, "everything that the spec names exists"),
    }
}

/// The reason of the first of some, and the sentences of all of them.
fn told(all: &[Unresolved], some: fn(&Unresolved) -> bool) -> Option<(Reason, String)> {
    let some: Vec<_> = all.iter().filter(|one| some(one)).collect();
    let sentences = some.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
    Some((some.first()?.reason, sentences))
}

/// How long the pod of a StatefulSet may take, in seconds. A Deployment tells that by itself.
const PROGRESS_DEADLINE: i64 = 120;

/// When a rollout that is under way is called stalled, unless it ends before.
pub(crate) fn overdue_in(agent: &Agent, before: &AgentStatus, now: Timestamp) -> Option<Duration> {
    let progressing = find(&before.conditions, ConditionType::Progressing).filter(|it| it.status == "True")?;
    if ChildKind::of_pods(&agent.spec) != ChildKind::StatefulSet {
        return None;
    }
    let age = now.as_second() - progressing.last_transition_time.0.as_second();
    Some(Duration::from_secs(u64::try_from(PROGRESS_DEADLINE - age).unwrap_or_default()))
}

fn is_overdue(seen: &Observation<'_>) -> bool {
    let was_stalled = find(&seen.before.conditions, ConditionType::Progressing)
        .is_some_and(|it| it.reason == Reason::Stalled.name() && it.observed_generation == seen.agent.metadata.generation);
    let is_stateful = ChildKind::of_pods(&seen.agent.spec) == ChildKind::StatefulSet;
    is_stateful && (was_stalled || overdue_in(seen.agent, seen.before, seen.now) == Some(Duration::ZERO))
}

fn overdue(agent: &Agent) -> String {
    let name = agent.name_any();
    format!("pod `{name}-0` does not come up; `kubectl describe statefulset,pod,pvc --selector {AGENT_LABEL}={name}` tells why")
}

fn progressing(problem: Option<&Problem>, rollout: &Rollout) -> Verdict {
    match (problem, rollout) {
        (Some(problem), _) => Verdict::no(problem.reason(), problem.to_string()),
        (None, Rollout::Stalled { message, .. }) => Verdict::no(Reason::Stalled, message.clone()),
        (None, Rollout::Updating { .. }) => Verdict::yes(Reason::Updating, "pods are being brought to the newest spec"),
        (None, Rollout::Suspended) => Verdict::no(Reason::Complete, "no pod is to run"),
        (None, Rollout::Unavailable | Rollout::Serving) => Verdict::no(Reason::Complete, "all pods run the newest spec"),
    }
}

fn available(rollout: &Rollout) -> Verdict {
    match rollout {
        Rollout::Suspended => Verdict::no(Reason::Suspended, "no pod is to run: `suspend` is set, or `replicas` is 0"),
        Rollout::Serving | Rollout::Updating { available: true } | Rollout::Stalled { available: true, .. } => {
            Verdict::yes(Reason::Serving, "enough pods answer")
        }
        Rollout::Unavailable | Rollout::Updating { available: false } | Rollout::Stalled { available: false, .. } => {
            Verdict::no(Reason::Unavailable, "not enough pods answer")
        }
    }
}

/// The newest spec is served. It does not depend on the control channel.
fn ready(seen: &Observation<'_>, first: &[&Verdict], rollout: &Rollout, degraded: &Verdict) -> Verdict {
    if let Some(not) = first.iter().find(|verdict| verdict.truth != Truth::True) {
        return Verdict::no(not.reason, not.message.clone());
    }
    match (seen.problem, rollout) {
        // An API server that fails now does not take from the pods what they do already.
        (Some(Problem::Api { .. }), Rollout::Serving) if was_ready(seen) => Verdict::yes(Reason::Serving, "enough pods answer"),
        (Some(problem), _) => Verdict::no(problem.reason(), problem.to_string()),
        (None, Rollout::Serving) => Verdict::yes(Reason::Serving, "enough pods answer"),
        // What the pods themselves complain of says more than that they are not ready.
        (None, Rollout::Stalled { .. } | Rollout::Updating { .. } | Rollout::Unavailable) if degraded.truth == Truth::True => {
            Verdict::no(degraded.reason, degraded.message.clone())
        }
        (None, Rollout::Stalled { message, .. }) => Verdict::no(Reason::Stalled, message.clone()),
        (None, Rollout::Updating { .. }) => Verdict::no(Reason::Updating, "pods are being brought to the newest spec"),
        (None, Rollout::Suspended | Rollout::Unavailable) => available(rollout),
    }
}

fn was_ready(seen: &Observation<'_>) -> bool {
    let generation = seen.agent.metadata.generation;
    find(&seen.before.conditions, ConditionType::Ready)
        .is_some_and(|ready| ready.status == "True" && ready.observed_generation == generation)
}

/// Whether a status is worth a write: something that a user can act on has changed. While pods are being rolled, their counts
/// and reports are steps on the way, told together with its end.
pub(crate) fn is_news(before: &AgentStatus, after: &AgentStatus) -> bool {
    let AgentStatus {
        observed_generation,
        conditions,
        replicas,
        ready_replicas,
        selector,
        endpoints,
        policies,
        policy_version,
        components,
        tools,
    } = after;
    let quiet = !is_progressing(after);
    let told = conditions.iter().filter(|condition| quiet || condition.type_ != ConditionType::PolicyApplied.name());
    observed_generation != &before.observed_generation
        || (selector, endpoints, policies, policy_version, tools)
            != (&before.selector, &before.endpoints, &before.policies, &before.policy_version, &before.tools)
        || told.into_iter().any(|new| !before.conditions.iter().any(|old| crate::conditions::same(old, new)))
        || quiet && (replicas, ready_replicas, components) != (&before.replicas, &before.ready_replicas, &before.components)
}

fn is_progressing(status: &AgentStatus) -> bool {
    find(&status.conditions, ConditionType::Progressing).is_some_and(|progressing| progressing.status == "True")
}

#[cfg(test)]
#[path = "observe_tests.rs"]
mod tests;
