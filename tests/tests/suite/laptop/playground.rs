//! The page at `/`, driven in a real browser by `tests/browser/page.mjs`.

use std::fs;
use std::path::Path;

use skreaver_tests::{Program, free_port, root};
use tempfile::tempdir;
use tokio::process::Command;

const AGENT: &str = "
apiVersion: skreaver.dev/v1alpha1
kind: Agent
metadata: {name: amber}
spec:
  description: Turns texts round, and asks before it shouts.
  memory: {backend: InMemory}
  tools: [{name: reverse, type: Builtin}, {name: uppercase, type: Builtin}]
---
apiVersion: skreaver.dev/v1alpha1
kind: ToolPolicy
metadata: {name: care}
spec:
  defaultAction: Allow
  rules: [{name: loud, tools: [uppercase], action: RequireApproval}]
";

/// Serves an agent that asks people.
async fn served(folder: &Path, more: &[&str]) -> (Program, String) {
    let file = folder.join("agent.yaml");
    fs::write(&file, AGENT).unwrap();
    let listen = format!("127.0.0.1:{}", free_port());
    let args = ["run", "-f", file.to_str().unwrap(), "--listen", &listen];
    let mut program = Program::start("skreaver", &[&args, more].concat()).unwrap();
    let url = format!("http://{listen}/");
    program.ready(&format!("{url}ready")).await.unwrap();
    (program, url)
}

/// With `UPDATE_EXPECT=1` its screenshots become those of the docs.
#[tokio::test]
async fn people_talk_watch_approve_reload_and_find_it_again_in_a_real_browser() {
    let folder = tempdir().unwrap();
    let (program, url) = served(folder.path(), &[]).await;
    assert_eq!(claims_that_hold(&url, None).await, 9);
    program.signal("TERM").await.unwrap();
    assert!(program.end().await.unwrap().0.success());
}

#[tokio::test]
async fn whoever_is_asked_who_they_are_shows_the_page_a_key() {
    let folder = tempdir().unwrap();
    let keys = folder.path().join("keys");
    let keys = keys.to_str().unwrap();
    let args = ["keys", "new", "ann", "--roles", "user,approver", "--dir", keys];
    let made = Program::start("skreaver", &args).unwrap().end().await.unwrap();
    assert!(made.0.success());
    let (_program, url) = served(folder.path(), &["--api-keys", keys]).await;
    assert_eq!(claims_that_hold(&url, Some(made.1.trim())).await, 1);
}

/// Drives the page in a browser: how many claims about it hold, where none does not.
async fn claims_that_hold(url: &str, key: Option<&str>) -> usize {
    let install = Command::new(root().join("tests/browser/install")).output().await.unwrap();
    assert!(install.status.success(), "{}", String::from_utf8_lossy(&install.stderr));
    let script = String::from_utf8(install.stdout).unwrap();
    let is_update = std::env::var_os("UPDATE_EXPECT").is_some();
    let pictures = if is_update { root().join("docs/playground").to_str().unwrap().to_owned() } else { String::new() };
    let mut node = Command::new("node");
    node.args([script.trim(), url, &pictures]).args(key).kill_on_drop(true);
    let driven = node.output().await.unwrap();
    let (told, wrong) = (String::from_utf8_lossy(&driven.stdout), String::from_utf8_lossy(&driven.stderr));
    assert!(driven.status.success(), "{told}{wrong}");
    told.matches("holds: ").count()
}

#[tokio::test]
async fn the_page_lets_in_nothing_but_its_own_files() {
    let folder = tempdir().unwrap();
    let (_program, url) = served(folder.path(), &[]).await;
    for (path, kind) in
        [("", "text/html"), ("page.css", "text/css"), ("page.js", "text/javascript"), ("icon.svg", "image/svg+xml")]
    {
        let answer = reqwest::get(format!("{url}{path}")).await.unwrap();
        let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
        assert!(header("content-type").starts_with(kind), "{path}");
        assert!(
            header("content-security-policy").starts_with("default-src 'none'; script-src 'self'; style-src 'self'"),
            "{path}"
        );
        assert_eq!(header("x-content-type-options"), "nosniff", "{path}");
        let text = answer.text().await.unwrap();
        let outside: Vec<_> = text
            .match_indices("//")
            .filter(|(at, _)| text[..*at].ends_with("http:") || text[..*at].ends_with("https:"))
            .collect();
        assert!(outside.iter().all(|(at, _)| text[*at..].starts_with("//www.w3.org/")), "{path} names an address outside");
        assert!(!text.contains("innerHTML") && !text.contains("style=\"") && !text.contains(" onclick=\""), "{path}");
    }
}
