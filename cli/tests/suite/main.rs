//! The command as people type it: every line of the docs does what stands below it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

const PAGE: &str = include_str!("../../../docs/policies.md");
const TOOLS: &str = include_str!("../../../docs/tools.md");
const CALLERS: &str = include_str!("../../../docs/auth-cluster.md");
const MCP: &str = include_str!("../../../docs/mcp.md");

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// Runs a line of a shell, with our command in the place of `skreaver`.
fn shell(line: &str, input: &str) -> Output {
    let folder = Path::new(env!("CARGO_BIN_EXE_skreaver")).parent().unwrap();
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    let mut command = Command::new("sh");
    command.args(["-c", line]).env("PATH", path).current_dir(root());
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

/// The texts between fences of this language.
fn blocks<'a>(page: &'a str, language: &str) -> Vec<&'a str> {
    let fence = format!("```{language}\n");
    page.split(fence.as_str()).skip(1).map(|block| block.split("```").next().unwrap()).collect()
}

#[test]
fn every_line_of_the_page_on_policies_says_what_stands_below_it() {
    let blocks = blocks(PAGE, "console");
    assert_eq!(blocks.len(), 4);
    for block in blocks {
        let (line, expected) = block.strip_prefix("$ ").unwrap().split_once('\n').unwrap();
        let output = shell(line, "");
        let said = String::from_utf8(output.stdout).unwrap();
        assert_eq!(said, expected, "{line}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn every_policy_of_the_page_can_be_applied() {
    let blocks = blocks(PAGE, "yaml");
    assert!(blocks.len() >= 3);
    for manifest in blocks {
        let output = shell("skreaver validate -f -", manifest);
        assert!(output.status.success(), "{manifest}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn every_agent_of_the_page_on_tools_can_be_applied() {
    let blocks = blocks(TOOLS, "yaml");
    assert!(blocks.len() >= 4);
    for manifest in blocks {
        let output = shell("skreaver validate -f -", manifest);
        assert!(output.status.success(), "{manifest}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn a_security_configuration_is_read_as_the_page_has_it() {
    let [text] = blocks(PAGE, "toml")[..] else { panic!("there is one") };
    let security = skreaver::SecurityConfig::parse(text).unwrap();
    assert_eq!(security.fs.unwrap().deny_patterns, ["..", "/etc", "*.key"]);
    let output = shell("skreaver run --security /dev/stdin", "[htp]\n");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && told.contains("line 1, column 2") && told.contains("htp"), "{told}");
}

fn exit(line: &str, input: &str) -> i32 {
    shell(line, input).status.code().unwrap()
}

#[test]
fn exit_codes_tell_denied_from_wrong() {
    let explain = "skreaver policy explain -f docs/policies/mail.yaml --tool";
    assert_eq!(exit(&format!("{explain} find_rows"), ""), 0);
    assert_eq!(exit(&format!("{explain} delete_rows"), ""), 1);
    assert_eq!(exit(&format!("{explain} 'No Tool'"), ""), 2);
    assert_eq!(exit("skreaver policy explain -f /nowhere --tool find_rows", ""), 2);
    let test = "skreaver policy test -f docs/policies/mail.yaml --calls -";
    let call = |rest: &str| format!("{{\"tool\": \"find_rows\"{rest}}}\n");
    assert_eq!(exit(test, &call(r#", "expect": "Allow""#)), 0);
    assert_eq!(exit(test, &call(r#", "expect": "Deny""#)), 1);
    assert_eq!(exit(test, &call(r#", "rule": "reads""#)), 1);
    assert_eq!(exit(test, &call(r#", "expekt": "Deny""#)), 2);
    assert_eq!(exit(test, ""), 2);
}

#[test]
fn a_simulated_limit_lets_through_as_many_as_it_says() {
    let call = |at: u32, expect: &str| {
        let args = r#"{"to": "a@example.com", "text": ""}"#;
        format!(
            "{{\"tool\": \"send_mail\", \"args\": {args}, \"session\": \"s\", \"at\": \"{at}m\", \"expect\": \"{expect}\"}}\n"
        )
    };
    let hour: String = (0..5).map(|minute| call(minute, "Allow")).collect();
    let calls = hour + &call(59, "Deny") + &call(60, "Allow");
    let output = shell("skreaver policy test -f docs/policies/mail.yaml --calls -", &calls);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn whoever_serves_to_others_says_who_may_ask() {
    let refused = |line: &str, why: &str| {
        let output = shell(line, "");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && told.contains(why), "{line}: {told}");
    };
    refused("skreaver run --listen 0.0.0.0:0", "--api-keys DIR");
    refused("skreaver run --listen [::]:0", "--no-auth");
    refused("skreaver run --no-auth --api-keys keys", "cannot be used with");
    refused("skreaver run --api-keys /nowhere", "/nowhere is no directory");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("auth.yaml");
    std::fs::write(&file, "{bindings: [{role: king, subjects: [{kind: ApiKey, name: ann}]}]}").unwrap();
    refused(&format!("skreaver run --auth {}", file.display()), "/auth/bindings/0");
}

/// The page on callers in a cluster has a spec, and what of it cannot be meant is found without one.
#[test]
fn who_may_ask_in_a_cluster_is_judged_here_and_said_not_to_hold_here() {
    let spec = blocks(CALLERS, "yaml").into_iter().find(|block| block.starts_with("spec:")).unwrap();
    let agent = format!("apiVersion: skreaver.dev/v1alpha1\nkind: Agent\nmetadata: {{name: amber}}\n{spec}");
    assert_eq!(exit("skreaver validate -f -", &agent), 0);
    let rendered = String::from_utf8(shell("skreaver render -f -", &agent).stdout).unwrap();
    assert!(
        rendered.contains("\"url\": \"https://id.example.com\"") && rendered.contains("secretName: clerk-keys"),
        "{rendered}"
    );
    for command in ["validate", "render", "run"] {
        let output = shell(
            &format!("skreaver {command} -f -"),
            &agent.replace("kind: User, name: jo", "kind: User, name: jo, issuer: 'https://b.example.com'"),
        );
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        let problem = "spec.expose.auth.bindings[1].subjects[0].issuer: no issuer of this URL can vouch for it";
        assert!(!output.status.success() && told.contains(problem), "{command}: {told}");
    }
    let output = shell("skreaver run -f - --security /nowhere", &agent);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        told.contains("`spec.expose.auth` holds in a cluster, not here, where nobody is asked (docs/auth.md): amber"),
        "{told}"
    );
}

/// `skreaver run`, until this is dropped.
struct Served {
    child: std::process::Child,
    address: String,
}

impl Served {
    fn start(command: &mut Command) -> Self {
        let command = command.args(["--listen", "127.0.0.1:0"]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut first = String::new();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(child.stdout.as_mut().unwrap()), &mut first).unwrap();
        let address = first.split_whitespace().find_map(|word| word.strip_prefix("http://")).unwrap();
        Self { child, address: address.trim_end_matches('/').to_owned() }
    }

    /// The status and the body of an answer.
    fn ask(&self, method: &str, path: &str, body: &serde_json::Value) -> (u16, serde_json::Value) {
        let body = body.to_string();
        let head = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", self.address);
        let head = format!("{head}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n", body.len());
        let mut stream = std::net::TcpStream::connect(&self.address).unwrap();
        stream.write_all((head + &body).as_bytes()).unwrap();
        let mut answer = String::new();
        std::io::Read::read_to_string(&mut stream, &mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), serde_json::from_str(body).unwrap_or_default())
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

#[test]
fn an_agent_is_posted_and_bounded_as_those_of_the_files() {
    use serde_json::json;
    let folder = tempfile::tempdir().unwrap();
    let files = "apiVersion: skreaver.dev/v1alpha1\nkind: Agent\nmetadata: {name: amber}\nspec: {tools: [{name: uppercase, type: Builtin}]}\n---\n\
                 apiVersion: skreaver.dev/v1alpha1\nkind: ToolPolicy\nmetadata: {name: stone}\n\
                 spec: {agentSelector: {matchLabels: {kind: gem}}, defaultAction: Allow, rules: [{name: backwards, tools: [reverse], action: Deny}]}\n---\n\
                 apiVersion: v1\nkind: Secret\nmetadata: {name: kept}\nstringData: {token: sesame}\n";
    std::fs::write(folder.path().join("all.yaml"), files).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_skreaver"));
    let command =
        command.env("GIVEN_TOKEN", "sesame").args(["run", "-f"]).arg(folder.path()).arg("--data-dir").arg(folder.path());
    let served = Served::start(command);
    let tools = json!([{"name": "reverse", "type": "Builtin"}, {"name": "uppercase", "type": "Builtin"}]);
    let topaz = json!({
        "apiVersion": "skreaver.dev/v1alpha1", "kind": "Agent",
        "metadata": {"name": "topaz", "labels": {"kind": "gem"}}, "spec": {"tools": tools},
    });
    let post = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut manifest = topaz.clone();
        change(&mut manifest);
        served.ask("POST", "/agents", &manifest)
    };
    // The policy of the files selects it.
    let (status, told) = post(&|_| {});
    assert_eq!((status, &told["tools"]), (201, &json!(["uppercase"])), "{told}");
    let (status, problem) = served.ask("POST", "/agents/topaz/observe", &json!({"input": "reverse:abc"}));
    assert_eq!((status, &problem["rule"]), (403, &json!("backwards")), "{problem}");
    assert_eq!(post(&|_| {}).0, 409);
    // Agents of the files are Agents to it, and so is what came before.
    for (name, other) in [("jade", "amber"), ("opal", "topaz")] {
        let asks = json!([{"name": "other", "type": "Agent", "agent": {"name": other}}]);
        let (status, told) = post(&|it| {
            it["metadata"]["name"] = name.into();
            it["spec"]["tools"] = asks.clone();
        });
        assert_eq!(status, 201, "{told}");
        let (_, answer) = served.ask("POST", &format!("/agents/{name}/observe"), &json!({"input": "other:uppercase:hi"}));
        assert_eq!(answer["output"], "HI", "{answer}");
    }
    // Everything that is wrong, each with its path.
    let (status, problem) = post(&|it| {
        it["metadata"]["name"] = "onyx".into();
        it["spec"]["tools"][0]["type"] = "Magic".into();
        it["spec"]["colour"] = "red".into();
    });
    let problems = problem["problems"].as_array().unwrap_or_else(|| panic!("{problem}"));
    let has = |path: &str| problems.iter().any(|problem| problem.as_str().unwrap().contains(path));
    assert!(status == 422 && has("colour") && has("spec.tools[0]"), "{problem}");
    let (status, problem) = post(&|it| {
        it["metadata"]["name"] = "onyx".into();
        it["kind"] = "ToolPolicy".into();
    });
    assert_eq!((status, &problem["problems"]), (422, &json!(["the manifest: kind: has to be `Agent`"])));
    // Secrets are those of the files and of the environment, and what is in neither is named.
    let with_model = |name: &'static str, secret: &'static str| {
        post(&move |it| {
            it["metadata"]["name"] = name.into();
            let key = json!({"secretKeyRef": {"name": secret, "key": "token"}});
            it["spec"]["model"] = json!({"provider": "OpenAI", "name": "m", "apiKey": key});
        })
    };
    assert_eq!(with_model("kept", "kept").0, 201);
    assert_eq!(with_model("given", "given").0, 201);
    let (status, problem) = with_model("absent", "absent");
    assert!(status == 422 && problem.to_string().contains("ABSENT_TOKEN"), "{problem}");
    // It goes and comes, with its secrets.
    for _ in 0..3 {
        assert_eq!(served.ask("DELETE", "/agents/kept", &json!(null)).0, 204);
        assert_eq!(with_model("kept", "kept").0, 201);
    }
}

#[test]
fn a_key_is_shown_once_and_lets_its_holder_in() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("keys");
    let made = shell(&format!("skreaver keys new ann --roles user,approver --dir {}", dir.display()), "");
    let key = String::from_utf8(made.stdout).unwrap().trim().to_owned();
    assert!(key.starts_with("skr_") && key.len() == 40, "{key}");
    let kept = std::fs::read_to_string(dir.join("ann")).unwrap();
    assert!(kept.starts_with("sha256:") && kept.ends_with(" roles=user,approver\n") && !kept.contains(&key), "{kept}");
    assert_eq!(exit("skreaver keys new ../ann", ""), 1);

    let served = Served::start(Command::new(env!("CARGO_BIN_EXE_skreaver")).args(["run", "--api-keys"]).arg(&dir));
    let address = served.address.clone();
    let approvals = |key: &str| {
        let line = format!("SKREAVER_API_KEY={key} skreaver approvals --server http://{address}");
        let output = shell(&line, "");
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    };
    let answers = [approvals(&key), approvals("wrong")];
    assert!(answers[0].contains("no call waits for approval"), "{answers:?}");
    assert!(answers[1].contains("the credential is not accepted"), "{answers:?}");
}

#[test]
fn the_mcp_server_of_the_page_is_driven_as_its_client_would() {
    let [text] = blocks(MCP, "json")[..] else { panic!("there is one") };
    let config: serde_json::Value = serde_json::from_str(text).unwrap();
    let server = &config["mcpServers"]["skreaver"];
    let args = server["args"].as_array().unwrap().iter().map(|arg| arg.as_str().unwrap());
    let line = args.fold(server["command"].as_str().unwrap().to_owned(), |line, arg| line + " " + arg);
    let deep = "[".repeat(100_000);
    let said = [
        r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"0"}}}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
        "no JSON",
        &deep,
        r#"{"jsonrpc":"2.0","id":2,"method":"tools/list"}"#,
        r#"{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"uppercase","arguments":{"text":"hi"}}}"#,
        r#"{"jsonrpc":"2.0","id":4,"method":"tools/fly"}"#,
        r#"{"jsonrpc":"2.0","id":5,"method":"tools/call","params":[1]}"#,
    ];
    // Its input ends only after its answers: who closes it, calls off what still runs.
    let output = shell(&format!("{{ cat; sleep 5; }} | {line}"), &(said.join("\n") + "\n"));
    let told = String::from_utf8(output.stdout).unwrap();
    let answers: Vec<serde_json::Value> = told.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let answer = |id: i64| answers.iter().find(|answer| answer["id"] == id).unwrap_or_else(|| panic!("{id}: {told}"));
    assert_eq!(answer(1)["result"]["serverInfo"]["name"], "skreaver");
    let tools = answer(2)["result"]["tools"].as_array().unwrap();
    assert!(tools.iter().any(|tool| tool["name"] == "json_query") && tools.iter().all(|tool| tool["name"] != "http_get"));
    assert_eq!(answer(3)["result"]["content"][0]["text"], "HI");
    assert_eq!(answer(4)["error"]["code"], -32601);
    assert!(answers.iter().all(|answer| answer["jsonrpc"] == "2.0"), "{told}");
}
