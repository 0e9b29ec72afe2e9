//! What of a request can be done: the conversation as an agent is told it, and refusals of what is not for the caller to say.
//!
//! The last message is what the agent is told; those before are its history. Instructions are the agent's own: what the
//! caller gives as `system` or `developer` is told to it as something that the caller said. Sampling and lengths are in the
//! agent's spec too; clients send them unasked, and so they are ignored.

use serde::Deserialize;
use serde_json::Value;
use skreaver_protocol::config::AgentConfig;
use skreaver_protocol::message::Message;

use super::error::Refused;
use crate::agent::Said;

/// One message of the client.
#[derive(Deserialize)]
pub(super) struct ClientMessage {
    role: String,
    #[serde(default)]
    content: Option<Content>,
    #[serde(default)]
    tool_calls: Option<Vec<Value>>,
}

/// Text, whole or in parts.
#[derive(Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Parts(Vec<ContentPart>),
}

#[derive(Deserialize)]
struct ContentPart {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    text: Option<String>,
}

/// Takes the messages of a client apart: what the agent is told, and what was said before.
pub(super) fn conversation(param: &'static str, messages: Vec<ClientMessage>) -> Result<(String, Said), Refused> {
    let mut told = messages.into_iter().map(|message| said(param, message)).collect::<Result<Vec<_>, _>>()?;
    match told.pop() {
        Some((true, Message::User { text })) => {
            let messages = told.into_iter().map(|(_, message)| message).collect();
            Ok((text, Said { messages, ..Said::default() }))
        }
        _ => Err(Refused::unsupported(param, "the last message has to be one of the role `user`: it is what the agent is told")),
    }
}

/// One message, and whether it is the user's.
fn said(param: &'static str, message: ClientMessage) -> Result<(bool, Message), Refused> {
    let ClientMessage { role, content, tool_calls } = message;
    if tool_calls.is_some_and(|calls| !calls.is_empty()) {
        return Err(Refused::unsupported(param, "agents call their tools themselves: send messages without `tool_calls`"));
    }
    let text = text(param, content)?;
    match role.as_str() {
        "user" => Ok((true, Message::User { text })),
        "assistant" => Ok((false, Message::Assistant { text, tool_requests: Vec::new() })),
        "system" | "developer" => Ok((false, background(&text))),
        "tool" | "function" => Err(Refused::unsupported(param, "agents call their tools themselves: send no results of tools")),
        other => Err(Refused::unsupported(param, format!("there is no role `{other}`"))),
    }
}

/// What a caller would have as instructions, in the caller's name.
pub(super) fn background(text: &str) -> Message {
    Message::User {
        text: format!("What the caller of this conversation asks for, as far as your instructions allow it:\n{text}"),
    }
}

fn text(param: &'static str, content: Option<Content>) -> Result<String, Refused> {
    let parts = match content {
        Some(Content::Text(text)) => return Ok(text),
        Some(Content::Parts(parts)) => parts,
        None => return Err(Refused::unsupported(param, "every message needs `content`")),
    };
    let text = |ContentPart { kind, text }| match (kind.as_str(), text) {
        ("text" | "input_text" | "output_text", Some(text)) => Ok(text),
        (other, _) => Err(Refused::unsupported(param, format!("a part of the type `{other}` cannot be taken: send text"))),
    };
    parts.into_iter().map(text).collect::<Result<Vec<_>, _>>().map(|texts| texts.join("\n"))
}

/// Refuses a list that is not empty.
pub(super) fn none_of(param: &'static str, list: Option<&Vec<Value>>) -> Result<(), Refused> {
    match list {
        Some(list) if !list.is_empty() => {
            Err(Refused::unsupported(param, "an agent has the tools that its spec names, and takes none from callers"))
        }
        Some(_) | None => Ok(()),
    }
}

/// A form of the answer can be asked for only where the agent has it anyway.
pub(super) fn format(param: &'static str, asked: Option<&Value>, agent: &AgentConfig) -> Result<(), Refused> {
    let Some(asked) = asked.filter(|asked| !asked.is_null()) else { return Ok(()) };
    let own = agent.output_schema.as_ref();
    // The two operations nest it differently.
    let schema = asked.get("json_schema").unwrap_or(asked).get("schema");
    let is_had = match asked["type"].as_str() {
        Some("text") => own.is_none(),
        Some("json_object") => own.is_some_and(|own| own["type"] == "object"),
        Some("json_schema") => own.is_some() && own == schema,
        _ => false,
    };
    if is_had {
        return Ok(());
    }
    Err(Refused::unsupported(param, "the form of an agent's answers is in its spec, `outputSchema`, and this is not it"))
}
