//! What the MCP conformance suite runs as a client, over the code that agents have their MCP servers by: `mcp_client URL`. It
//! makes the calls that the suite asks for, or else calls every tool that it finds once.

#![allow(clippy::unwrap_used, reason = "the suite sees to it that it fails")]

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use skreaver_effects::{Bounds, Guard, http};
use skreaver_policy::bounds::{Ground, Own};
use skreaver_policy::{Call, Ledger, Permit, Policy};
use skreaver_protocol::config::SecretSource;
use skreaver_protocol::{AgentName, Caller, ToolName};
use skreaver_remote::mcp::{McpSource, config};
use skreaver_remote::{Offer, Source, SourceState, World};

/// The source of the tools, whose name stands before theirs.
const SOURCE: &str = "suite";
/// How long the server may take to have tools.
const PATIENCE: Duration = Duration::from_secs(5);

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let url = std::env::args().nth(1).expect("name the server's URL");
    let source = McpSource::start(ToolName::parse(SOURCE).unwrap(), config(url), world());
    let offer = reached(&source).await;
    for (tool, arguments) in calls(&offer) {
        let name = ToolName::parse(format!("{SOURCE}/{tool}")).unwrap();
        let answer = offer.tools[&name].run(permit(&name, &arguments), arguments).await;
        println!("{tool}: {answer:?}");
    }
}

/// The tools, as soon as there are some. A server that refuses what it is asked first may take another word for it.
async fn reached(source: &McpSource) -> Offer {
    let mut offers = source.offers();
    let ready = offers.wait_for(|offer| offer.state == SourceState::Ready);
    match tokio::time::timeout(PATIENCE, ready).await {
        Ok(offer) => offer.unwrap().clone(),
        Err(_) => panic!("the server is not reached: {:?}", source.offers().borrow().state),
    }
}

/// The calls of the scenario.
fn calls(offer: &Offer) -> Vec<(String, Value)> {
    let context = std::env::var("MCP_CONFORMANCE_CONTEXT").unwrap_or_default();
    let context: Value = serde_json::from_str(&context).unwrap_or_default();
    if let Some(asked) = context["toolCalls"].as_array() {
        return asked.iter().map(|call| (call["name"].as_str().unwrap().to_owned(), call["arguments"].clone())).collect();
    }
    let tools = offer.tools.iter().map(|(name, tool)| {
        let name = name.as_str().split_once('/').unwrap().1;
        (name.to_owned(), sample(&tool.input_schema()))
    });
    tools.collect()
}

/// Arguments that a schema takes.
fn sample(schema: &Value) -> Value {
    match schema["type"].as_str() {
        Some("object") => {
            let properties = schema["properties"].as_object().cloned().unwrap_or_default();
            Value::Object(properties.iter().map(|(name, schema)| (name.clone(), sample(schema))).collect())
        }
        Some("integer" | "number") => json!(2),
        Some("boolean") => json!(true),
        Some("array") => json!([]),
        _ => json!("quarry"),
    }
}

fn world() -> World {
    let bounds = Arc::new(Bounds::new(Own { ground: Ground::Laptop, ..Own::default() }, []));
    World {
        guard: Guard::new(http::Client::new().unwrap()),
        bounds: Arc::new(move || Arc::clone(&bounds)),
        secrets: Arc::new(|source: &SecretSource| Err(format!("the suite has no secret `{source}`"))),
        ground: Ground::Laptop,
    }
}

/// Of a policy that allows everything.
fn permit(tool: &ToolName, arguments: &Value) -> Permit {
    let policy = Policy::compile(&serde_json::from_value(json!({ "version": 1 })).unwrap()).unwrap();
    let (agent, caller) = (AgentName::parse("amber").unwrap(), Caller::Anonymous);
    let call = Call { agent: &agent, tool, arguments, caller: &caller, session: None, read: None, id: "call-1", approved: None };
    policy.authorize(&call).settle(&Ledger::default(), Duration::ZERO).verdict.unwrap()
}
