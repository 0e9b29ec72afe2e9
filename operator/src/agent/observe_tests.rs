//! Each condition, from states that a cluster can be in.

use super::*;
use crate::control::hub::PodReport;
use k8s_openapi::api::apps::v1::Deployment;
use serde_json::{Value, json};
use skreaver_protocol::policy::PolicyBundle;
use skreaver_protocol::rest::{Component, ComponentReason, ComponentState};
use skreaver_render::{ChildKind, Unresolved};

fn agent() -> Agent {
    serde_json::from_value(json!({"apiVersion": "skreaver.dev/v1alpha1", "kind": "Agent", "spec": {},
        "metadata": {"name": "chalk", "namespace": "quarry", "generation": 3, "uid": "u"}}))
    .unwrap()
}

fn pods(available: i32) -> Pods {
    let conditions: Value = match available {
        0 => json!([]),
        _ => json!([{"type": "Available", "status": "True"}]),
    };
    let deployment = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"generation": 1},
        "spec": {"replicas": 1, "selector": {}, "template": {}},
        "status": {"observedGeneration": 1, "replicas": 1, "readyReplicas": available, "updatedReplicas": 1,
                   "availableReplicas": available, "conditions": conditions}});
    Pods::from(&serde_json::from_value::<Deployment>(deployment).unwrap())
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
    let report =
        |version: &u64| PodReport { policy_version: *version, policy_problem: None, components: Vec::new(), sources: Vec::new() };
    Reports {
        pods: versions.iter().map(|version| (format!("pod-{version}"), report(version))).collect(),
        stable,
        settles_in: None,
    }
}

struct Case {
    problem: Option<Problem>,
    policies: Option<Policies>,
    pods: Option<Pods>,
    reports: Reports,
    before: AgentStatus,
}

fn case() -> Case {
    Case {
        problem: None,
        policies: Some(policies(&[], 1)),
        pods: Some(pods(1)),
        reports: reports(&[], true),
        before: AgentStatus::default(),
    }
}

fn status(case: &Case) -> AgentStatus {
    observe(&Observation {
        agent: &agent(),
        problem: case.problem.as_ref(),
        policies: case.policies.as_ref(),
        pods: case.pods.as_ref(),
        applied_generation: Some(1),
        reports: &case.reports,
        pinned: &[],
        auth: &CallerKeys::default(),
        before: &case.before,
        cluster_domain: "cluster.test",
        now: Timestamp::UNIX_EPOCH,
    })
}

/// `Accepted ResolvedRefs PolicyApplied Progressing Available Degraded Ready`, each as `status/reason`.
fn check(case: &Case, expected: &str) {
    let conditions = status(case).conditions;
    let told: Vec<_> = conditions.iter().map(|it| format!("{}/{}", &it.status[..1], it.reason)).collect();
    assert_eq!(told.join(" "), expected);
}

#[test]
fn a_served_agent_is_ready_and_says_where() {
    check(&case(), "T/Valid T/Valid T/NoPolicy F/Complete T/Serving F/Healthy T/Serving");
    let status = status(&case());
    assert_eq!(status.observed_generation, Some(3));
    assert_eq!(status.endpoints.unwrap().mcp, "http://chalk.quarry.svc.cluster.test:8080/mcp");
    assert_eq!((status.selector.as_deref(), status.policy_version), (Some("skreaver.dev/agent=chalk"), Some(1)));
    assert_eq!((status.replicas, status.ready_replicas), (1, 1));
}

#[test]
fn one_that_comes_up_is_progressing() {
    let expected = "T/Valid T/Valid T/NoPolicy T/Updating F/Unavailable F/Healthy F/Updating";
    check(&Case { pods: None, ..case() }, expected);
    check(&Case { pods: Some(pods(0)), ..case() }, expected);
}

#[test]
fn a_missing_reference_is_told_in_full_and_keeps_what_runs() {
    let missing = |message: &str| Unresolved { reason: Reason::SecretNotFound, message: message.into() };
    let problem = Some(Problem::Unresolved(vec![missing("a is gone"), missing("b is gone")]));
    let case = Case { problem, ..case() };
    check(&case, "T/Valid F/SecretNotFound T/NoPolicy F/SecretNotFound T/Serving F/Healthy F/SecretNotFound");
    assert_eq!(status(&case).conditions[1].message, "a is gone; b is gone");
}

#[test]
fn a_taken_name_says_what_to_do() {
    let problem = Some(Problem::NameTaken(vec![(ChildKind::Service, "chalk".into())]));
    let case = Case { problem, pods: None, policies: None, ..case() };
    check(&case, "F/NameTaken T/Valid U/NotReported F/NameTaken F/Unavailable F/Healthy F/NameTaken");
    assert!(status(&case).conditions[0].message.starts_with("Service `chalk` exists already and does not belong"));
}

#[test]
fn an_api_error_does_not_unmake_readiness() {
    let failing = || Problem::api("apply", "Service", "chalk")(kube::Error::TlsRequired);
    let expected = "T/Valid T/Valid T/NoPolicy F/ApiError T/Serving F/Healthy";
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
    check(&case, "T/Valid T/Valid F/NotAccepted F/Complete T/Serving F/Healthy T/Serving");
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

fn broken(name: &str, reason: Option<ComponentReason>, message: &str) -> Component {
    Component { name: name.into(), state: ComponentState::NotReady, reason, message: Some(message.into()) }
}

fn telling(components: &[Component], stable: bool) -> Reports {
    let mut told = reports(&[1], stable);
    told.pods.values_mut().for_each(|report| report.components = components.to_vec());
    told
}

#[test]
fn a_lost_model_degrades_an_agent_that_is_ready() {
    let lost = [broken("model", Some(ComponentReason::Unauthorized), "the key is wrong")];
    let case = Case { reports: telling(&lost, true), ..case() };
    check(&case, "T/Valid T/Valid T/NoPolicy F/Complete T/Serving T/ModelUnavailable T/Serving");
    assert_eq!(status(&case).conditions[5].message, "the key is wrong");
}

#[test]
fn memory_that_does_not_work_is_why_an_agent_does_not_come_up() {
    let lost = [broken("model", None, "no route"), broken("memory", Some(ComponentReason::Unreachable), "Redis does not answer")];
    let case = Case { reports: telling(&lost, true), pods: Some(pods(0)), ..case() };
    check(&case, "T/Valid T/Valid T/NoPolicy T/Updating F/Unavailable T/MemoryUnavailable F/MemoryUnavailable");
    assert_eq!(status(&case).conditions[6].message, "Redis does not answer; no route");
}

#[test]
fn what_is_not_stable_changes_nothing_that_was_said() {
    let lost = [broken("model", None, "no route")];
    let case = |told: &[Component], stable, before: &AgentStatus| Case {
        reports: telling(told, stable),
        before: before.clone(),
        ..case()
    };
    let nothing = AgentStatus::default();
    assert_eq!(status(&case(&lost, false, &nothing)).conditions[5].reason, "Healthy");
    let said = status(&case(&lost, true, &nothing));
    assert_eq!(status(&case(&[], false, &said)).conditions[5].reason, "ModelUnavailable");
    assert_eq!(status(&case(&[], true, &said)).conditions[5].reason, "Healthy");
}

#[test]
fn memory_that_cannot_keep_the_class_is_a_spec_that_cannot_be_accepted() {
    let lost = [broken("memory", Some(ComponentReason::NotDurable), "Redis has no appendfsync always; set it")];
    let told = Case { reports: telling(&lost, false), pods: Some(pods(0)), ..case() };
    check(&told, "F/NotDurable T/Valid T/NoPolicy T/Updating F/Unavailable F/Healthy F/NotDurable");
    let before = status(&told);
    assert_eq!(before.conditions[0].message, "Redis has no appendfsync always; set it");
    // The pod starts anew: that alone is no better news.
    assert_eq!(
        status(&Case { reports: reports(&[], false), before: before.clone(), ..case() }).conditions[0].reason,
        "NotDurable"
    );
    assert_eq!(status(&Case { reports: reports(&[1], true), before, ..case() }).conditions[0].reason, "Valid");
}

#[test]
fn faults_of_the_spec_and_missing_references_are_told_apart() {
    let one = |reason, message: &str| Unresolved { reason, message: message.into() };
    let problem = Problem::Unresolved(vec![one(Reason::InvalidGoal, "no CEL"), one(Reason::ServiceNotFound, "no Service")]);
    let case = Case { problem: Some(problem), ..case() };
    check(&case, "F/InvalidGoal F/ServiceNotFound T/NoPolicy F/InvalidGoal T/Serving F/Healthy F/InvalidGoal");
    let told = status(&case);
    assert_eq!((told.conditions[0].message.as_str(), told.conditions[1].message.as_str()), ("no CEL", "no Service"));
}

#[test]
fn the_pod_of_a_stateful_set_that_does_not_come_up_in_time_is_stalled() {
    let mut agent = agent();
    agent.spec = serde_json::from_value(json!({"memory": {"backend": "SQLite"}})).unwrap();
    let at = |seconds: i64, before: &AgentStatus| {
        let (reports, policies) = (reports(&[], true), policies(&[], 1));
        let observation = Observation {
            agent: &agent,
            problem: None,
            policies: Some(&policies),
            auth: &CallerKeys::default(),
            pods: None,
            applied_generation: Some(1),
            reports: &reports,
            pinned: &[],
            before,
            cluster_domain: "cluster.test",
            now: Timestamp::from_second(seconds).unwrap(),
        };
        observe(&observation)
    };
    let first = at(0, &AgentStatus::default());
    assert_eq!(first.conditions[3].reason, "Updating");
    assert_eq!(overdue_in(&agent, &first, Timestamp::from_second(50).unwrap()), Some(Duration::from_secs(70)));
    assert_eq!(at(119, &first).conditions[3].reason, "Updating");
    let late = at(121, &first);
    assert_eq!((late.conditions[3].reason.as_str(), late.conditions[6].reason.as_str()), ("Stalled", "Stalled"));
    assert!(late.conditions[6].message.starts_with("pod `chalk-0` does not come up"));
    assert_eq!(at(200, &late).conditions[3].reason, "Stalled");
}

#[test]
fn steps_of_a_rollout_are_no_news_and_its_end_is() {
    let start = status(&Case { pods: None, ..case() });
    let step = status(&Case { pods: Some(pods(0)), before: start.clone(), ..case() });
    assert!(is_news(&AgentStatus::default(), &start));
    assert_ne!(start.replicas, step.replicas);
    assert!(!is_news(&start, &step));
    let end = status(&Case { before: start.clone(), ..case() });
    assert!(is_news(&start, &end));
    let fewer = AgentStatus { ready_replicas: 0, ..end.clone() };
    assert!(!is_news(&end, &end) && is_news(&end, &fewer));
}
