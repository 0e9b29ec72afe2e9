//! MCP's reference servers as tools of an Agent: each is a pod of a program that nobody here wrote, reached through its Service.
//! `everything` speaks streamable HTTP; the others speak over standard input and output, and `tests/reference-servers/bridge.py`
//! passes on what they say.

use std::time::Instant;

use serde_json::{Value, json};
use skreaver_tests::{Namespace, until};

use super::{agent, ask, listed, pods, ready};

const PYTHON: &str = "/servers/bin/python";
const NODE: &str = "/servers/bin/node";

/// What the servers are about: files to read, one beside them that is not to be read, and a repository with one commit.
const PREPARE: &str = r#"
import git, pathlib
data = pathlib.Path("/data")
files, ledger = data / "files", data / "ledger"
files.mkdir(), ledger.mkdir()
(data / "private.txt").write_text("nobody's business")
(files / "page.html").write_text("<html><head><title>Quarry</title></head><body><h1>Slate</h1><p>The quarry sells slate.</p></body></html>")
(files / "greeting.txt").write_text("slate and flint")
(ledger / "book.txt").write_text("one")
repository = git.Repo.init(ledger, initial_branch="main")
repository.index.add(["book.txt"])
author = git.Actor("Quarry", "quarry@example.com")
repository.index.commit("Opens the ledger", author=author, committer=author)
(ledger / "book.txt").write_text("two")
"#;

/// A Deployment of one server, and a Service of its name.
fn server(name: &str, command: &[&str]) -> String {
    let image = "image: 'skreaver/reference-servers:dev', imagePullPolicy: IfNotPresent";
    let more = "env: [{name: PORT, value: '8000'}, {name: HOME, value: /data}], volumeMounts: [{name: data, mountPath: /data}], \
                securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}, readOnlyRootFilesystem: true}";
    let (command, prepare) = (json!(command), json!([PYTHON, "-c", PREPARE]));
    format!(
        "{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: {name}}}, spec: {{selector: {{matchLabels: {{app: {name}}}}}, \
         template: {{metadata: {{labels: {{app: {name}}}}}, spec: {{terminationGracePeriodSeconds: 0, volumes: [{{name: data, emptyDir: {{}}}}], \
         securityContext: {{runAsNonRoot: true, runAsUser: 65532, seccompProfile: {{type: RuntimeDefault}}}}, \
         initContainers: [{{name: prepare, {image}, command: {prepare}, {more}}}], \
         containers: [{{name: server, {image}, command: {command}, readinessProbe: {{tcpSocket: {{port: 8000}}, periodSeconds: 1}}, {more}}}]}}}}}}}}\n---\n\
         {{apiVersion: v1, kind: Service, metadata: {{name: {name}}}, spec: {{selector: {{app: {name}}}, ports: [{{port: 8000}}]}}}}\n---\n"
    )
}

fn bridged(name: &str, command: &[&str]) -> String {
    server(name, &[&[PYTHON, "/servers/bridge.py"], command].concat())
}

fn module(server: &str) -> String {
    format!("/servers/node_modules/@modelcontextprotocol/server-{server}/dist/index.js")
}

/// The five servers, and one that serves a page over plain HTTP.
fn servers() -> String {
    [
        server("everything", &[NODE, &module("everything"), "streamableHttp"]),
        server("pages", &[PYTHON, "-m", "http.server", "8000", "--directory", "/data/files"]),
        bridged("files", &[NODE, &module("filesystem"), "/data/files"]),
        bridged("clock", &[PYTHON, "-m", "mcp_server_time", "--local-timezone", "UTC"]),
        bridged("fetch", &[PYTHON, "-m", "mcp_server_fetch", "--allow-private-ips"]),
        bridged("git", &[PYTHON, "-m", "mcp_server_git", "--repository", "/data/ledger"]),
    ]
    .concat()
}

const NAMES: [&str; 5] = ["everything", "files", "clock", "fetch", "git"];

fn amber(namespace: &Namespace) -> String {
    let url = |name: &str| format!("http://{name}.{}.svc:8000/mcp", namespace.name);
    let tools = NAMES.map(|name| format!("{{name: {name}, type: MCP, mcp: {{url: '{}'}}}}", url(name)));
    agent("amber", &format!("{{tools: [{}]}}", tools.join(", ")))
}

/// What a call through the agent gave, as a text; an error is one, too.
async fn call(namespace: &Namespace, tool: &str, arguments: Value) -> Result<String, String> {
    let answer = ask(namespace, "amber", "tools/call", json!({"name": tool, "arguments": arguments})).await;
    let answer = answer.ok_or("the agent does not answer")?;
    let text = answer["result"]["content"][0]["text"].as_str();
    match (text, &answer["result"]["isError"]) {
        (Some(text), Value::Bool(false)) => Ok(text.to_owned()),
        (Some(text), _) => Err(text.to_owned()),
        (None, _) => Err(answer.to_string()),
    }
}

async fn gives(namespace: &Namespace, tool: &str, arguments: Value, expected: &str) {
    let given = call(namespace, tool, arguments).await;
    assert!(given.as_ref().is_ok_and(|text| text.contains(expected)), "{tool}: wanted `{expected}`: {given:?}");
}

async fn fails(namespace: &Namespace, tool: &str, arguments: Value, why: &str) {
    let given = call(namespace, tool, arguments).await;
    assert!(given.as_ref().is_err_and(|text| text.contains(why)), "{tool}: wanted `{why}`: {given:?}");
}

/// How many tools each server has, as the Agent's status tells it.
async fn has_all_tools(namespace: &Namespace) {
    let expected = [("everything", 13), ("files", 14), ("clock", 2), ("fetch", 1), ("git", 12)];
    until("the tools of all servers in status", async || {
        let status = namespace.get("agent", "amber").await?["status"].clone();
        let found = status["tools"].as_array()?.iter();
        let found: Option<Vec<_>> =
            found.map(|source| Some((source["name"].as_str()?, source["tools"].as_array()?.len()))).collect();
        (found? == expected).then_some(())
    })
    .await;
    // The agent itself is one more.
    let all = 1 + expected.iter().map(|(_, tools)| tools).sum::<usize>();
    assert_eq!(listed(namespace, "amber").await.map(|tools| tools.len()), Some(all));
}

/// At least one call of each, and what each refuses by itself.
async fn answer(namespace: &Namespace) {
    let at = |page: &str| json!({"url": format!("http://pages.{}.svc:8000/{page}", namespace.name)});
    let greeting = json!({"path": "/data/files/greeting.txt"});
    let ledger = json!({"repo_path": "/data/ledger"});
    gives(namespace, "everything__echo", json!({"message": "slate"}), "Echo: slate").await;
    gives(namespace, "everything__get-sum", json!({"a": 2, "b": 3}), "The sum of 2 and 3 is 5.").await;
    gives(namespace, "everything__get-structured-content", json!({"location": "Chicago"}), "\"temperature\":").await;
    // It tells of its progress meanwhile.
    let slow = json!({"duration": 1, "steps": 3});
    gives(namespace, "everything__trigger-long-running-operation", slow, "completed. Duration: 1 seconds, Steps: 3").await;
    gives(namespace, "files__read_text_file", greeting, "slate and flint").await;
    gives(namespace, "files__list_directory", json!({"path": "/data/files"}), "[FILE] greeting.txt").await;
    fails(namespace, "files__read_text_file", json!({"path": "/data/private.txt"}), "outside allowed directories").await;
    gives(namespace, "clock__get_current_time", json!({"timezone": "Asia/Tokyo"}), "+09:00\"").await;
    fails(namespace, "clock__get_current_time", json!({"timezone": "Asia/Atlantis"}), "Atlantis").await;
    gives(namespace, "fetch__fetch", at("page.html"), "# Slate\n\nThe quarry sells slate.").await;
    fails(namespace, "fetch__fetch", at("none.html"), "status code 404").await;
    gives(namespace, "git__git_log", ledger.clone(), "Message: Opens the ledger").await;
    gives(namespace, "git__git_status", ledger, "modified:   book.txt").await;
    fails(namespace, "git__git_status", json!({"repo_path": "/data/files"}), "outside").await;
}

/// A policy denies one tool of one server, and all else works on.
async fn one_tool_is_denied(namespace: &Namespace) {
    let write = json!({"path": "/data/files/new.txt", "content": "chalk"});
    gives(namespace, "files__write_file", write.clone(), "Successfully wrote").await;
    let rules = "[{name: no-writing, tools: ['files/write_file'], action: Deny}]";
    let spec = format!("{{agentSelector: {{matchLabels: {{tier: internal}}}}, defaultAction: Allow, rules: {rules}}}");
    let policy = format!("{{apiVersion: skreaver.dev/v1alpha1, kind: ToolPolicy, metadata: {{name: quiet}}, spec: {spec}}}");
    namespace.apply(&policy).await.unwrap();
    until("writing to be denied", async || {
        call(namespace, "files__write_file", write.clone()).await.err().filter(|why| why.contains("no-writing"))
    })
    .await;
    assert!(!listed(namespace, "amber").await.unwrap().contains(&"files__write_file".to_owned()));
    gives(namespace, "files__read_text_file", json!({"path": "/data/files/new.txt"}), "chalk").await;
    answer(namespace).await;
}

/// A server's pod is another one: its sessions are gone, and the agent begins a new one by itself.
async fn a_restarted_server_is_reached_again(namespace: &Namespace, name: &str, tool: &str, arguments: Value) {
    let before = pods(namespace, "amber").await;
    namespace.kubectl(&["delete", "pods", "--selector", &format!("app={name}"), "--wait=true"]).await.unwrap();
    namespace.kubectl(&["rollout", "status", &format!("deployment/{name}"), "--timeout=60s"]).await.unwrap();
    let started = Instant::now();
    until(&format!("{name} to answer again"), async || call(namespace, tool, arguments.clone()).await.ok()).await;
    println!("{name} is reached again {:?} after it was ready", started.elapsed());
    let status = namespace.get("pod", &before[0]).await.unwrap()["status"].clone();
    assert_eq!((pods(namespace, "amber").await, &status["containerStatuses"][0]["restartCount"]), (before, &json!(0)));
}

#[tokio::test]
async fn the_tools_of_the_reference_servers_work_through_an_agent() {
    let namespace = Namespace::create("reference").await;
    namespace.apply(&servers()).await.unwrap();
    namespace.kubectl(&["wait", "--for=condition=Available", "deployments", "--all", "--timeout=90s"]).await.unwrap();
    namespace.apply(&amber(&namespace)).await.unwrap();
    ready(&namespace, "amber").await;
    has_all_tools(&namespace).await;
    answer(&namespace).await;
    one_tool_is_denied(&namespace).await;
    a_restarted_server_is_reached_again(&namespace, "everything", "everything__echo", json!({"message": "a"})).await;
    a_restarted_server_is_reached_again(&namespace, "clock", "clock__get_current_time", json!({"timezone": "UTC"})).await;
    namespace.delete().await;
}
