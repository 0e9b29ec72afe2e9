//! Agents over streams, as over stdio, and who speaks to them.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use skreaver::Runtime;
use skreaver::mcp::{McpServer, StdioError};
use skreaver::protocol::{AgentName, ToolName};
use skreaver::tools::{FunctionTool, Text};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream, Lines, ReadHalf, WriteHalf};
use tokio::task::JoinHandle;

use crate::support::config;

pub(super) const LAPTOP: &str = "
agents:
  - {name: amber, description: Shouts., tools: [{name: uppercase, source: {type: Builtin}}, {name: remember, source: {type: Builtin}}, {name: recall, source: {type: Builtin}}], memory: {store: {backend: InMemory}, durability: Ephemeral}}
  - {name: quartz, tools: [{name: quartz, source: {type: Builtin}}, {name: reverse, source: {type: Builtin}}]}";

/// That a call of `uppercase` needs approval.
pub(super) const ASKS: &str = "{version: 1, policies: [{name: stone, mode: Enforce, defaultAction: Allow, rules: [{name: ask, tools: [uppercase], action: RequireApproval, approval: {quorum: 1, timeout: 1h}}]}]}";

/// An agent over streams, as over stdio.
pub(super) struct Spoken {
    input: WriteHalf<DuplexStream>,
    output: Lines<BufReader<ReadHalf<DuplexStream>>>,
    server: JoinHandle<Result<(), StdioError>>,
}

impl Spoken {
    pub(super) async fn to(server: McpServer, capabilities: Value) -> Self {
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        let (theirs_in, theirs_out) = tokio::io::split(theirs);
        let (output, input) = tokio::io::split(ours);
        let server = tokio::spawn(server.serve(theirs_in, theirs_out));
        let mut spoken = Self { input, output: BufReader::new(output).lines(), server };
        let client = json!({ "protocolVersion": "2025-11-25", "capabilities": capabilities, "clientInfo": { "name": "t", "version": "0" } });
        spoken.say(&json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": client })).await;
        assert_eq!(spoken.hear().await["result"]["protocolVersion"], "2025-11-25");
        spoken.say(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" })).await;
        spoken
    }

    pub(super) async fn say(&mut self, message: &Value) {
        self.write(format!("{message}\n").as_bytes()).await;
    }

    /// Sends what need not be a message.
    pub(super) async fn write(&mut self, bytes: &[u8]) {
        self.input.write_all(bytes).await.unwrap();
    }

    pub(super) async fn hear(&mut self) -> Value {
        let line = tokio::time::timeout(Duration::from_secs(60), self.output.next_line()).await.unwrap().unwrap().unwrap();
        serde_json::from_str(&line).unwrap()
    }

    pub(super) async fn ask(&mut self, method: &str, params: Value) -> Value {
        self.say(&json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params })).await;
        let answer = self.hear().await;
        assert_eq!(answer["id"], 7, "{answer}");
        answer
    }

    pub(super) async fn close(self) {
        drop((self.input, self.output));
        self.server.await.unwrap().unwrap();
    }

    /// Calls a tool, and hears what the server asks before it answers.
    pub(super) async fn ask_back(&mut self, call: &Value) -> Value {
        self.say(&json!({ "jsonrpc": "2.0", "id": 9, "method": "tools/call", "params": call })).await;
        let question = self.hear().await;
        assert_eq!(question["method"], "elicitation/create", "{question}");
        question
    }
}

/// Two agents of one process, one of which may be under a policy.
pub(super) fn laptop(policy: Option<&str>) -> Arc<Runtime> {
    let mut builder = Runtime::builder().config(config(LAPTOP)).tool(
        ToolName::parse("quartz").unwrap(),
        Arc::new(FunctionTool {
            description: "A tool that is named as its agent.",
            from_text: Text::arguments,
            run: |Text { text }| text.into(),
        }),
    );
    if let Some(policy) = policy {
        let bundle = serde_yaml::from_str(policy).unwrap();
        builder = builder.policies(AgentName::parse("amber").unwrap(), bundle);
    }
    Arc::new(builder.build().unwrap())
}

pub(super) fn names(listed: &Value, what: &str) -> Vec<String> {
    listed["result"][what].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect()
}
