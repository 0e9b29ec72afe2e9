//! MCP over streams: the agent as a tool, what it keeps, and people who are asked.

use std::time::Duration;

use serde_json::json;
use skreaver::mcp::McpServer;
use skreaver::tools::{FunctionTool, InMemoryToolRegistry, Text};

use super::spoken::{ASKS, Spoken, laptop, names};

#[tokio::test]
async fn the_agent_is_a_tool_that_tells_how_it_gets_on_and_what_it_keeps() {
    let runtime = laptop(None);
    let mut amber = Spoken::to(McpServer::of_agent(&runtime, "amber").unwrap(), json!({})).await;
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
    let mut quartz = Spoken::to(McpServer::of_agent(&laptop(None), "quartz").unwrap(), json!({})).await;
    assert_eq!(names(&quartz.ask("tools/list", json!({})).await, "tools"), ["quartz", "reverse", "ask-quartz", "amber"]);
    let tool = quartz.ask("tools/call", json!({ "name": "quartz", "arguments": { "text": "hi" } })).await;
    assert_eq!(tool["result"]["content"][0]["text"], "hi");
    let agent = quartz.ask("tools/call", json!({ "name": "ask-quartz", "arguments": { "input": "reverse:hi" } })).await;
    assert_eq!(agent["result"]["content"][0]["text"], "ih");
    quartz.close().await;
}

#[tokio::test]
async fn bare_tools_are_served_without_an_agent() {
    let mut tools = InMemoryToolRegistry::new();
    let run = |Text { text }| (text + "!").into();
    let shout = FunctionTool { description: "Shouts.", from_text: Text::arguments, run };
    tools.register("shout", shout).unwrap();
    let mut server = Spoken::to(McpServer::new(&tools), json!({})).await;
    assert_eq!(names(&server.ask("tools/list", json!({})).await, "tools"), ["shout"]);
    let answer = server.ask("tools/call", json!({ "name": "shout", "arguments": { "text": "hi" } })).await;
    assert_eq!(answer["result"]["content"][0]["text"], "hi!");
    assert_eq!(server.ask("resources/list", json!({})).await["error"]["code"], -32601);
    server.close().await;
}

#[tokio::test]
async fn the_user_of_a_client_that_can_ask_decides_about_a_call() {
    let server = McpServer::of_agent(&laptop(Some(ASKS)), "amber").unwrap();
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
    let server = McpServer::of_agent(&laptop(Some(ASKS)), "amber").unwrap();
    let mut mute = Spoken::to(server, json!({})).await;
    let refused = mute.ask("tools/call", call).await;
    assert!(refused["result"]["content"][0]["text"].as_str().unwrap().contains("approv"), "{refused}");
    assert_eq!(refused["result"]["isError"], true);
    mute.close().await;
}
