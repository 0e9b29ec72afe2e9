//! The operator against a real API server, without nodes: everything that does not need a running pod.

mod approvals;
mod auth;
mod children;
mod issuer;
mod malformed;
mod pod;
mod policies;
mod references;
mod release;
mod restarts;
mod scopes;
mod tokens;
mod verdicts;

use skreaver_tests::{Namespace, Program, free_port};

/// An operator of this machine's that works on one namespace.
struct Operator {
    program: Program,
    admin: String,
}

impl Operator {
    /// Starts it and waits until it watches.
    async fn start(namespace: &Namespace, more: &[&str]) -> Self {
        Self::launch(namespace, more).ready().await
    }

    async fn ready(mut self) -> Self {
        self.program.ready(&format!("http://{}/ready", self.admin)).await.unwrap();
        self
    }

    fn launch(namespace: &Namespace, more: &[&str]) -> Self {
        Self::launch_with(namespace, more, &[])
    }

    fn launch_with(namespace: &Namespace, more: &[&str], environment: &[(&str, &str)]) -> Self {
        let admin = format!("127.0.0.1:{}", free_port());
        let mut own = vec!["--admin-listen", admin.as_str(), "--namespace", &namespace.name];
        if !more.contains(&"--watch-namespaces") {
            own.extend(["--watch-namespaces", &namespace.name]);
        }
        if !more.contains(&"--leader-elect") {
            own.extend(["--leader-elect", "false"]);
        }
        let program = Program::start_with("operator", &[own.as_slice(), more].concat(), environment).unwrap();
        Self { program, admin }
    }

    async fn stop(self) {
        self.program.signal("TERM").await.unwrap();
        let (status, _, stderr) = self.program.end().await.unwrap();
        assert!(status.success(), "{status}: {stderr}");
    }

    async fn kill(self) {
        self.program.signal("KILL").await.unwrap();
        self.program.end().await.unwrap();
    }
}

fn agent(name: &str, spec: &str) -> String {
    format!(
        "{{apiVersion: skreaver.dev/v1alpha1, kind: Agent, metadata: {{name: {name}, labels: {{tier: internal}}}}, spec: {spec}}}"
    )
}

const CHILDREN: [&str; 5] = ["configmap", "serviceaccount", "service", "networkpolicy", "deployment"];
