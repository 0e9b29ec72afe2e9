//! The chart as the platform team meets it.

use std::process::Command;

use skreaver_tests::{Namespace, kubectl, root, until};

use super::{SYSTEM, agent, observe, ready};

/// Runs helm; tells what it printed, good or bad.
fn helm(args: &[&str]) -> Result<String, String> {
    let output = Command::new("helm").args(args).current_dir(root()).output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if output.status.success() { Ok(said) } else { Err(said) }
}

const CHART: &str = "charts/skreaver";

#[tokio::test]
async fn the_chart_is_clean_and_refuses_wrong_values() {
    helm(&["lint", "--strict", CHART]).unwrap();
    for good in [
        "watchNamespaces={a,b}",
        "control.enabled=false",
        "checkSecrets=false",
        "replicas=0",
        "requireToolPolicy=true",
        "auth.default=None",
        "auth.authorities=corporate",
    ] {
        helm(&["template", "x", CHART, "--set", good]).unwrap_or_else(|said| panic!("{good}: {said}"));
    }
    for (wrong, named) in [
        ("replicaz=2", "replicaz"),
        ("replicas=two", "replicas"),
        ("image.pullPolicy=Sometimes", "pullPolicy"),
        ("control.enabled=maybe", "enabled"),
        ("watchNamespaces={Bad_Name}", "watchNamespaces"),
        ("log.level=", "level"),
        ("auth.default=Nobody", "default"),
    ] {
        let said = helm(&["template", "x", CHART, "--set", wrong]).expect_err(wrong);
        assert!(said.contains(named), "{wrong}: {said}");
    }
}

#[tokio::test]
async fn uninstalling_keeps_agents_and_installing_again_takes_them_up() {
    let namespace = Namespace::create("kept").await;
    namespace.apply(&agent("amber", "{}")).await.unwrap();
    ready(&namespace, "amber").await;
    let values = helm(&["get", "values", "skreaver", "--namespace", SYSTEM, "--output", "yaml"]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("values.yaml");
    std::fs::write(&file, values).unwrap();

    helm(&["uninstall", "skreaver", "--namespace", SYSTEM, "--wait", "--timeout", "60s"]).unwrap();
    for crd in ["agents.skreaver.dev", "toolpolicies.skreaver.dev", "toolapprovals.skreaver.dev"] {
        kubectl(&["get", "crd", crd], "").await.unwrap();
    }
    assert_eq!(observe(&namespace, "amber", "still here").await.unwrap().1["output"], "still here");
    let left =
        kubectl(&["--namespace", SYSTEM, "get", "deployments,services,roles,rolebindings,serviceaccounts", "-o", "name"], "")
            .await;
    assert_eq!(left.unwrap().trim(), "serviceaccount/default");

    let file = file.to_str().unwrap();
    helm(&["install", "skreaver", CHART, "--namespace", SYSTEM, "--values", file, "--wait", "--timeout", "90s"]).unwrap();
    namespace.kubectl(&["scale", "agent", "amber", "--replicas=2"]).await.unwrap();
    until("the operator to take the Agent up again", async || {
        (namespace.get("agent", "amber").await?["status"]["readyReplicas"] == 2).then_some(())
    })
    .await;
    namespace.delete().await;
}
