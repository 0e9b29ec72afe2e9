//! Clients that nobody here wrote ask agents of a runtime: the official ones of OpenAI and A2A, where nobody is asked who they are
//! and where everybody is.

use std::collections::BTreeSet;
use std::fs;

use serde_json::{Value, json};
use skreaver_tests::{Program, cache, clients, free_port, root};
use tempfile::{TempDir, tempdir};
use tokio::process::Command;

const AGENTS: &str = "
apiVersion: skreaver.dev/v1alpha1
kind: Agent
metadata: {name: amber}
spec: {tools: [{name: add, type: Builtin}]}
---
apiVersion: skreaver.dev/v1alpha1
kind: Agent
metadata: {name: basalt}
spec: {memory: {backend: InMemory}, tools: [{name: uppercase, type: Builtin}]}
---
apiVersion: skreaver.dev/v1alpha1
kind: Agent
metadata: {name: coral}
spec: {}
---
apiVersion: skreaver.dev/v1alpha1
kind: ToolPolicy
metadata: {name: care}
spec:
  defaultAction: Allow
  rules: [{name: loud, tools: [uppercase], action: RequireApproval}]
";

/// Agents that are served, and the key of somebody who may ask the first two, where everybody is asked who they are.
struct Served {
    url: String,
    key: Option<String>,
    program: Program,
    _folder: TempDir,
}

impl Served {
    async fn to_everybody() -> Self {
        Self::start(tempdir().unwrap(), None).await
    }

    async fn to_ann() -> Self {
        let folder = tempdir().unwrap();
        let keys = folder.path().join("keys").display().to_string();
        let (good, key, stderr) = super::skreaver(&["keys", "new", "ann", "--dir", &keys]).await;
        assert!(good, "{stderr}");
        let auth = json!({
            "apiKeys": keys,
            "bindings": [{"role": "user", "subjects": [{"kind": "ApiKey", "name": "ann"}], "agents": ["amber", "basalt"]}],
        });
        fs::write(folder.path().join("auth.yaml"), auth.to_string()).unwrap();
        Self::start(folder, Some(key.trim().to_owned())).await
    }

    async fn start(folder: TempDir, key: Option<String>) -> Self {
        let (file, auth) = (folder.path().join("agents.yaml"), folder.path().join("auth.yaml").display().to_string());
        fs::write(&file, AGENTS).unwrap();
        let listen = format!("127.0.0.1:{}", free_port());
        let mut args = vec!["run", "-f", file.to_str().unwrap(), "--listen", &listen];
        args.extend(key.iter().flat_map(|_| ["--auth", &auth]));
        let mut program = Program::start("skreaver", &args).unwrap();
        let url = format!("http://{listen}");
        program.ready(&format!("{url}/ready")).await.unwrap();
        Self { url, key, program, _folder: folder }
    }

    /// What a client prints that asks these agents.
    async fn asked_by(&self, program: &str, script: &str, more: &[&str]) -> Value {
        let mut client = Command::new(program);
        client.arg(script).arg(&self.url).args(more).kill_on_drop(true);
        let output = client.output().await.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// The client of OpenAI in either language.
    async fn asked_as_models(&self, language: &str) -> Value {
        let mut more = vec!["amber"];
        more.extend(self.key.iter().flat_map(|key| [key, "coral"]));
        let (python, script) = (clients().join("bin/python"), root().join("tests/clients/openai_client.py"));
        match language {
            "python" => self.asked_by(python.to_str().unwrap(), script.to_str().unwrap(), &more).await,
            _ => self.asked_by("node", cache().join("openai-js/client.mjs").to_str().unwrap(), &more).await,
        }
    }

    async fn asked_as_peers(&self) -> Value {
        let (python, script) = (clients().join("bin/python"), root().join("tests/clients/a2a_client.py"));
        let mut more = vec!["basalt", "amber"];
        more.extend(self.key.as_deref());
        self.asked_by(python.to_str().unwrap(), script.to_str().unwrap(), &more).await
    }

    async fn stop(self) {
        self.program.signal("TERM").await.unwrap();
        assert!(self.program.end().await.unwrap().0.success());
    }
}

fn answers_as_a_model_does(found: &Value) {
    assert_eq!(found["model"], "skreaver");
    assert_eq!((&found["whole"], &found["streamed"]), (&json!(["3", "stop"]), &json!(["Hello", "stop", 0])));
    assert_eq!(found["response"], json!(["Hello", "completed"]));
    assert_eq!(found["response streamed"], json!(["Hello", "response.created", "response.completed"]));
    let errors = json!([
        ["NotFoundError", "model_not_found", "model"],
        ["NotFoundError", "model_not_found", "model"],
        ["BadRequestError", "unsupported_value", "n"],
        ["UnprocessableEntityError", "invalid_arguments", null],
        ["BadRequestError", "memory_required", null],
    ]);
    assert_eq!(found["errors"], errors);
}

#[tokio::test]
async fn the_official_clients_of_openai_take_an_agent_for_a_model() {
    let served = Served::to_everybody().await;
    for language in ["python", "javascript"] {
        let found = served.asked_as_models(language).await;
        answers_as_a_model_does(&found);
        assert_eq!((&found["models"], &found["refused"]), (&json!(["amber", "basalt", "coral"]), &Value::Null), "{language}");
    }
    served.stop().await;
}

#[tokio::test]
async fn the_official_clients_of_openai_prove_who_they_are_and_know_that_they_are_refused() {
    let served = Served::to_ann().await;
    for language in ["python", "javascript"] {
        let found = served.asked_as_models(language).await;
        assert_eq!(found["models"], json!(["amber", "basalt"]), "{language}");
        assert_eq!(found["whole"], json!(["3", "stop"]), "{language}");
        // Of a model that is not there nobody learns more than of one that they may not ask.
        assert_eq!(found["errors"][0], json!(["PermissionDeniedError", "forbidden", null]), "{language}");
        let refused = json!([
            ["AuthenticationError", "unauthenticated", null],
            ["AuthenticationError", "unauthenticated", null],
            ["PermissionDeniedError", "forbidden", null],
        ]);
        assert_eq!(found["refused"], refused, "{language}");
    }
    served.stop().await;
}

/// What the SDK finds over each transport, and what a client finds that proves nothing.
fn answers_as_a_peer_does(found: &Value, strangers: [(&str, Value); 2]) {
    let lost = json!(["TaskNotFoundError"].repeat(4));
    for (agent, strangers) in strangers {
        let transports: BTreeSet<_> = found[agent].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(transports, BTreeSet::from(["HTTP+JSON", "JSONRPC"]));
        for (transport, asked) in found[agent].as_object().unwrap() {
            let of = format!("{agent} over {transport}");
            assert_eq!(asked["push"], json!(["PushNotificationNotSupportedError"].repeat(5)), "{of}");
            assert_eq!(asked["extended"], json!([agent, "UnsupportedOperationError"]), "{of}");
            let wrong = json!(["ContentTypeNotSupportedError", "InvalidParamsError", "VersionNotSupportedError"]);
            assert_eq!((&asked["wrong"], &asked["lost"]), (&wrong, &lost), "{of}");
            assert_eq!(asked["strangers"], strangers, "{of}");
        }
    }
    for asked in found["basalt"].as_object().unwrap().values() {
        assert_eq!(asked["kinds"], json!([["task", "task"], ["task", "status_update"]]));
        assert_eq!((&asked["state"], &asked["text"]), (&json!(["COMPLETED", "COMPLETED"]), &json!("Hello")));
        assert_eq!((&asked["said"], &asked["listed"]), (&json!(["Hello", 0]), &json!([true, true])));
        assert_eq!(asked["pages"], json!([2, 2, "", 0, 1]));
        let over = json!(["TaskNotCancelableError", "UnsupportedOperationError", "UnsupportedOperationError"]);
        assert_eq!(asked["over"], over);
        let waits = json!({
            "begun": "WORKING", "state": "AUTH_REQUIRED", "why": true,
            "followed": ["task", "status_update", "CANCELED"], "cancelled": "CANCELED",
        });
        assert_eq!(asked["waits"], waits);
    }
    for asked in found["amber"].as_object().unwrap().values() {
        assert_eq!(asked["kinds"], json!([["message", "message"], ["message", "message"], 1]));
        assert_eq!((&asked["text"], &asked["listed"]), (&json!(["Hello", "Hello"]), &json!(0)));
        assert_eq!(asked["context"], "UnsupportedOperationError");
    }
}

#[tokio::test]
async fn the_official_sdk_of_a2a_asks_agents_over_every_transport_of_their_cards() {
    let served = Served::to_everybody().await;
    let strangers = [("basalt", json!([null, null])), ("amber", json!(["TaskNotFoundError", null]))];
    answers_as_a_peer_does(&served.asked_as_peers().await, strangers);
    served.stop().await;
}

#[tokio::test]
async fn the_official_sdk_of_a2a_reads_from_the_card_how_to_prove_who_it_is() {
    let served = Served::to_ann().await;
    let refused = json!(["A2AClientError", "A2AClientError"]);
    answers_as_a_peer_does(&served.asked_as_peers().await, [("basalt", refused.clone()), ("amber", refused)]);
    served.stop().await;
}
