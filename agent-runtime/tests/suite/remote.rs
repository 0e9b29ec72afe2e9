//! Tools that are elsewhere, as an agent's model has them: MCP servers, HTTP requests, other agents.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use skreaver::model::Model;
use skreaver::protocol::AgentName;
use skreaver::protocol::policy::PolicyBundle;
use skreaver::testing::{Reply, ScriptedModel};
use skreaver::{Listeners, McpBridge, Runtime, SecurityConfig, SecurityManager, serve};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::support::{Served, config, start, until};

/// An agent whose own tools are served over MCP.
const SERVER: &str =
    "agents: [{name: quarry, tools: [{name: uppercase, source: {type: Builtin}}, {name: reverse, source: {type: Builtin}}]}]";

const CLERK: &str = "
agents:
- name: clerk
  tools: [{name: ledger, source: {type: MCP, server: {transport: http, url: 'http://ADDRESS/mcp'}, exclude: [reverse, quarry]}}]
  models: [{provider: OpenAICompatible, name: one, baseURL: 'http://unused', timeout: 5s, maxAttempts: 1}]
";

/// Serves agents, one of which thinks with this model.
async fn serve_with(yaml: &str, policies: Option<&str>, thinker: &str, model: &Arc<ScriptedModel>) -> Served {
    let name = AgentName::parse(thinker).unwrap();
    let mut builder = Runtime::builder().config(config(yaml)).models(name.clone(), vec![Arc::clone(model) as Arc<dyn Model>]);
    if let Some(policies) = policies {
        let bundle: PolicyBundle = serde_yaml::from_str(policies).unwrap();
        builder = builder.policies(name, bundle);
    }
    let runtime = Arc::new(builder.build().unwrap());
    let api = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, shutdown) = (api.local_addr().unwrap(), CancellationToken::new());
    let ended = tokio::spawn(serve(runtime, Listeners { api, admin: None }, shutdown.clone(), Duration::ZERO));
    Served { address, shutdown, ended, client: reqwest::Client::new() }
}

async fn is_ready(served: &Served) {
    until(async || (served.get("/ready").await.0 == 200).then_some(())).await;
}

async fn component(served: &Served, name: &str) -> Value {
    let (_, ready) = served.get("/ready").await;
    let components = ready["components"].as_array().unwrap().clone();
    components.into_iter().find(|component| component["name"] == name).unwrap()
}

fn last_told(model: &ScriptedModel) -> String {
    serde_json::to_string(model.questions().last().unwrap().messages.last().unwrap()).unwrap()
}

#[tokio::test]
async fn a_model_has_the_tools_of_a_server_under_names_that_it_takes() {
    let quarry = start(config(SERVER), &[], None, Duration::ZERO).await;
    let (port, agent) = (quarry.address.port(), CLERK.replace("ADDRESS", &quarry.address.to_string()));
    let ask = || Reply::tools(&[("ledger__uppercase", json!({"text": "go"}))]);
    let model = ScriptedModel::new([ask(), Reply::text("first"), ask(), Reply::text("second"), ask(), Reply::text("third")]);
    let clerk = serve_with(&agent, None, "clerk", &model).await;
    is_ready(&clerk).await;
    let status = clerk.get("/agents/clerk/status").await.1;
    assert_eq!(status["tools"], json!(["ledger/uppercase"]), "what is excluded is not there");

    assert_eq!(clerk.observe("clerk", "go").await.1["output"], "first");
    assert_eq!(model.questions()[0].tools[0].name, "ledger__uppercase");
    assert!(last_told(&model).contains("GO"), "{}", last_told(&model));

    // The server goes. The agent is still there for what needs no tool, and says what it lacks.
    quarry.stop().await;
    assert_eq!(clerk.observe("clerk", "go").await.1["output"], "second");
    assert!(last_told(&model).contains("ledger"), "{}", last_told(&model));
    until(async || (component(&clerk, "tool:ledger").await["state"] == "not_ready").then_some(())).await;
    assert_eq!(clerk.get("/ready").await.0, 200, "it was ready once");

    // It comes back at the same address.
    let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    let runtime = Arc::new(Runtime::builder().config(config(SERVER)).build().unwrap());
    let shutdown = CancellationToken::new();
    let again = tokio::spawn(serve(runtime, Listeners { api: listener, admin: None }, shutdown.clone(), Duration::ZERO));
    until(async || (component(&clerk, "tool:ledger").await["state"] == "ready").then_some(())).await;
    assert_eq!(clerk.observe("clerk", "go").await.1["output"], "third");
    assert!(last_told(&model).contains("GO"), "{}", last_told(&model));
    clerk.stop().await;
    shutdown.cancel();
    again.await.unwrap().unwrap();
}

#[tokio::test]
async fn policies_know_remote_tools_by_source_and_name_and_so_does_what_a_run_has_read() {
    let quarry = start(config(SERVER), &[], None, Duration::ZERO).await;
    let agent = CLERK.replace("ADDRESS", &quarry.address.to_string()).replace(", exclude: [reverse, quarry]", "");
    let flow = "
version: 1
policies: [{name: stone, mode: Enforce, defaultAction: Allow, dataFlow: {sources: ['ledger/upper*'], sinks: ['ledger/reverse']}}]
";
    let calls = |tool: &str| Reply::tools(&[(tool, json!({"text": "ab"}))]);
    let model =
        ScriptedModel::new([calls("ledger__reverse"), calls("ledger__uppercase"), calls("ledger__reverse"), Reply::text("ok")]);
    let clerk = serve_with(&agent, Some(flow), "clerk", &model).await;
    is_ready(&clerk).await;
    assert_eq!(clerk.observe("clerk", "go").await.1["output"], "ok");
    let told = |question: usize| serde_json::to_string(model.questions()[question].messages.last().unwrap()).unwrap();
    assert!(told(1).contains("ba"), "{}", told(1));
    assert!(told(3).contains("what `ledger/uppercase` answered is untrusted"), "{}", told(3));
    clerk.stop().await;
    quarry.stop().await;
}

#[tokio::test]
async fn a_declared_request_and_an_agent_beside_are_tools() {
    let quarry = start(config(SERVER), &[], None, Duration::ZERO).await;
    let agents = "
agents:
- name: clerk
  tools:
  - {name: state, source: {type: HTTP, url: 'http://ADDRESS/agents/{agent}/status'}}
  - {name: helper, source: {type: Agent, agent: basalt}}
  models: [{provider: OpenAICompatible, name: one, baseURL: 'http://unused', timeout: 5s, maxAttempts: 1}]
- name: basalt
  tools: [{name: uppercase, source: {type: Builtin}}]
";
    let model = ScriptedModel::new([
        Reply::tools(&[("state", json!({"agent": "quarry"})), ("helper", json!({"input": "uppercase:hi"}))]),
        Reply::tools(&[("state", json!({"agent": "../ready"}))]),
        Reply::text("done"),
    ]);
    let clerk = serve_with(&agents.replace("ADDRESS", &quarry.address.to_string()), None, "clerk", &model).await;
    is_ready(&clerk).await;
    assert_eq!(clerk.observe("clerk", "go").await.1["output"], "done");
    let second = serde_json::to_string(&model.questions()[1].messages).unwrap();
    assert!(second.contains(r#"\"id\":\"quarry\""#) && second.contains("HI"), "{second}");
    assert!(last_told(&model).contains(r#""failed":true"#), "a value is no path: {}", last_told(&model));
    clerk.stop().await;
    quarry.stop().await;
}

#[tokio::test]
async fn agents_that_ask_each_other_in_a_circle_come_to_an_end() {
    let agents = "
agents:
- name: clerk
  tools: [{name: again, source: {type: Agent, agent: clerk}}]
  models: [{provider: OpenAICompatible, name: one, baseURL: 'http://unused', timeout: 5s, maxAttempts: 1}]
  limits: {concurrency: 32}
";
    let ask = Reply::tools(&[("again", json!({"input": "go"}))]);
    let replies: Vec<_> = std::iter::repeat_n(ask, 9).chain(std::iter::repeat_n(Reply::text("enough"), 9)).collect();
    let model = ScriptedModel::new(replies);
    let clerk = serve_with(agents, None, "clerk", &model).await;
    is_ready(&clerk).await;
    let (status, answer) = clerk.observe("clerk", "go").await;
    assert_eq!((status, &answer["output"]), (200, &json!("enough")), "{answer}");
    let all = model.questions().iter().map(|question| serde_json::to_string(&question.messages).unwrap()).collect::<String>();
    assert!(all.contains("in a circle"), "{all}");
    clerk.stop().await;
}

#[tokio::test]
async fn a_program_without_agents_calls_a_server_through_the_door() {
    let quarry = start(config(SERVER), &[], None, Duration::ZERO).await;
    let url = quarry.url("/mcp");
    let bridge = McpBridge::connect(&url).await.unwrap();
    assert_eq!(bridge.tools(), ["quarry", "reverse", "uppercase"]);
    assert_eq!(bridge.call_tool("uppercase", json!({"text": "go"})).await.unwrap().output, "GO");
    let unknown = bridge.call_tool("levitate", json!({})).await.unwrap_err().to_string();
    assert!(unknown.contains("no tool is named `mcp/levitate`"), "{unknown}");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("security.toml");
    std::fs::write(&file, "[[rules]]\nname = \"calm\"\ntools = [\"mcp/upper*\"]\naction = \"Deny\"\n").unwrap();
    let manager = SecurityManager::new(SecurityConfig::load_from_file(&file).unwrap()).unwrap();
    let bridge = McpBridge::connect_under(&manager, &url).await.unwrap();
    let denied = bridge.call_tool("uppercase", json!({"text": "go"})).await.unwrap_err().to_string();
    assert!(denied.contains("denied by rule `calm`"), "{denied}");
    let nobody = McpBridge::connect("http://127.0.0.1:1/mcp").await.map(drop).unwrap_err().to_string();
    assert!(nobody.contains("failed to reach the MCP server at http://127.0.0.1:1/mcp"), "{nobody}");
    quarry.stop().await;
}

/// Answers one request as an agent would, and returns its head.
async fn answer_as_agent(listener: TcpListener) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut heard = vec![0; 16 << 10];
    let length = stream.read(&mut heard).await.unwrap();
    let answer = r#"{"output": "heard", "agent": "far", "run": "01990f7c-7c5e-7c3a-9f7e-0c8f0b9a3d21", "usage": {"tool_calls": 0, "duration_us": 1}, "tool_calls": []}"#;
    let head = format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", answer.len());
    stream.write_all((head + answer).as_bytes()).await.unwrap();
    String::from_utf8_lossy(&heard[..length]).into_owned()
}

#[tokio::test]
async fn a_trace_goes_on_over_mcp_and_to_the_agents_behind_it() {
    let far = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let far_url = format!("http://{}", far.local_addr().unwrap());
    let quarry =
        format!("agents: [{{name: quarry, tools: [{{name: ask, source: {{type: Agent, agent: far, url: '{far_url}'}}}}]}}]");
    let quarry = start(config(&quarry), &[], None, Duration::ZERO).await;
    let clerk = CLERK.replace("ADDRESS", &quarry.address.to_string()).replace("  models:", "  # models:");
    let clerk = start(config(&clerk), &[], None, Duration::ZERO).await;
    is_ready(&clerk).await;
    let (trace, caller) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
    let observe = clerk.client.post(clerk.url("/agents/clerk/observe")).json(&json!({"input": "ledger__ask:hello"}));
    let observe = observe.header("traceparent", format!("00-{trace}-{caller}-01")).send();
    let (answer, heard) = tokio::join!(observe, answer_as_agent(far));
    let answer = answer.unwrap();
    let ours = answer.headers()["traceparent"].to_str().unwrap().to_owned();
    assert_eq!(answer.json::<Value>().await.unwrap()["output"], "heard");
    let told = heard.lines().find_map(|line| line.strip_prefix("traceparent: ")).unwrap_or_else(|| panic!("{heard}"));
    let [version, in_trace, span, flags] = told.split('-').collect::<Vec<_>>()[..] else { panic!("{told}") };
    assert_eq!((version, in_trace, flags), ("00", trace, "01"));
    assert!(span != caller && !ours.contains(span), "{told} {ours}");
    clerk.stop().await;
    quarry.stop().await;
}
