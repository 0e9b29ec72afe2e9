//! The operator as the platform team meets it: it dies and is replaced, and what it may do is little.

use std::time::Instant;

use skreaver_tests::{Namespace, kubectl, until};

use super::{SYSTEM, agent, ready};

async fn leader() -> Option<String> {
    let args = ["--namespace", SYSTEM, "get", "lease", "skreaver-operator", "-o", "jsonpath={.spec.holderIdentity}"];
    kubectl(&args, "").await.ok().filter(|holder| !holder.is_empty())
}

/// The name of the pod that leads: the one that the control Service selects.
async fn leading_pod() -> Option<String> {
    let args =
        ["--namespace", SYSTEM, "get", "pods", "-l", "skreaver.dev/leader=true", "-o", "jsonpath={.items[*].metadata.name}"];
    kubectl(&args, "").await.ok().filter(|names| !names.is_empty() && !names.contains(' '))
}

#[tokio::test]
async fn a_second_operator_takes_over_when_the_first_is_killed() {
    let namespace = Namespace::create("takeover").await;
    namespace.apply(&agent("amber", "{}")).await.unwrap();
    ready(&namespace, "amber").await;
    let first = until("a leader", async || leading_pod().await).await;
    let holder = leader().await.unwrap();
    kubectl(&["--namespace", SYSTEM, "delete", "pod", &first, "--grace-period=0", "--force"], "").await.unwrap();
    let killed = Instant::now();
    until("another leader", async || leader().await.filter(|now| *now != holder)).await;
    println!("another operator leads after {:?}", killed.elapsed());
    until("its pod to be the one that agents reach", async || leading_pod().await.filter(|pod| *pod != first)).await;
    namespace.apply(&agent("basalt", "{}")).await.unwrap();
    ready(&namespace, "basalt").await;
    kubectl(&["--namespace", SYSTEM, "rollout", "status", "deployment", "skreaver-operator", "--timeout=60s"], "").await.unwrap();
    namespace.delete().await;
}

async fn may(user: &str, verb: &str, resource: &str, namespace: &str) -> bool {
    let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
    let subresource = format!("--subresource={subresource}");
    // The answer "no" is exit code 1.
    kubectl(&["auth", "can-i", verb, resource, &subresource, "--as", user, "--namespace", namespace], "").await.is_ok()
}

#[tokio::test]
async fn rights_are_few() {
    let namespace = Namespace::create("rights").await;
    let operator = format!("system:serviceaccount:{SYSTEM}:skreaver-operator");
    for (verb, resource) in [
        ("get", "secrets"),
        ("create", "deployments.apps"),
        ("create", "statefulsets.apps"),
        ("patch", "agents.skreaver.dev/status"),
    ] {
        assert!(may(&operator, verb, resource, &namespace.name).await, "{verb} {resource}");
    }
    assert!(!may(&operator, "update", "agents.skreaver.dev/status", &namespace.name).await);
    for (verb, resource) in [
        ("list", "secrets"),
        ("watch", "secrets"),
        ("create", "pods"),
        ("create", "pods/exec"),
        ("delete", "agents.skreaver.dev"),
        ("patch", "toolpolicies.skreaver.dev"),
        ("create", "clusterroles"),
        ("get", "nodes"),
    ] {
        assert!(!may(&operator, verb, resource, &namespace.name).await, "{verb} {resource}");
    }
    // Who may edit a namespace may make agents and not loosen what they may do.
    let subject = format!("--serviceaccount={}:developer", namespace.name);
    namespace.kubectl(&["create", "serviceaccount", "developer"]).await.unwrap();
    namespace.kubectl(&["create", "rolebinding", "developer", "--clusterrole=edit", &subject]).await.unwrap();
    let developer = format!("system:serviceaccount:{}:developer", namespace.name);
    until("the aggregated role", async || may(&developer, "create", "agents.skreaver.dev", &namespace.name).await.then_some(()))
        .await;
    assert!(may(&developer, "get", "toolpolicies.skreaver.dev", &namespace.name).await);
    assert!(!may(&developer, "delete", "toolpolicies.skreaver.dev", &namespace.name).await);
    // The pods of an agent are nobody to the API server: they hold no token for it.
    namespace.apply(&agent("amber", "{}")).await.unwrap();
    ready(&namespace, "amber").await;
    let pod = &namespace.list("pods").await[0];
    assert_eq!(pod["spec"]["automountServiceAccountToken"], false);
    namespace.delete().await;
}
