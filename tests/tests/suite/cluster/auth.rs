//! Who may ask an agent, as the chart has it: nobody who is not known, unless somebody said so.

use std::path::Path;

use reqwest::header::WWW_AUTHENTICATE;
use serde_json::json;
use skreaver_tests::{Namespace, binary, root, until};
use tempfile::TempDir;
use tokio::process::Command;

use super::{audience, observe_as, pods, token};

fn manifest(name: &str, spec: &str) -> String {
    format!("{{apiVersion: skreaver.dev/v1alpha1, kind: Agent, metadata: {{name: {name}}}, spec: {spec}}}")
}

async fn is_ready(namespace: &Namespace, agent: &str) {
    let what = format!("agent/{agent}");
    namespace.kubectl(&["wait", "--for=condition=Ready", &what, "--timeout=60s"]).await.unwrap();
}

/// How it is answered. The node's own rules for a Service follow its endpoints after a moment.
async fn status(namespace: &Namespace, agent: &str, credential: Option<&str>) -> u16 {
    let answer = async || observe_as(namespace, agent, credential, "hello").await.ok();
    until("the Service to lead to the agent", answer).await.0
}

#[tokio::test]
async fn who_is_not_known_is_refused_and_who_is_a_stranger_too() {
    let (namespace, other) = (Namespace::create("callers").await, Namespace::create("strangers").await);
    namespace.apply(&manifest("amber", "{tools: [{name: uppercase, type: Builtin}]}")).await.unwrap();
    namespace.apply(&manifest("basalt", "{expose: {auth: {type: None}}}")).await.unwrap();
    is_ready(&namespace, "amber").await;
    is_ready(&namespace, "basalt").await;
    let ours = audience(&namespace, "amber");
    let good = token(&namespace, "default", &ours).await;
    assert_eq!(status(&namespace, "amber", Some(&good)).await, 200);
    assert_eq!(status(&namespace, "amber", None).await, 401);
    for wrong in [
        token(&namespace, "default", &audience(&namespace, "basalt")).await,
        token(&namespace, "default", "https://kubernetes.default.svc.cluster.local").await,
        format!("{good}x"),
    ] {
        assert_eq!(status(&namespace, "amber", Some(&wrong)).await, 401);
    }
    assert_eq!(status(&namespace, "amber", Some(&token(&other, "default", &ours).await)).await, 403);
    assert_eq!(status(&namespace, "basalt", None).await, 200, "nobody is asked where that was said");

    // What the kubelet and Prometheus ask has a port of its own, where nobody is asked; on the other one metrics are for admins.
    let got = async |path: &str| reqwest::get(format!("http://amber.{}.svc.cluster.local{path}", namespace.name)).await.unwrap();
    for (path, status) in [(":9090/health", 200), (":9090/ready", 200), (":9090/metrics", 200), (":8080/health", 200)] {
        assert_eq!(got(path).await.status(), status, "{path}");
    }
    let refused = got(":8080/metrics").await;
    assert_eq!(refused.status(), 401);
    assert!(refused.headers()[WWW_AUTHENTICATE].to_str().unwrap().starts_with("Bearer"), "{refused:?}");
    let counted = got(":9090/metrics").await.text().await.unwrap();
    assert!(counted.contains("auth_refusals_total{"), "{counted}");
    namespace.delete().await;
    other.delete().await;
}

#[tokio::test]
async fn an_agent_asks_another_with_a_token_that_says_who_it_is() {
    let namespace = Namespace::create("peers").await;
    let only = |account: &str| {
        let subject = format!("{{kind: ServiceAccount, name: {account}, namespace: {}}}", namespace.name);
        let auth = format!("{{bindings: [{{role: user, subjects: [{subject}]}}]}}");
        manifest("helper", &format!("{{expose: {{auth: {auth}}}, tools: [{{name: uppercase, type: Builtin}}]}}"))
    };
    namespace.apply(&only("asker")).await.unwrap();
    let tools = "{tools: [{name: helper, type: Agent, agent: {name: helper}}]}";
    namespace.apply(&manifest("asker", tools)).await.unwrap();
    is_ready(&namespace, "helper").await;
    is_ready(&namespace, "asker").await;
    let mine = token(&namespace, "default", &audience(&namespace, "asker")).await;
    let through = async || observe_as(&namespace, "asker", Some(&mine), "helper:uppercase:hello").await.ok();
    let answer = until("the helper to answer through the asker", async || through().await.filter(|(status, _)| *status == 200));
    assert_eq!(answer.await.1["output"], "HELLO");
    let direct = token(&namespace, "default", &audience(&namespace, "helper")).await;
    assert_eq!(status(&namespace, "helper", Some(&direct)).await, 403, "only the asker may");

    namespace.apply(&only("somebody-else")).await.unwrap();
    until("the asker to be refused", async || {
        through().await.filter(|(status, answer)| *status != 200 || answer["output"] != "HELLO")
    })
    .await;
    namespace.delete().await;
}

/// A key, and the line that is kept of it.
async fn new_key(name: &str) -> (String, String) {
    let made = Command::new(binary("skreaver")).args(["keys", "new", name, "--roles", "user"]).output().await.unwrap();
    let text = String::from_utf8(made.stdout).unwrap();
    let (key, line) = text.trim().split_once('\n').unwrap();
    (key.to_owned(), line.trim().to_owned())
}

/// Writes the Secret, and has the kubelet look at once: by itself it takes a minute or so.
async fn keep(namespace: &Namespace, lines: &[&str]) {
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "clerk-keys"}, "stringData": {"till": lines.join("\n")}});
    namespace.apply(&secret.to_string()).await.unwrap();
    nudge(namespace, "amber").await;
}

async fn nudge(namespace: &Namespace, agent: &str) {
    let now = format!("seen-at={}", jiff::Timestamp::now().as_millisecond());
    for pod in pods(namespace, agent).await {
        namespace.kubectl(&["annotate", "--overwrite", "pod", &pod, &now]).await.unwrap();
    }
}

#[tokio::test]
async fn api_keys_of_a_secret_come_and_go_without_a_refused_request() {
    let namespace = Namespace::create("keys").await;
    namespace.apply(&manifest("amber", "{expose: {auth: {apiKeys: {secretRef: {name: clerk-keys}}}}}")).await.unwrap();
    is_ready(&namespace, "amber").await;
    let ((old, old_line), (new, new_line)) = (new_key("till").await, new_key("till").await);
    let answered = async |key: &str| status(&namespace, "amber", Some(key)).await;
    assert_eq!(answered(&old).await, 401, "there is no Secret yet");

    let pod = pods(&namespace, "amber").await;
    keep(&namespace, &["nothing that is a key", &old_line]).await;
    until("the key to be taken, whatever stands beside it", async || (answered(&old).await == 200).then_some(())).await;
    keep(&namespace, &[&old_line, &new_line]).await;
    until("the new key to be taken", async || {
        assert_eq!(answered(&old).await, 200, "the old one is good meanwhile");
        (answered(&new).await == 200).then_some(())
    })
    .await;
    keep(&namespace, &[&new_line]).await;
    until("the old key to be refused", async || {
        assert_eq!(answered(&new).await, 200, "the new one is good all the time");
        (answered(&old).await == 401).then_some(())
    })
    .await;
    assert_eq!(pods(&namespace, "amber").await, pod, "no key rolls a pod");
    namespace.delete().await;
}

/// The blocks of shell lines of a page.
fn blocks(page: &str) -> Vec<String> {
    let text = std::fs::read_to_string(root().join(page)).unwrap();
    text.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

/// Types lines into a shell that finds the samples and our programs, and returns what they print.
async fn typed(folder: &Path, lines: &str) -> String {
    // Whoever types is slower than a port-forward that starts.
    let lines = lines.replace("8080 &\n", "8080 &\nuntil (: </dev/tcp/127.0.0.1/8080) 2>/dev/null; do sleep 0.1; done\n");
    let programs = binary("skreaver").parent().unwrap().display().to_string();
    let path = format!("{programs}:{}", std::env::var("PATH").unwrap());
    let script = format!("set -euo pipefail\ntrap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n{lines}");
    let output = Command::new("bash").args(["-c", &script]).current_dir(folder).env("PATH", path).output().await.unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{lines}\n{text}\n{}", String::from_utf8_lossy(&output.stderr));
    text
}

fn key_in(printed: &str) -> String {
    printed.lines().find(|line| line.starts_with("skr_")).expect("a key is printed").to_owned()
}

/// The README's, which begin with the installation that the tests stand on, and those of docs/auth-cluster.md after them.
#[tokio::test]
async fn the_first_steps_work_as_they_are_written() {
    let folder = TempDir::new().unwrap();
    std::os::unix::fs::symlink(root().join("config"), folder.path().join("config")).unwrap();
    let readme = blocks("README.md").into_iter().find(|block| block.contains("helm install")).unwrap();
    let (install, steps) = readme.split_once('\n').unwrap();
    assert!(install.starts_with("helm install skreaver charts/skreaver --namespace skreaver-system"), "{install}");
    let [ask, new, renew] = &blocks("docs/auth-cluster.md")[..] else { panic!("the page has three steps") };
    let namespace = Namespace { name: "default".into() };
    let nobody = "agent/shouter secret/clerk-keys --ignore-not-found";
    typed(folder.path(), &format!("kubectl delete {nobody}\n")).await;

    assert!(typed(folder.path(), steps).await.contains("\"output\":\"HELLO\""));
    assert!(typed(folder.path(), ask).await.contains("\"shouter\""));
    let first = key_in(&typed(folder.path(), new).await);
    let answered = async |key: &str| status(&namespace, "shouter", Some(key)).await;
    until("the key to be taken", async || (answered(&first).await == 200).then_some(())).await;
    let second = key_in(&typed(folder.path(), renew).await);
    nudge(&namespace, "shouter").await;
    until("the other key to be taken", async || (answered(&second).await == 200).then_some(())).await;
    assert_eq!(answered(&first).await, 200);
    typed(folder.path(), &format!("kubectl delete {nobody}\n")).await;
}
