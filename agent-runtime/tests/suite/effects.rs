//! Tools that do something to the world, through the door: what they touch is judged where it happens.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use skreaver::protocol::policy::PolicyBundle;
use skreaver::protocol::{AgentName, Builtin};
use skreaver::{Observation, Runtime};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::support::config;

/// A rule agent with every tool of its kind, its own directory, and these policies.
fn clerk(folder: &Path, policies: Value) -> Runtime {
    let all = Builtin::ALL.into_iter().filter(|tool| tool.needs_network() || tool.needs_files());
    let tools: Vec<_> = all.map(|tool| json!({"name": tool.name(), "source": {"type": "Builtin"}})).collect();
    let agent = json!({"agents": [{"name": "clerk", "tools": tools, "files": folder}]});
    let bundle: PolicyBundle = serde_json::from_value(json!({"version": 1, "policies": policies})).unwrap();
    let config = config(&agent.to_string());
    Runtime::builder().config(config).policies(AgentName::parse("clerk").unwrap(), bundle).build().unwrap()
}

fn policy(sections: Value) -> Value {
    let mut policy = json!({"name": "house", "mode": "Enforce", "defaultAction": "Allow"});
    policy.as_object_mut().unwrap().extend(sections.as_object().unwrap().clone());
    json!([policy])
}

/// What a tool answered, or the code and sentence of its problem.
async fn say(runtime: &Runtime, input: &str) -> Result<Value, (u16, String)> {
    let outcome = runtime.agent("clerk").unwrap().observe(Observation::new(input)).await;
    outcome.map(|answer| serde_json::from_str(&answer.output).unwrap()).map_err(|problem| (problem.status, problem.detail))
}

/// Answers one request after the other, and counts them.
async fn listener() -> (u16, std::sync::Arc<std::sync::atomic::AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (port, count) = (listener.local_addr().unwrap().port(), std::sync::Arc::default());
    let reached = std::sync::Arc::clone(&count);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            std::sync::atomic::AtomicUsize::fetch_add(&reached, 1, std::sync::atomic::Ordering::SeqCst);
            let _ = stream.read(&mut [0; 4096]).await;
            let answer = "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 6\r\n\r\nbasalt";
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    (port, count)
}

#[tokio::test]
async fn a_host_is_reached_only_where_every_policy_opens_it() {
    let folder = tempfile::tempdir().unwrap();
    let (port, reached) = listener().await;
    let input = format!("http_get:http://127.0.0.1:{port}/stone?q=a&b=c");
    let closed = [
        json!([]),
        policy(json!({"http": {"allow_domains": ["*"]}})),
        policy(json!({"http": {"allow_domains": ["example.com"]}})),
        policy(json!({"http": {"allow_domains": [format!("127.0.0.1:{port}")], "deny_domains": ["127.0.0.0/8"]}})),
    ];
    for policies in closed {
        let (status, sentence) = say(&clerk(folder.path(), policies.clone()), &input).await.unwrap_err();
        assert!(status == 403 && sentence.contains("127.0.0.1"), "{policies}: {status} {sentence}");
    }
    assert_eq!(reached.load(std::sync::atomic::Ordering::SeqCst), 0);
    let open = clerk(folder.path(), policy(json!({"http": {"allow_domains": [format!("127.0.0.1:{port}")]}})));
    let answer = say(&open, &input).await.unwrap();
    assert_eq!((&answer["status"], &answer["text"]), (&json!(200), &json!("basalt")), "{answer}");
    assert_eq!(reached.load(std::sync::atomic::Ordering::SeqCst), 1);
}

#[tokio::test]
async fn files_are_those_of_the_agents_own_directory() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("note.txt"), "granite").unwrap();
    fs::write(folder.path().join("id.key"), "secret").unwrap();
    std::os::unix::fs::symlink("/etc", folder.path().join("way-out")).unwrap();
    let runtime = clerk(folder.path(), policy(json!({"fs": {"deny_patterns": ["*.key"]}})));
    assert_eq!(say(&runtime, "file_read:note.txt").await.unwrap()["text"], "granite");
    let listed = say(&runtime, "directory_list:.").await.unwrap();
    let names: Vec<_> = listed["entries"].as_array().unwrap().iter().map(|entry| entry["name"].clone()).collect();
    assert_eq!(names, ["note.txt", "way-out"], "what is denied is not listed");
    for path in ["/etc/passwd", "../note.txt", "way-out/passwd", "id.key", "/proc/self/environ", ""] {
        let (status, sentence) = say(&runtime, &format!("file_read:{path}")).await.unwrap_err();
        assert!(status >= 400 && !sentence.contains("root:"), "{path}: {status} {sentence}");
    }
    assert_eq!(say(&runtime, "directory_create:a/b").await.unwrap(), json!({"new": true}));
    assert!(folder.path().join("a/b").is_dir());
    assert_eq!(say(&runtime, "file_delete:note.txt").await.unwrap(), json!({"size": 7}));
    assert!(!folder.path().join("note.txt").exists());
}

#[tokio::test]
async fn an_agent_without_a_directory_of_its_own_touches_no_file() {
    let agent = json!({"agents": [{"name": "clerk", "tools": [{"name": "file_read", "source": {"type": "Builtin"}}]}]});
    let runtime = Runtime::builder().config(config(&agent.to_string())).build().unwrap();
    assert!(say(&runtime, "file_read:/etc/hostname").await.is_err());
    assert!(say(&runtime, "file_read:Cargo.toml").await.is_err());
}

#[test]
fn what_may_happen_twice_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = clerk(folder.path(), json!([]));
    let toolbox = |tool| runtime.agent("clerk").unwrap().toolbox().is_idempotent(tool);
    assert!(toolbox("http_get") && toolbox("file_write") && !toolbox("http_post"));
}

#[tokio::test]
async fn tools_of_ones_own_registry_touch_what_a_security_configuration_lets_them() {
    use skreaver::tools::{FileReadTool, FileWriteTool, HttpGetTool};
    let folder = tempfile::tempdir().unwrap();
    let toml = format!("[fs]\nallow_paths = [\"{}\"]\n[http]\nallow_domains = [\"api.example.com\"]\n", folder.path().display());
    let manager = skreaver::SecurityManager::new(skreaver::SecurityConfig::parse(&toml).unwrap()).unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let write = manager.secure_tool("file_write", FileWriteTool::new()).unwrap();
    write.call(json!({"path": path("note.txt"), "content": "slate"})).await.unwrap();
    let read = manager.secure_tool("file_read", FileReadTool::new()).unwrap();
    let found = read.call(json!({"path": path("note.txt")})).await.unwrap().output;
    assert!(found.to_string().contains("slate"), "{found}");
    let outside = read.call(json!({"path": "/etc/hostname"})).await.unwrap_err().to_string();
    assert!(outside.contains("security.toml"), "{outside}");
    let get = manager.secure_tool("http_get", HttpGetTool::new()).unwrap();
    let elsewhere = get.call(json!({"url": "https://elsewhere.example/"})).await.unwrap_err().to_string();
    assert!(elsewhere.contains("allow_domains"), "{elsewhere}");
}
