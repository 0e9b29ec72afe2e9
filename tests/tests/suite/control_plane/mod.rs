//! The operator against a real API server, without nodes: everything that does not need a running pod.

mod children;
mod malformed;
mod policies;
mod references;
mod restarts;
mod scopes;
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
        let operator = Self::launch(namespace, more);
        let Self { mut program, admin } = operator;
        program.ready(&format!("http://{admin}/ready")).await.unwrap();
        Self { program, admin }
    }

    fn launch(namespace: &Namespace, more: &[&str]) -> Self {
        let admin = format!("127.0.0.1:{}", free_port());
        let mut own = vec!["--admin-listen", admin.as_str(), "--namespace", &namespace.name];
        if !more.contains(&"--watch-namespaces") {
            own.extend(["--watch-namespaces", &namespace.name]);
        }
        if !more.contains(&"--leader-elect") {
            own.extend(["--leader-elect", "false"]);
        }
        let program = Program::start("operator", &[own.as_slice(), more].concat()).unwrap();
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
