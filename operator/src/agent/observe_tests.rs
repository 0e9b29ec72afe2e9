//! Each condition, from states that a cluster can be in.

use super::*;
use crate::control::hub::PodReport;
use serde_json::{Value, json};
use skreaver_protocol::policy::PolicyBundle;
use skreaver_protocol::rest::{Component, ComponentState};
use skreaver_render::{ChildKind, Unresolved};

fn agent() -> Agent {
    serde_json::from_value(json!({"apiVersion": "skreaver.dev/v1alpha1", "kind": "Agent", "spec": {},
        "metadata": {"name": "chalk", "namespace": "quarry", "generation": 3, "uid": "u"}}))
    .unwrap()
}

fn deployment(available: i32) -> Deployment {
    let conditions: Value = match available {
        0 => json!([]),
        _ => json!([{"type": "Available", "status": "True"}]),
    };
    serde_json::from_value(json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"generation": 1},
        "spec": {"replicas": 1, "selector": {}, "template": {}},
        "status": {"observedGeneration": 1, "replicas": 1, "readyReplicas": available, "updatedReplicas": 1,
                   "availableReplicas": available, "conditions": conditions}}))
    .unwrap()
}

fn policies(names: &[(&str, i64)], version: u64) -> Policies {
    let in_force = names.iter().map(|(name, generation)| PolicyInForce {
        name: (*name).into(),
        generation: *generation,
        spec: serde_json::from_value(json!({})).unwrap(),
    });
    Policies { in_force: in_force.collect(), bundle: PolicyBundle { version, ..PolicyBundle::default() } }
}

fn reports(versions: &[u64], stable: bool) -> Reports {
    let report = |version: &u64| PodReport { policy_version: *version, policy_problem: None, components: Vec::new() };
    Reports {
        pods: versions.iter().map(|version| (format!("pod-{version}"), report(version))).collect(),
        stable,
        settles_in: None,
    }
}

struct Case {
    problem: Option<Problem>,
    policies: Option<Policies>,
    deployment: Option<Deployment>,
    reports: Reports,
    before: AgentStatus,
}

fn case() -> Case {
    Case {
        problem: None,
        policies: Some(policies(&[], 1)),
        deployment: Some(deployment(1)),
        reports: reports(&[], true),
        before: AgentStatus::default(),
    }
}

fn status(case: &Case) -> AgentStatus {
    observe(&Observation {
        agent: &agent(),
        problem: case.problem.as_ref(),
        policies: case.policies.as_ref(),
        deployment: case.deployment.as_ref(),
        applied_generation: Some(1),
        reports: &case.reports,
        before: &case.before,
        cluster_domain: "cluster.test",
        now: Timestamp::UNIX_EPOCH,
    })
}

/// `Accepted ResolvedRefs PolicyApplied Progressing Available Ready`, each as `status/reason`.
fn check(case: &Case, expected: &str) {
    let conditions = status(case).conditions;
    let told: Vec<_> = conditions.iter().map(|it| format!("{}/{}", &it.status[..1], it.reason)).collect();
    assert_eq!(told.join(" "), expected);
}

#[test]
fn a_served_agent_is_ready_and_says_where() {
    check(&case(), "T/Valid T/Valid T/NoPolicy F/Complete T/Serving T/Serving");
    let status = status(&case());
    assert_eq!(status.observed_generation, Some(3));
    assert_eq!(status.endpoints.unwrap().mcp, "http://chalk.quarry.svc.cluster.test:8080/mcp");
    assert_eq!((status.selector.as_deref(), status.policy_version), (Some("skreaver.dev/agent=chalk"), Some(1)));
    assert_eq!((status.replicas, status.ready_replicas), (1, 1));
}

#[test]
fn one_that_comes_up_is_progressing() {
    let expected = "T/Valid T/Valid T/NoPolicy T/Updating F/Unavailable F/Updating";
    check(&Case { deployment: None, ..case() }, expected);
    check(&Case { deployment: Some(deployment(0)), ..case() }, expected);
}

#[test]
fn a_missing_reference_is_told_in_full_and_keeps_what_runs() {
    let missing = |message: &str| Unresolved { reason: Reason::SecretNotFound, message: message.into() };
    let problem = Some(Problem::Unresolved(vec![missing("a is gone"), missing("b is gone")]));
    let case = Case { problem, ..case() };
    check(&case, "T/Valid F/SecretNotFound T/NoPolicy F/SecretNotFound T/Serving F/SecretNotFound");
    assert_eq!(status(&case).conditions[1].message, "a is gone; b is gone");
}

#[test]
fn a_taken_name_says_what_to_do() {
    let problem = Some(Problem::NameTaken(vec![(ChildKind::Service, "chalk".into())]));
    let case = Case { problem, deployment: None, policies: None, ..case() };
    check(&case, "F/NameTaken T/Valid U/NotReported F/NameTaken F/Unavailable F/NameTaken");
    assert!(status(&case).conditions[0].message.starts_with("Service `chalk` exists already and does not belong"));
}

#[test]
fn an_api_error_does_not_unmake_readiness() {
    let failing = || Problem::api("apply", "Service", "chalk")(kube::Error::TlsRequired);
    let expected = "T/Valid T/Valid T/NoPolicy F/ApiError T/Serving";
    check(&Case { problem: Some(failing()), ..case() }, &format!("{expected} F/ApiError"));
    check(&Case { problem: Some(failing()), before: status(&case()), ..case() }, &format!("{expected} T/Serving"));
}

#[test]
fn policies_are_applied_when_every_pod_says_so() {
    let check = |versions: &[u64], stable, expected: &str| {
        let case = Case { policies: Some(policies(&[("p", 4)], 7)), reports: reports(versions, stable), ..case() };
        let status = status(&case);
        assert_eq!(status.conditions[2].reason, expected, "{versions:?}");
        assert_eq!(status.policies, [PolicyRef { name: "p".into(), generation: 4 }]);
    };
    check(&[7, 8], false, "Applied");
    check(&[7, 6], true, "RollingOut");
    check(&[6], false, "RollingOut");
    check(&[], true, "NotReported");
}

#[test]
fn a_lost_stream_is_told_only_once_it_is_stable() {
    let told = |reports| Case { policies: Some(policies(&[("p", 4)], 7)), reports, ..case() };
    let before = status(&told(reports(&[7], true)));
    let after = |stable| status(&Case { before: before.clone(), ..told(reports(&[], stable)) });
    assert_eq!(after(false).conditions[2].reason, "Applied");
    assert_eq!(after(true).conditions[2].reason, "NotReported");
}

#[test]
fn a_policy_without_accepted_rules_is_named() {
    let case = Case { policies: Some(policies(&[("p", 0), ("q", 1)], 1)), ..case() };
    check(&case, "T/Valid T/Valid F/NotAccepted F/Complete T/Serving T/Serving");
    assert_eq!(status(&case).conditions[2].message, "no rules of ToolPolicy p were ever accepted: every call is refused");
}

#[test]
fn components_are_listed_once_and_only_when_stable() {
    let component = Component { name: "policy".into(), state: ComponentState::Stale, reason: None, message: None };
    let mut told = reports(&[1, 2], true);
    told.pods.values_mut().for_each(|report| report.components = vec![component.clone()]);
    assert_eq!(status(&Case { reports: told.clone(), ..case() }).components, std::slice::from_ref(&component));
    told.stable = false;
    assert_eq!(status(&Case { reports: told, ..case() }).components, []);
}

#[test]
fn steps_of_a_rollout_are_no_news_and_its_end_is() {
    let start = status(&Case { deployment: None, ..case() });
    let step = status(&Case { deployment: Some(deployment(0)), before: start.clone(), ..case() });
    assert!(is_news(&AgentStatus::default(), &start));
    assert_ne!(start.replicas, step.replicas);
    assert!(!is_news(&start, &step));
    let end = status(&Case { before: start.clone(), ..case() });
    assert!(is_news(&start, &end));
    let fewer = AgentStatus { ready_replicas: 0, ..end.clone() };
    assert!(!is_news(&end, &end) && is_news(&end, &fewer));
}
