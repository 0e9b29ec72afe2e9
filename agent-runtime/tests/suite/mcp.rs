//! MCP: the agent's tools, behind the same door, for the names of the Service only. A client that is not ours does the same
//! in the cluster tests.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::support::{Held, Served, config, start};

const CLUSTER: &str = "
agents:
  - name: amber
    instructions: Shout first.
    tools: [{name: uppercase, source: {type: Builtin}}, {name: analyze, source: {type: Builtin}}, {name: reverse, source: {type: Builtin}}]
cluster: {namespace: quarry, hosts: [amber, amber.quarry.svc], policiesFile: /none}";
const NO_REVERSE: &str = "{version: 2, policies: [{name: stone, mode: Enforce, defaultAction: Allow, rules: [{name: forward, tools: [reverse], action: Deny}]}]}";

async fn served() -> Served {
    start(config(CLUSTER), &[("amber", NO_REVERSE)], None, Duration::ZERO).await
}

async fn post(served: &Served, host: &str, origin: Option<&str>, body: &Value) -> (u16, Value) {
    let mut request = served.client.post(served.url("/mcp")).header(header::HOST, host).json(body);
    request = request.header(header::ACCEPT, "application/json, text/event-stream");
    if let Some(origin) = origin {
        request = request.header(header::ORIGIN, origin);
    }
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap_or_default())
}

async fn ask(served: &Served, method: &str, params: Value) -> Value {
    let body = json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params });
    let (status, answer) = post(served, "amber:8080", None, &body).await;
    assert_eq!((status, &answer["id"]), (200, &json!(7)), "{answer}");
    answer
}

#[tokio::test]
async fn the_permitted_tools_are_listed_and_called() {
    let served = served().await;
    let client = json!({ "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": { "name": "t", "version": "0" } });
    let hello = ask(&served, "initialize", client).await;
    assert_eq!(hello["result"]["serverInfo"]["name"], "amber");
    assert_eq!(hello["result"]["instructions"], "Shout first.");
    let listed = ask(&served, "tools/list", json!({})).await;
    let names: Vec<_> = listed["result"]["tools"].as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["analyze", "uppercase", "amber"]);
    let output = &listed["result"]["tools"][0]["outputSchema"];
    assert_eq!((&output["type"], &output["properties"]["words"]["type"]), (&json!("object"), &json!("integer")));
    assert!(listed["result"]["tools"][1]["outputSchema"].is_null(), "a text is no object");
    let shouted = ask(&served, "tools/call", json!({ "name": "uppercase", "arguments": { "text": "hi" } })).await;
    assert_eq!(shouted["result"]["content"][0]["text"], "HI");
    let counted = ask(&served, "tools/call", json!({ "name": "analyze", "arguments": { "text": "a b" } })).await;
    assert_eq!(counted["result"]["structuredContent"]["words"], 2);
    served.stop().await;
}

#[tokio::test]
async fn refusals_are_told_to_the_model_and_unknown_tools_to_the_client() {
    let served = served().await;
    let denied = ask(&served, "tools/call", json!({ "name": "reverse", "arguments": { "text": "hi" } })).await;
    assert_eq!(denied["result"]["isError"], true);
    let text = denied["result"]["content"][0]["text"].as_str().unwrap();
    let told = "tool `reverse` is denied by rule `forward` of ToolPolicy `stone`; the agent may call analyze, uppercase";
    assert_eq!(text, told);
    let wrong = ask(&served, "tools/call", json!({ "name": "uppercase", "arguments": { "txt": "hi" } })).await;
    assert_eq!(wrong["result"]["isError"], true);
    let unknown = ask(&served, "tools/call", json!({ "name": "levitate", "arguments": {} })).await;
    assert_eq!(unknown["error"]["code"], -32602);
    served.stop().await;
}

#[tokio::test]
async fn only_names_of_the_service_are_answered() {
    let served = served().await;
    let list = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" });
    for host in ["amber", "amber:8080", "amber.quarry.svc:8080", "localhost:3000", "127.0.0.1"] {
        assert_eq!(post(&served, host, None, &list).await.0, 200, "{host}");
    }
    for host in ["evil.example", "amber.evil.example", "other.quarry.svc"] {
        let (status, problem) = post(&served, host, None, &list).await;
        assert_eq!((status, &problem["code"]), (403, &json!("forbidden_host")), "{host}");
    }
    assert_eq!(post(&served, "amber", Some("http://amber:8080"), &list).await.0, 200);
    assert_eq!(post(&served, "amber", Some("https://evil.example"), &list).await.0, 403);
    served.stop().await;
}

#[tokio::test]
async fn only_post_is_served() {
    let served = served().await;
    let response = served.client.get(served.url("/mcp")).header(header::ACCEPT, "text/event-stream").send().await.unwrap();
    assert_eq!((response.status().as_u16(), response.headers()[header::ALLOW].to_str().unwrap()), (405, "POST"));
    served.stop().await;
}

#[tokio::test]
async fn a_call_over_the_bound_is_refused_like_an_observation() {
    let gate = Arc::new(Semaphore::new(0));
    let narrow =
        "agents: [{name: amber, limits: {concurrency: 1, queueLength: 0}, tools: [{name: uppercase, source: {type: Builtin}}]}]";
    let served = start(config(narrow), &[], Some(Held(Arc::clone(&gate))), Duration::ZERO).await;
    let call = |id| {
        let params = json!({ "name": "uppercase", "arguments": { "text": "held" } });
        let body = json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params });
        let request = served.client.post(served.url("/mcp")).json(&body);
        request.header(header::ACCEPT, "application/json, text/event-stream").send()
    };
    let running = tokio::spawn(call(1));
    while served.get("/agents/amber/status").await.1["running"] != 1 {
        tokio::task::yield_now().await;
    }
    let refused = call(2).await.unwrap();
    assert_eq!((refused.status().as_u16(), refused.headers()[header::RETRY_AFTER].to_str().unwrap()), (429, "1"));
    assert_eq!(refused.headers()[header::CONTENT_TYPE], "application/problem+json");
    assert_eq!(refused.json::<Value>().await.unwrap()["code"], "queue_full");
    assert_eq!(served.get("/agents/amber/status").await.1["runs"]["rejected"], 1);
    gate.add_permits(1);
    let answer: Value = running.await.unwrap().unwrap().json().await.unwrap();
    assert_eq!(answer["result"]["content"][0]["text"], "held");
    served.stop().await;
}

const LAPTOP: &str = "
agents:
  - {name: amber, description: Shouts., tools: [{name: uppercase, source: {type: Builtin}}, {name: remember, source: {type: Builtin}}, {name: recall, source: {type: Builtin}}], memory: {store: {backend: InMemory}, durability: Ephemeral}}
  - {name: quartz, tools: [{name: quartz, source: {type: Builtin}}, {name: reverse, source: {type: Builtin}}]}";

/// An agent over streams, as over stdio.
struct Spoken {
    input: tokio::io::WriteHalf<tokio::io::DuplexStream>,
    output: tokio::io::Lines<tokio::io::BufReader<tokio::io::ReadHalf<tokio::io::DuplexStream>>>,
    server: tokio::task::JoinHandle<Result<(), skreaver::mcp::StdioError>>,
}

impl Spoken {
    async fn to(server: skreaver::mcp::McpServer, capabilities: Value) -> Self {
        use tokio::io::AsyncBufReadExt;
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        let (theirs_in, theirs_out) = tokio::io::split(theirs);
        let (output, input) = tokio::io::split(ours);
        let server = tokio::spawn(server.serve(theirs_in, theirs_out));
        let mut spoken = Self { input, output: tokio::io::BufReader::new(output).lines(), server };
        let client = json!({ "protocolVersion": "2025-11-25", "capabilities": capabilities, "clientInfo": { "name": "t", "version": "0" } });
        spoken.say(&json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": client })).await;
        assert_eq!(spoken.hear().await["result"]["protocolVersion"], "2025-11-25");
        spoken.say(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" })).await;
        spoken
    }

    async fn say(&mut self, message: &Value) {
        use tokio::io::AsyncWriteExt;
        self.input.write_all(format!("{message}\n").as_bytes()).await.unwrap();
    }

    async fn hear(&mut self) -> Value {
        let line = tokio::time::timeout(Duration::from_secs(60), self.output.next_line()).await.unwrap().unwrap().unwrap();
        serde_json::from_str(&line).unwrap()
    }

    async fn ask(&mut self, method: &str, params: Value) -> Value {
        self.say(&json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params })).await;
        let answer = self.hear().await;
        assert_eq!(answer["id"], 7, "{answer}");
        answer
    }

    async fn close(self) {
        drop((self.input, self.output));
        self.server.await.unwrap().unwrap();
    }
}

fn laptop(policy: Option<&str>) -> Arc<skreaver::Runtime> {
    let mut builder = skreaver::Runtime::builder().config(config(LAPTOP)).tool(
        skreaver::protocol::ToolName::parse("quartz").unwrap(),
        Arc::new(skreaver::tools::FunctionTool {
            description: "A tool that is named as its agent.",
            from_text: skreaver::tools::Text::arguments,
            run: |skreaver::tools::Text { text }| text.into(),
        }),
    );
    if let Some(policy) = policy {
        let bundle = serde_yaml::from_str(policy).unwrap();
        builder = builder.policies(skreaver::protocol::AgentName::parse("amber").unwrap(), bundle);
    }
    Arc::new(builder.build().unwrap())
}

fn names(listed: &Value, what: &str) -> Vec<String> {
    listed["result"][what].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn the_agent_is_a_tool_that_tells_how_it_gets_on_and_what_it_keeps() {
    let runtime = laptop(None);
    let mut amber = Spoken::to(skreaver::mcp::McpServer::of_agent(&runtime, "amber").unwrap(), json!({})).await;
    runtime.ready_within(Duration::from_secs(30)).await;
    let listed = amber.ask("tools/list", json!({})).await;
    assert_eq!(names(&listed, "tools"), ["recall", "remember", "uppercase", "amber", "quartz"]);
    assert_eq!(listed["result"]["tools"][3]["inputSchema"]["properties"]["session"]["type"], "string");
    assert!(listed["result"]["tools"][4]["inputSchema"]["properties"]["session"].is_null(), "quartz has no memory");
    let arguments = json!({ "input": "uppercase:hi", "session": "s-1" });
    let call = json!({ "name": "amber", "arguments": arguments, "_meta": { "progressToken": "p" } });
    amber.say(&json!({ "jsonrpc": "2.0", "id": 8, "method": "tools/call", "params": call })).await;
    let mut told = Vec::new();
    let answer = loop {
        let message = amber.hear().await;
        if message["id"] == 8 {
            break message;
        }
        assert_eq!((&message["method"], &message["params"]["progressToken"]), (&json!("notifications/progress"), &json!("p")));
        told.push(message["params"]["message"].as_str().unwrap().to_owned());
    };
    assert!(told[0].starts_with("run ") && told[0].ends_with(" has started"), "{told:?}");
    assert_eq!(told[1..], ["calls uppercase", "uppercase has answered"]);
    assert_eq!(answer["result"]["content"][0]["text"], "HI");
    let structured = &answer["result"]["structuredContent"];
    assert_eq!((&structured["agent"], &structured["session"]), (&json!("amber"), &json!("s-1")));
    let wrong = amber.ask("tools/call", json!({ "name": "amber", "arguments": { "text": "hi" } })).await;
    assert_eq!(wrong["result"]["isError"], true);
    // What it keeps.
    let listed = amber.ask("resources/list", json!({})).await;
    assert_eq!(names(&listed, "resources"), ["amber", "s-1"]);
    let read = amber.ask("resources/read", json!({ "uri": "skreaver://agents/amber/sessions/s-1" })).await;
    assert!(read["result"]["contents"][0]["text"].as_str().unwrap().contains("uppercase:hi"), "{read}");
    amber.ask("tools/call", json!({ "name": "remember", "arguments": { "text": "the gate is green" } })).await;
    let read = amber.ask("resources/read", json!({ "uri": "skreaver://agents/amber/notes/green%20gate" })).await;
    assert_eq!(read["result"]["contents"][0]["text"], "[\"the gate is green\"]");
    for unknown in ["skreaver://agents/amber/sessions/s-2", "skreaver://agents/quartz", "file:///etc/passwd"] {
        assert_eq!(amber.ask("resources/read", json!({ "uri": unknown })).await["error"]["code"], -32002, "{unknown}");
    }
    let template = json!({ "type": "ref/resource", "uri": "skreaver://agents/amber/sessions/{session}" });
    let word = json!({ "ref": template, "argument": { "name": "session", "value": "s" } });
    assert_eq!(amber.ask("completion/complete", word).await["result"]["completion"]["values"], json!(["s-1"]));
    assert_eq!(names(&amber.ask("prompts/list", json!({})).await, "prompts"), ["amber", "quartz"]);
    let prompt = amber.ask("prompts/get", json!({ "name": "amber", "arguments": { "request": "Greet." } })).await;
    let text = prompt["result"]["messages"][0]["content"]["text"].as_str().unwrap();
    assert!(text.contains("Call the tool `amber`") && text.contains("Greet."), "{text}");
    amber.close().await;
}

#[tokio::test]
async fn a_tool_that_has_the_name_of_the_agent_keeps_it() {
    let mut quartz = Spoken::to(skreaver::mcp::McpServer::of_agent(&laptop(None), "quartz").unwrap(), json!({})).await;
    assert_eq!(names(&quartz.ask("tools/list", json!({})).await, "tools"), ["quartz", "reverse", "ask-quartz", "amber"]);
    let tool = quartz.ask("tools/call", json!({ "name": "quartz", "arguments": { "text": "hi" } })).await;
    assert_eq!(tool["result"]["content"][0]["text"], "hi");
    let agent = quartz.ask("tools/call", json!({ "name": "ask-quartz", "arguments": { "input": "reverse:hi" } })).await;
    assert_eq!(agent["result"]["content"][0]["text"], "ih");
    quartz.close().await;
}

#[tokio::test]
async fn bare_tools_are_served_without_an_agent() {
    let mut tools = skreaver::tools::InMemoryToolRegistry::new();
    let run = |skreaver::tools::Text { text }| (text + "!").into();
    let shout = skreaver::tools::FunctionTool { description: "Shouts.", from_text: skreaver::tools::Text::arguments, run };
    tools.register("shout", shout).unwrap();
    let mut server = Spoken::to(skreaver::mcp::McpServer::new(&tools), json!({})).await;
    assert_eq!(names(&server.ask("tools/list", json!({})).await, "tools"), ["shout"]);
    let answer = server.ask("tools/call", json!({ "name": "shout", "arguments": { "text": "hi" } })).await;
    assert_eq!(answer["result"]["content"][0]["text"], "hi!");
    assert_eq!(server.ask("resources/list", json!({})).await["error"]["code"], -32601);
    server.close().await;
}

const ASKS: &str = "{version: 1, policies: [{name: stone, mode: Enforce, defaultAction: Allow, rules: [{name: ask, tools: [uppercase], action: RequireApproval, approval: {quorum: 1, timeout: 1h}}]}]}";

#[tokio::test]
async fn the_user_of_a_client_that_can_ask_decides_about_a_call() {
    let server = skreaver::mcp::McpServer::of_agent(&laptop(Some(ASKS)), "amber").unwrap();
    let mut amber = Spoken::to(server, json!({ "elicitation": {} })).await;
    let call = json!({ "name": "uppercase", "arguments": { "text": "hi" } });
    let cases = [
        (json!({ "action": "accept", "content": { "approve": true } }), false, "HI"),
        (json!({ "action": "accept", "content": { "approve": false } }), true, "did not approve"),
        (json!({ "action": "decline" }), true, "did not approve"),
    ];
    for (said, is_error, expected) in cases {
        let question = amber.ask_back(&call).await;
        let message = question["params"]["message"].as_str().unwrap();
        assert!(message.contains("`uppercase`") && message.contains("rule `ask` of ToolPolicy `stone`"), "{message}");
        amber.say(&json!({ "jsonrpc": "2.0", "id": question["id"], "result": said })).await;
        let answer = amber.hear().await;
        let text = answer["result"]["content"][0]["text"].as_str().unwrap();
        assert!(text.contains(expected) && answer["result"]["isError"] == is_error, "{answer}");
    }
    amber.close().await;
    // Nobody is asked who cannot be.
    let server = skreaver::mcp::McpServer::of_agent(&laptop(Some(ASKS)), "amber").unwrap();
    let mut mute = Spoken::to(server, json!({})).await;
    let refused = mute.ask("tools/call", call).await;
    assert!(refused["result"]["content"][0]["text"].as_str().unwrap().contains("approv"), "{refused}");
    assert_eq!(refused["result"]["isError"], true);
    mute.close().await;
}

impl Spoken {
    /// Calls a tool, and hears what the server asks before it answers.
    async fn ask_back(&mut self, call: &Value) -> Value {
        self.say(&json!({ "jsonrpc": "2.0", "id": 9, "method": "tools/call", "params": call })).await;
        let question = self.hear().await;
        assert_eq!(question["method"], "elicitation/create", "{question}");
        question
    }
}

#[tokio::test]
async fn since_2026_07_28_an_approval_comes_with_the_call_made_again_and_is_good_for_its_arguments_alone() {
    let served = start(
        config(&LAPTOP.replace("quartz, tools: [{name: quartz, source: {type: Builtin}}, ", "quartz, tools: [")),
        &[("amber", ASKS)],
        None,
        Duration::ZERO,
    )
    .await;
    let call = |text: &str, more: Value| {
        let meta = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientInfo": { "name": "t", "version": "0" },
            "io.modelcontextprotocol/clientCapabilities": { "elicitation": {} }
        });
        let mut params = json!({ "name": "uppercase", "arguments": { "text": text }, "_meta": meta });
        params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let body = json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params });
        let request = served.client.post(served.url("/agents/amber/mcp")).json(&body);
        let request = request.header("mcp-protocol-version", "2026-07-28").header("mcp-method", "tools/call");
        let request = request.header("mcp-name", "uppercase").header(header::ACCEPT, "application/json, text/event-stream");
        async move { request.send().await.unwrap().json::<Value>().await.unwrap() }
    };
    let asked = call("hi", json!({})).await;
    assert_eq!(asked["result"]["resultType"], "input_required", "{asked}");
    assert_eq!(asked["result"]["inputRequests"]["approval"]["method"], "elicitation/create");
    let said = json!({
        "requestState": asked["result"]["requestState"],
        "inputResponses": { "approval": { "action": "accept", "content": { "approve": true } } }
    });
    assert_eq!(call("other", said.clone()).await["result"]["resultType"], "input_required");
    assert_eq!(call("hi", said).await["result"]["content"][0]["text"], "HI");
    served.stop().await;
}
