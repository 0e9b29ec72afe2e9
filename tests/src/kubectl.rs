//! A cluster as a user sees it: through kubectl, which finds it by KUBECONFIG.

use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, bail};
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::until;

/// Runs kubectl with this input.
///
/// # Errors
/// What kubectl printed, when it failed.
pub async fn kubectl(args: &[&str], input: &str) -> anyhow::Result<String> {
    let mut command = Command::new("kubectl");
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().context("failed to start kubectl")?;
    let mut stdin = child.stdin.take().context("standard input is a pipe")?;
    stdin.write_all(input.as_bytes()).await?;
    drop(stdin);
    let output = child.wait_with_output().await?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// A namespace of one test. It is deleted by [`Namespace::delete`], or stays for a look after a failure.
pub struct Namespace {
    /// Its name.
    pub name: String,
}

impl Namespace {
    /// A fresh namespace under restricted pod security.
    ///
    /// # Panics
    /// When the cluster refuses it.
    pub async fn create(purpose: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("{purpose}-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let labels = "{pod-security.kubernetes.io/enforce: restricted}";
        let manifest = format!("{{apiVersion: v1, kind: Namespace, metadata: {{name: {name}, labels: {labels}}}}}");
        kubectl(&["create", "-f", "-"], &manifest).await.expect("a namespace can be created");
        Self { name }
    }

    /// kubectl in this namespace.
    ///
    /// # Errors
    /// What kubectl printed, when it failed.
    pub async fn kubectl(&self, args: &[&str]) -> anyhow::Result<String> {
        kubectl(&[&["--namespace", &self.name], args].concat(), "").await
    }

    /// Applies manifests as a user does.
    ///
    /// # Errors
    /// What kubectl printed, when they were refused.
    pub async fn apply(&self, manifests: &str) -> anyhow::Result<String> {
        self.apply_with(&[], manifests).await
    }

    /// Applies manifests with flags of `kubectl apply`.
    ///
    /// # Errors
    /// What kubectl printed, when they were refused.
    pub async fn apply_with(&self, flags: &[&str], manifests: &str) -> anyhow::Result<String> {
        kubectl(&[&["--namespace", &self.name, "apply", "-f", "-"], flags].concat(), manifests).await
    }

    /// An object; nothing when it does not exist.
    pub async fn get(&self, kind: &str, name: &str) -> Option<Value> {
        let text = self.kubectl(&["get", kind, name, "--ignore-not-found", "--output=json"]).await.ok()?;
        serde_json::from_str(&text).ok()
    }

    /// All objects of a kind.
    ///
    /// # Panics
    /// When they cannot be listed.
    pub async fn list(&self, kind: &str) -> Vec<Value> {
        let text = self.kubectl(&["get", kind, "--output=json"]).await.expect("objects can be listed");
        let list: Value = serde_json::from_str(&text).expect("kubectl prints JSON");
        list["items"].as_array().cloned().unwrap_or_default()
    }

    /// Waits until a condition of an object has this status and reason, and returns its message.
    pub async fn condition(&self, kind: &str, name: &str, condition: &str, status: &str, reason: &str) -> String {
        until(&format!("{kind} {name} to have {condition}={status} with reason {reason}"), async || {
            let found = self.find_condition(kind, name, condition).await?;
            (found["status"] == status && found["reason"] == reason)
                .then(|| found["message"].as_str().unwrap_or_default().to_owned())
        })
        .await
    }

    /// A condition of an object as it is.
    pub async fn find_condition(&self, kind: &str, name: &str, condition: &str) -> Option<Value> {
        let object = self.get(kind, name).await?;
        object["status"]["conditions"].as_array()?.iter().find(|found| found["type"] == condition).cloned()
    }

    /// Deletes the namespace and does not wait for it.
    pub async fn delete(self) {
        let _ = kubectl(&["delete", "namespace", &self.name, "--wait=false"], "").await;
    }
}
