//! Runs that outlive their pods: two replicas that share a Redis, and a model that takes its time.

use std::time::Duration;

use serde_json::{Value, json};
use skreaver_tests::{Namespace, until};

use super::{agent, pods, ready};

/// Two sums and a sentence, with time between them for a pod to die.
const SCRIPT: &str = r#"
rules:
- {when: {tool_results: 0, last_user_contains: sums}, delay_ms: 300, answer: {tool_calls: [{name: add, arguments: {a: 1, b: 2}}]}}
- {when: {tool_results: 1}, delay_ms: 4000, answer: {tool_calls: [{name: add, arguments: {a: 3, b: 4}}]}}
- {when: {tool_results: 2}, delay_ms: 300, answer: {text: "the sums are {{tool_results}}"}}
"#;

/// A pod with one container under the restricted profile, and a Service of its name.
fn server(name: &str, image: &str, port: u16, args: &[&str], more: &str) -> String {
    let args = json!(args);
    format!(
        "{{apiVersion: v1, kind: Pod, metadata: {{name: {name}, labels: {{app: {name}}}}}, spec: {{terminationGracePeriodSeconds: 0, \
         securityContext: {{runAsNonRoot: true, runAsUser: 65532, fsGroup: 65532, seccompProfile: {{type: RuntimeDefault}}}}, \
         volumes: [{{name: data, emptyDir: {{}}}}, {{name: script, configMap: {{name: script}}}}], \
         containers: [{{name: server, image: '{image}', imagePullPolicy: IfNotPresent, args: {args}, \
         volumeMounts: [{{name: data, mountPath: /data}}, {{name: script, mountPath: /script}}], \
         readinessProbe: {{tcpSocket: {{port: {port}}}, periodSeconds: 1}}, \
         securityContext: {{allowPrivilegeEscalation: false, capabilities: {{drop: [ALL]}}}}}}]}}}}\n---\n\
         {{apiVersion: v1, kind: Service, metadata: {{name: {name}}}, spec: {{selector: {{app: {name}}}, ports: [{{port: {port}}}]}}}}{more}"
    )
}

async fn observe(url: &str, key: &str) -> anyhow::Result<(u16, Value)> {
    let request = reqwest::Client::new().post(url).header("idempotency-key", key).json(&json!({ "input": "do the sums" }));
    let response = request.timeout(Duration::from_secs(60)).send().await?;
    Ok((response.status().as_u16(), response.json().await?))
}

/// The pod of an agent that works on a run, by its metrics.
async fn busy_pod(namespace: &Namespace, agent: &str) -> Option<String> {
    for pod in pods(namespace, agent).await {
        let address = namespace.get("pod", &pod).await?["status"]["podIP"].as_str()?.to_owned();
        let metrics = reqwest::get(format!("http://{address}:9090/metrics")).await.ok()?.text().await.ok()?;
        if metrics.lines().any(|line| line == "agent_runs_active 1") {
            return Some(pod);
        }
    }
    None
}

/// Kills the process of a pod as a crash does: nothing of it gets to know.
fn kill(pod: &str) {
    let host = format!("HOSTNAME={pod}");
    let is_of_pod = |pid: &str| {
        let environ = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environ.split(|byte| *byte == 0).any(|variable| variable == host.as_bytes())
    };
    let names = std::fs::read_dir("/proc").unwrap().filter_map(|entry| entry.unwrap().file_name().into_string().ok());
    let pids: Vec<_> = names.filter(|name| name.parse::<u32>().is_ok()).filter(|pid| is_of_pod(pid)).collect();
    assert_eq!(pids.len(), 1, "one process runs in pod {pod}");
    assert!(std::process::Command::new("kill").args(["-KILL", &pids[0]]).status().unwrap().success());
}

#[tokio::test]
async fn a_run_whose_pod_is_killed_is_finished_by_another_and_the_retry_gets_its_answer() {
    let namespace = Namespace::create("runs").await;
    let redis = ["--appendonly", "yes", "--appendfsync", "always", "--dir", "/data", "--protected-mode", "no", "--save", ""];
    let secrets = "\n---\n{apiVersion: v1, kind: Secret, metadata: {name: redis}, stringData: {url: 'redis://redis:6379'}}";
    let script =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "script"}, "data": {"script.yaml": SCRIPT}});
    let model = server(
        "model",
        "skreaver/scripted-model:dev",
        8000,
        &["--listen", "0.0.0.0:8000", "--script", "/script/script.yaml"],
        "",
    );
    let all = [script.to_string(), server("redis", "skreaver/redis:dev", 6379, &redis, secrets), model].join("\n---\n");
    namespace.apply(&all).await.unwrap();
    namespace.kubectl(&["wait", "--for=condition=Ready", "pod", "--all", "--timeout=60s"]).await.unwrap();
    let spec = "{model: {provider: OpenAICompatible, name: mock, baseURL: 'http://model:8000/v1'}, tools: [{name: add, type: Builtin}], \
                memory: {backend: Redis, redis: {endpoints: ['redis:6379'], urlSecretKeyRef: {name: redis, key: url}}}, \
                durability: Durable, replicas: 2}";
    namespace.apply(&agent("clerk", spec)).await.unwrap();
    ready(&namespace, "clerk").await;

    let url = format!("http://clerk.{}.svc.cluster.local:8080/agents/clerk/observe", namespace.name);
    let first = tokio::spawn({
        let url = url.clone();
        async move { observe(&url, "sums-1").await }
    });
    // It waits for the second of three answers: the first one is written down.
    let pod = until("a pod to work on the run", async || busy_pod(&namespace, "clerk").await).await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    kill(&pod);
    namespace.kubectl(&["delete", "pod", &pod, "--grace-period=0", "--force"]).await.unwrap();
    assert!(first.await.unwrap().is_err(), "the connection went with the pod");

    let answered =
        until("the retry to be answered", async || observe(&url, "sums-1").await.ok().filter(|(status, _)| *status == 200));
    let (_, answer) = answered.await;
    assert_eq!(answer["output"], "the sums are 3, 7", "{answer}");
    assert_eq!(answer["tool_calls"].as_array().unwrap().len(), 2, "{answer}");
    // What the model had answered was not asked for again; the question that was under way was.
    let asked: Value = reqwest::get(format!("http://model.{}.svc.cluster.local:8000/requests", namespace.name))
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(asked.as_array().unwrap().len(), 4 + hellos(&asked), "{asked}");
    namespace.delete().await;
}

/// The questions by which the test waited for the agent.
fn hellos(asked: &Value) -> usize {
    asked.as_array().unwrap().iter().filter(|request| !request.to_string().contains("do the sums")).count()
}
