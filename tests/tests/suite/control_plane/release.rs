//! A release of the chart for one namespace, without its pods: its operator runs here, with the rights that the chart gives it.

use skreaver_tests::{Namespace, free_port, kubectl, root, until};
use tempfile::TempDir;
use tokio::process::Command;

use super::Operator;

/// What of the chart is not pods: who may what, and admission.
const TEMPLATES: [&str; 4] = ["service-account", "operator-roles", "user-roles", "approval-admission"];

/// What the chart made for a namespace, which is the name of the release's objects too.
pub struct Release {
    manifests: String,
    /// Holds the kubeconfig of the operator's ServiceAccount.
    folder: TempDir,
    /// The port of the control channel.
    pub port: u16,
}

impl Release {
    /// Installs it, lets the group of the namespace's name approve, and waits until admission is at work.
    pub async fn install(namespace: &Namespace) -> Self {
        let manifests = template(&namespace.name).await;
        namespace.apply(&manifests).await.unwrap();
        let (role, group) = (format!("--clusterrole={}-approver", namespace.name), format!("--group={}", namespace.name));
        namespace.kubectl(&["create", "rolebinding", "approvers", &role, &group]).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let release = Self { manifests, folder, port: free_port() };
        let own = kubectl(&["config", "view", "--raw", "--flatten"], "").await.unwrap();
        let mut own: serde_yaml::Value = serde_yaml::from_str(&own).unwrap();
        let token = namespace.kubectl(&["create", "token", &namespace.name]).await.unwrap();
        own["users"][0]["user"] = serde_yaml::from_str(&format!("{{token: {}}}", token.trim())).unwrap();
        std::fs::write(release.kubeconfig(), serde_yaml::to_string(&own).unwrap()).unwrap();
        let forged = approval(&namespace.name, 1);
        let dry = ["create", "--dry-run=server", "-f", "-", "--namespace", &namespace.name];
        until("admission to be at work", async || kubectl(&dry, &forged).await.is_err().then_some(())).await;
        release
    }

    /// Starts its operator.
    pub async fn operator(&self, namespace: &Namespace, more: &[&str]) -> Operator {
        let listen = format!("127.0.0.1:{}", self.port);
        let own = ["--control-service", "control", "--control-listen", &listen];
        Operator::launch_with(namespace, &[&own, more].concat(), &[("KUBECONFIG", &self.kubeconfig())]).ready().await
    }

    /// Removes what of it lies in no namespace.
    pub async fn remove(self) {
        kubectl(&["delete", "--ignore-not-found", "--wait=false", "-f", "-"], &self.manifests).await.unwrap();
    }

    fn kubeconfig(&self) -> String {
        self.folder.path().join("kubeconfig").to_str().unwrap().to_owned()
    }
}

/// A ToolApproval as the operator makes them.
pub fn approval(namespace: &str, quorum: u32) -> String {
    let spec = format!(
        "{{agent: amber, run: r, step: 0, tool: pay, digest: ab, preview: '{{}}', askedBy: [], quorum: {quorum}, expiresAt: '2100-01-01T00:00:00Z'}}"
    );
    format!(
        "{{apiVersion: skreaver.dev/v1alpha1, kind: ToolApproval, metadata: {{name: amber-0, namespace: {namespace}}}, spec: {spec}}}"
    )
}

async fn template(namespace: &str) -> String {
    let mut helm = Command::new("helm");
    helm.args(["template", "skreaver", "--namespace", namespace]).arg(root().join("charts/skreaver"));
    helm.args(["--set", &format!("watchNamespaces={{{namespace}}},fullnameOverride={namespace}")]);
    for name in TEMPLATES {
        helm.args(["--show-only", &format!("templates/{name}.yaml")]);
    }
    let output = helm.output().await.expect("helm is built with the control plane");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
