//! The commands on a laptop, as whole processes: no cluster, no root.

mod agentdojo;
mod doors;
mod mcp;
mod models;
mod openapi;
mod playground;
mod real_model;

use std::fs;

use serde_json::{Value, json};
use skreaver_tests::{Program, free_port, root};
use tempfile::tempdir;

/// Runs `skreaver` to its end.
async fn skreaver(args: &[&str]) -> (bool, String, String) {
    let (status, stdout, stderr) = Program::start("skreaver", args).unwrap().end().await.unwrap();
    (status.success(), stdout, stderr)
}

fn sample(name: &str) -> String {
    root().join("config/samples").join(name).display().to_string()
}

#[tokio::test]
async fn every_line_that_run_prints_works_and_ctrl_c_stops_it() {
    let listen = format!("127.0.0.1:{}", free_port());
    let mut program = Program::start("skreaver", &["run", "--listen", &listen]).unwrap();
    program.ready(&format!("http://{listen}/ready")).await.unwrap();
    let answer: Value = reqwest::Client::new()
        .post(format!("http://{listen}/agents/demo-agent-1/observe"))
        .json(&json!({ "input": "uppercase:hello world" }))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(answer["output"], "HELLO WORLD");
    let printed = {
        // What is printed is read at the end; the lines are known by then to stand in it.
        program.signal("INT").await.unwrap();
        let (status, stdout, stderr) = program.end().await.unwrap();
        assert!(status.success(), "{status} {stderr}");
        stdout
    };
    let again = Program::start("skreaver", &["run", "--listen", &listen]).unwrap();
    let mut again = again;
    again.ready(&format!("http://{listen}/ready")).await.unwrap();
    let lines: Vec<_> = printed.lines().map(str::trim).filter(|line| line.starts_with("curl ")).collect();
    assert!(lines.len() >= 6, "{printed}");
    for line in lines {
        let strict = line.replacen("curl ", "curl --fail --silent --show-error --max-time 5 ", 1);
        let output = tokio::process::Command::new("sh").args(["-c", &strict]).output().await.unwrap();
        assert!(output.status.success() && !output.stdout.is_empty(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    }
    again.signal("TERM").await.unwrap();
    assert!(again.end().await.unwrap().0.success());
}

const ASKS: &str = "
apiVersion: skreaver.dev/v1alpha1
kind: Agent
metadata: {name: amber}
spec: {tools: [{name: uppercase, type: Builtin}]}
---
apiVersion: skreaver.dev/v1alpha1
kind: ToolPolicy
metadata: {name: care}
spec:
  rules: [{name: loud, tools: [uppercase], action: RequireApproval, approval: {quorum: 2, timeout: 1m}}]
";

#[tokio::test]
async fn people_approve_a_call_on_the_command_line() {
    let folder = tempdir().unwrap();
    let file = folder.path().join("agent.yaml");
    fs::write(&file, ASKS).unwrap();
    let listen = format!("127.0.0.1:{}", free_port());
    let (file, server) = (file.display().to_string(), format!("http://{listen}"));
    let mut program = Program::start("skreaver", &["run", "-f", &file, "--listen", &listen]).unwrap();
    program.ready(&format!("{server}/ready")).await.unwrap();
    let url = format!("{server}/agents/amber/observe");
    let asked = tokio::spawn(async move {
        let answer = reqwest::Client::new().post(url).json(&json!({ "input": "uppercase:go" })).send().await.unwrap();
        answer.json::<Value>().await.unwrap()
    });
    let approvals = async |more: &[&str]| skreaver(&[&["approvals", "--server", &server], more].concat()).await;
    let name = loop {
        let (_, stdout, _) = approvals(&[]).await;
        if stdout.contains("asked by ToolPolicy care, rule loud") {
            break stdout.lines().next().unwrap().to_owned();
        }
    };
    let (good, stdout, _) = approvals(&["approve", &name, "--user", "ann"]).await;
    assert!(good && stdout.contains("waits for more people: 2 have to approve"), "{stdout}");
    let (good, _, stderr) = approvals(&["approve", &name, "--user", "ann"]).await;
    assert!(!good && stderr.contains("`ann` has decided"), "{stderr}");
    let (good, stdout, stderr) = approvals(&["approve", &name, "--user", "bob", "--reason", "checked"]).await;
    assert!(good && stdout.contains("is approved"), "{stdout}{stderr}");
    assert_eq!(asked.await.unwrap()["output"], "GO");
    let (good, stdout, _) = approvals(&["list"]).await;
    assert!(good && stdout == "no call waits for approval\n", "{stdout}");
    program.signal("TERM").await.unwrap();
    assert!(program.end().await.unwrap().0.success());
}

/// The workers of a program, by the argument that names their parent.
fn workers(parent: u32) -> usize {
    let asked = format!("--skreaver-worker\0{parent}\0");
    let processes =
        fs::read_dir("/proc").unwrap().filter_map(|entry| fs::read_to_string(entry.ok()?.path().join("cmdline")).ok());
    processes.filter(|command| command.contains(&asked)).count()
}

#[tokio::test]
async fn documents_of_strangers_are_read_in_a_worker() {
    let folder = tempdir().unwrap();
    let file = folder.path().join("agent.yaml");
    let tools = "[{name: add, type: Builtin}, {name: json_parse, type: Builtin}, {name: xml_parse, type: Builtin}]";
    let agent = "apiVersion: skreaver.dev/v1alpha1\nkind: Agent\nmetadata: {name: amber}";
    fs::write(&file, format!("{agent}\nspec: {{tools: {tools}}}\n")).unwrap();
    let listen = format!("127.0.0.1:{}", free_port());
    let file = file.display().to_string();
    let mut program = Program::start("skreaver", &["run", "-f", &file, "--listen", &listen]).unwrap();
    program.ready(&format!("http://{listen}/ready")).await.unwrap();
    let observe = async |input: &str| {
        let url = format!("http://{listen}/agents/amber/observe");
        let answer = reqwest::Client::new().post(url).json(&json!({ "input": input })).send().await.unwrap();
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap())
    };
    assert_eq!(observe("add:1 2").await.1["output"], "3");
    assert_eq!(workers(program.id().unwrap()), 0, "none is started before it is needed");
    assert_eq!(observe(r#"json_parse:{"a": [1]}"#).await.1["output"], r#"{"a":[1]}"#);
    assert_eq!(observe("xml_parse:<a><b>1</b><b>2</b></a>").await.1["output"], r#"{"a":{"b":["1","2"]}}"#);
    assert_eq!(workers(program.id().unwrap()), 1, "one serves both");
    let (status, refused) = observe("xml_parse:<!DOCTYPE a><a/>").await;
    assert_eq!((status, &refused["code"]), (422, &json!("invalid_arguments")), "{refused}");
    let id = program.id().unwrap();
    program.signal("TERM").await.unwrap();
    assert!(program.end().await.unwrap().0.success());
    assert_eq!(workers(id), 0);
}

#[tokio::test]
async fn samples_run_validate_and_render() {
    let samples = root().join("config/samples").display().to_string();
    let (good, stdout, stderr) = skreaver(&["validate", "-f", &samples]).await;
    assert!(good, "{stderr}");
    assert!(stdout.starts_with("valid: 4 Agents, 2 ToolPolicies"), "{stdout}");
    let (good, stdout, stderr) = skreaver(&["render", "-f", &sample("agent.yaml")]).await;
    assert!(good, "{stderr}");
    for kind in ["ConfigMap", "ServiceAccount", "Service", "NetworkPolicy", "Deployment"] {
        assert!(stdout.contains(&format!("\nkind: {kind}\n")), "{kind}");
    }
}

#[tokio::test]
async fn wrong_manifests_are_refused_with_everything_that_is_wrong() {
    let folder = tempdir().unwrap();
    let file = folder.path().join("wrong.yaml");
    let text = "apiVersion: skreaver.dev/v1alpha1\nkind: Agent\nmetadata: {name: amber}\nspec: {replicas: -1, colour: grey}\n---\n\
                apiVersion: skreaver.dev/v1alpha1\nkind: Agent\nmetadata: {name: Basalt}\nspec: {}\n---\nkind: Pod\n";
    fs::write(&file, text).unwrap();
    let (good, _, stderr) = skreaver(&["validate", "-f", file.to_str().unwrap()]).await;
    assert!(!good);
    for part in ["4 problems", "document 1: spec.replicas", "colour", "document 2: name the Agent", "document 3: kind"] {
        assert!(stderr.contains(part), "no `{part}` in {stderr}");
    }
    for args in [vec!["validate", "-f", "/nowhere"], vec!["run", "-f", "/nowhere"], vec!["validate"]] {
        assert!(!skreaver(&args).await.0, "{args:?}");
    }
}

#[tokio::test]
async fn a_config_with_three_mistakes_is_refused_with_all_three() {
    let folder = tempdir().unwrap();
    let file = folder.path().join("config.yaml");
    let text = "agents:\n- name: Amber\n  tools: [{name: levitate, source: {type: Builtin}}]\n  limits: {runTimeout: soon}\n";
    fs::write(&file, text).unwrap();
    let program = Program::start(
        "agent-runtime",
        &["--config", file.to_str().unwrap(), "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"],
    );
    let (status, _, stderr) = program.unwrap().end().await.unwrap();
    assert!(!status.success());
    for path in ["/agents/0/name", "/agents/0/tools/0/name", "/agents/0/limits/runTimeout"] {
        assert!(stderr.contains(path), "no `{path}` in {stderr}");
    }
}

#[tokio::test]
async fn the_runtime_serves_a_config_and_drains_on_sigterm() {
    let folder = tempdir().unwrap();
    let file = folder.path().join("config.yaml");
    fs::write(&file, "agents: [{name: amber, tools: [{name: reverse, source: {type: Builtin}}]}]").unwrap();
    let (listen, admin) = (format!("127.0.0.1:{}", free_port()), format!("127.0.0.1:{}", free_port()));
    let args = ["--config", file.to_str().unwrap(), "--listen", &listen, "--admin-listen", &admin, "--linger-seconds", "1"];
    let mut program = Program::start("agent-runtime", &args).unwrap();
    program.ready(&format!("http://{admin}/ready")).await.unwrap();
    for path in ["health", "metrics"] {
        assert_eq!(reqwest::get(format!("http://{admin}/{path}")).await.unwrap().status(), 200);
    }
    program.signal("TERM").await.unwrap();
    while reqwest::get(format!("http://{listen}/ready")).await.unwrap().status() != 503 {}
    assert_eq!(reqwest::get(format!("http://{listen}/agents")).await.unwrap().status(), 200);
    let (status, _, stderr) = program.end().await.unwrap();
    assert!(status.success(), "{stderr}");
}
