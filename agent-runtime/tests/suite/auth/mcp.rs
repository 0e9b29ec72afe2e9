//! MCP where callers are asked who they are: what they see is theirs, and what they may not is not there.

use serde_json::{Value, json};

use super::world::{CONFIG, POLICIES, World, answer};

/// Asks the MCP server of an agent as a client of 2025-11-25 does.
async fn ask(world: &World, who: &str, agent: &str, method: &str, params: Value) -> (u16, Value) {
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
    answer(world.by(who, "POST", &format!("/agents/{agent}/mcp")).json(&body)).await
}

fn names(listed: &(u16, Value), what: &str) -> Vec<String> {
    let all = listed.1["result"][what].as_array().unwrap_or_else(|| panic!("{listed:?}"));
    all.iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect()
}

fn shout() -> Value {
    json!({"name": "uppercase", "arguments": {"text": "a"}})
}

#[tokio::test]
async fn policies_are_told_who_calls() {
    let world = World::start().await;
    assert_eq!(ask(&world, "ann", "amber", "tools/call", shout()).await.1["result"]["content"][0]["text"], "A");
    let (status, denied) = ask(&world, "bob", "amber", "tools/call", shout()).await;
    assert_eq!((status, &denied["result"]["isError"]), (200, &json!(true)), "{denied}");
    let (status, denied) = answer(world.by("bob", "POST", "/agents/amber/observe").json(&json!({"input": "uppercase:a"}))).await;
    assert_eq!((status, &denied["rule"]), (403, &json!("ann")), "{denied}");
    world.served.stop().await;
}

#[tokio::test]
async fn who_may_read_alone_lists_and_calls_nothing() {
    let world = World::start().await;
    assert_eq!(
        names(&ask(&world, "eve", "amber", "tools/list", json!({})).await, "tools"),
        ["colleague", "reverse", "uppercase"]
    );
    assert_eq!(names(&ask(&world, "eve", "amber", "resources/list", json!({})).await, "resources"), ["amber"]);
    assert_eq!(names(&ask(&world, "eve", "amber", "prompts/list", json!({})).await, "prompts"), Vec::<String>::new());
    assert_eq!(world.refusals(), Vec::<Value>::new());
    for call in [shout(), json!({"name": "amber", "arguments": {"input": "uppercase:a"}}), json!({"name": "levitate"})] {
        let (status, refused) = ask(&world, "eve", "amber", "tools/call", call).await;
        assert_eq!((status, &refused["code"]), (403, &json!("forbidden")), "{refused}");
        assert_eq!(world.refusals().len(), 1);
    }
    let (_, unknown) = ask(&world, "eve", "amber", "prompts/get", json!({"name": "amber", "arguments": {"request": "x"}})).await;
    assert_eq!(unknown["error"]["code"], -32602);
    world.served.stop().await;
}

#[tokio::test]
async fn resources_are_the_callers_own_sessions_and_notes_where_they_may_call_tools() {
    let agents = CONFIG.replace(
        "- name: basalt\n  tools: [",
        "- name: basalt\n  tools: [{name: remember, source: {type: Builtin}}, {name: recall, source: {type: Builtin}}, ",
    );
    let world = World::of(&agents, POLICIES).await;
    world.observe("ann", "basalt", json!({"input": "uppercase:granite", "session": "talk"})).await;
    let note = json!({"name": "remember", "arguments": {"text": "the gate is of granite"}});
    assert_eq!(ask(&world, "ann", "basalt", "tools/call", note).await.1["result"]["isError"], false);
    let listed = async |who| names(&ask(&world, who, "basalt", "resources/list", json!({})).await, "resources");
    assert_eq!(listed("ann").await, ["basalt", "talk"]);
    let read = async |who, place: &str| {
        let uri = format!("skreaver://agents/basalt/{place}");
        ask(&world, who, "basalt", "resources/read", json!({"uri": uri})).await.1
    };
    let word = json!({
        "ref": {"type": "ref/resource", "uri": "skreaver://agents/basalt/sessions/{session}"},
        "argument": {"name": "session", "value": ""}
    });
    let completed = async |who| {
        let (_, completed) = ask(&world, who, "basalt", "completion/complete", word.clone()).await;
        completed["result"]["completion"]["values"].clone()
    };
    let text = |read: &Value| read["result"]["contents"][0]["text"].as_str().map(str::to_owned).unwrap_or_default();
    assert!(text(&read("ann", "sessions/talk").await).contains("GRANITE"));
    assert_eq!(text(&read("ann", "notes/gate").await), r#"["the gate is of granite"]"#);
    assert_eq!(completed("ann").await, json!(["talk"]));
    // Also an admin has none of them here.
    for other in ["bob", "eve", "narrow", "root"] {
        assert_eq!(listed(other).await, ["basalt"], "{other}");
        assert_eq!(completed(other).await, json!([]), "{other}");
        let absent = read(other, "sessions/nowhere").await.to_string().replace("nowhere", "talk");
        assert_eq!(read(other, "sessions/talk").await.to_string(), absent, "{other}");
    }
    // Notes are the agent's, and finding them is a call of a tool.
    assert_eq!(text(&read("bob", "notes/gate").await), r#"["the gate is of granite"]"#);
    assert_eq!(read("eve", "notes/gate").await["error"]["code"], -32002);
    let templates =
        async |who| names(&ask(&world, who, "basalt", "resources/templates/list", json!({})).await, "resourceTemplates");
    assert_eq!(
        (templates("bob").await, templates("eve").await),
        (vec!["session".to_owned(), "notes".to_owned()], vec!["session".to_owned()])
    );
    world.served.stop().await;
}

#[tokio::test]
async fn agents_of_the_process_that_somebody_may_not_ask_are_not_there() {
    let world = World::start().await;
    assert_eq!(
        names(&ask(&world, "ann", "basalt", "tools/list", json!({})).await, "tools"),
        ["reverse", "uppercase", "basalt", "amber"]
    );
    assert_eq!(names(&ask(&world, "ann", "basalt", "prompts/list", json!({})).await, "prompts"), ["basalt", "amber"]);
    let through = json!({"name": "amber", "arguments": {"input": "uppercase:a"}});
    assert_eq!(ask(&world, "ann", "basalt", "tools/call", through.clone()).await.1["result"]["content"][0]["text"], "A");
    // Narrow may ask basalt alone.
    assert_eq!(
        names(&ask(&world, "narrow", "basalt", "tools/list", json!({})).await, "tools"),
        ["reverse", "uppercase", "basalt"]
    );
    assert_eq!(names(&ask(&world, "narrow", "basalt", "prompts/list", json!({})).await, "prompts"), ["basalt"]);
    assert_eq!(world.refusals(), Vec::<Value>::new());
    let ghostly = |answer: &Value| answer.to_string().replace("ghost", "amber");
    let prompt = |name: &str| json!({"name": name, "arguments": {"request": "x"}});
    for (method, of_amber, of_nobody) in [
        ("tools/call", through, json!({"name": "ghost", "arguments": {"input": "uppercase:a"}})),
        ("prompts/get", prompt("amber"), prompt("ghost")),
    ] {
        let (status, refused) = ask(&world, "narrow", "basalt", method, of_amber).await;
        assert_eq!((status, &refused["error"]["code"]), (200, &json!(-32602)), "{refused}");
        let logged = world.refusals();
        assert_eq!((logged.len(), &logged[0]["reason"]), (1, &json!("forbidden")), "{logged:?}");
        assert_eq!(refused.to_string(), ghostly(&ask(&world, "narrow", "basalt", method, of_nobody).await.1));
    }
    let (status, refused) = ask(&world, "narrow", "amber", "tools/list", json!({})).await;
    assert_eq!((status, &refused["code"]), (403, &json!("forbidden")));
    world.served.stop().await;
}

/// Calls `reverse` as a client of 2026-07-28 does that can ask its user, perhaps with what the user said.
async fn reverse(world: &World, who: &str, said: Value) -> Value {
    let mut params = json!({"name": "reverse", "arguments": {"text": "ab"}, "_meta": {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "t", "version": "0"},
        "io.modelcontextprotocol/clientCapabilities": {"elicitation": {}}
    }});
    params.as_object_mut().unwrap().extend(said.as_object().unwrap().clone());
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
    let request = world.by(who, "POST", "/agents/basalt/mcp").json(&body).header("mcp-protocol-version", "2026-07-28");
    let (status, answer) = answer(request.header("mcp-method", "tools/call").header("mcp-name", "reverse")).await;
    assert_eq!(status, 200, "{answer}");
    answer["result"].clone()
}

#[tokio::test]
async fn only_who_may_approve_is_asked_and_decides_by_their_name() {
    let policies = POLICIES.replace("quorum: 2", "quorum: 1").replace("rules:", "audit: {sinks: [Journal]}, rules:");
    let world = World::of(CONFIG, &policies).await;
    // Ann may call it, and may not approve that.
    let refused = reverse(&world, "ann", json!({})).await;
    assert_eq!((&refused["isError"], &refused["resultType"]), (&json!(true), &json!("complete")), "{refused}");
    let asked = reverse(&world, "root", json!({})).await;
    assert_eq!(asked["resultType"], "input_required", "{asked}");
    let said = |answer: Value| json!({"requestState": asked["requestState"], "inputResponses": {"approval": answer}});
    let yes = json!({"action": "accept", "content": {"approve": true}});
    let stolen = reverse(&world, "ann", said(yes.clone())).await;
    assert_eq!(stolen["isError"], true, "{stolen}");
    let no = reverse(&world, "root", said(json!({"action": "decline"}))).await;
    let told = no["content"][0]["text"].as_str().unwrap();
    assert!(no["isError"] == true && told.contains("root did not approve it"), "{told}");
    assert_eq!(reverse(&world, "root", said(yes)).await["content"][0]["text"], "ba");
    let audit = world.by("root", "GET", "/agents/basalt/audit").send().await.unwrap().text().await.unwrap();
    let approved: Vec<_> = audit.lines().filter(|record| record.contains("approved_by")).collect();
    assert!(approved.len() == 1 && approved[0].contains(r#""approved_by":["root"]"#), "{audit}");
    world.served.stop().await;
}
