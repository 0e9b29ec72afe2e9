//! What an agent shows of itself and of what it keeps, as resources: its card, its sessions, its notes.

use rmcp::model::{
    CompleteRequestParams, CompleteResult, CompletionInfo, ErrorData, ListResourcesResult, ReadResourceResult, Reference,
    Resource, ResourceContents, ResourceTemplate,
};
use serde::Serialize;
use serde_json::json;
use skreaver_protocol::auth::Permission;
use skreaver_protocol::problem::Code;
use skreaver_protocol::{Builtin, Caller, SessionId};
use uuid::Uuid;

use crate::agent::{Failure, Owner, ServedAgent};
use crate::http::Asker;
use crate::tools::{Input, ToolCall};

const JSON: &str = "application/json";
/// How many sessions a page lists, and how many are looked through for those that complete a word.
const PAGE: usize = 100;
const MOST_LOOKED_AT: usize = 1000;
/// How many notes are found at once.
const NOTES: usize = 20;

/// A resource of an agent.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    Card,
    Session(SessionId),
    Notes(String),
}

fn root(agent: &ServedAgent) -> String {
    format!("skreaver://agents/{}", agent.config().name)
}

fn sessions_template(agent: &ServedAgent) -> String {
    format!("{}/sessions/{{session}}", root(agent))
}

/// Card and the caller's sessions, page by page: a cursor is the last session of the page before.
pub(super) async fn list(agent: &ServedAgent, caller: &Caller, cursor: Option<String>) -> Result<ListResourcesResult, ErrorData> {
    let root = root(agent);
    let mut resources = Vec::new();
    if cursor.is_none() {
        let card = Resource::new(root.clone(), agent.config().name.as_str());
        resources.push(card.with_description("The agent: what it is for, its tools, how it does.").with_mime_type(JSON));
    }
    let mut next_cursor = None;
    if agent.config().memory.is_some() {
        let after = cursor.map(|cursor| SessionId::parse(cursor).map_err(|error| invalid(&error))).transpose()?;
        let page = agent.list_sessions(&Owner::of_identity(&caller.identity()), after, PAGE).await.map_err(refused)?;
        resources.extend(page.sessions.iter().map(|session| {
            let resource = Resource::new(format!("{root}/sessions/{session}"), session.as_str());
            resource.with_description("What was said in this conversation with the agent.").with_mime_type(JSON)
        }));
        next_cursor = page.next.map(|session| session.to_string());
    }
    let mut listed = ListResourcesResult::with_all_items(resources);
    listed.next_cursor = next_cursor;
    Ok(listed)
}

/// Resources by what they are asked for.
pub(super) fn templates(agent: &ServedAgent, asker: &Asker) -> Vec<ResourceTemplate> {
    let mut templates = Vec::new();
    if agent.config().memory.is_some() {
        let template = ResourceTemplate::new(sessions_template(agent), "session");
        templates.push(template.with_description("What was said in a conversation with the agent.").with_mime_type(JSON));
    }
    if recalls(agent, asker) {
        let template = ResourceTemplate::new(format!("{}/notes/{{words}}", root(agent)), "notes");
        templates.push(template.with_description("Notes that the agent kept and that have these words.").with_mime_type(JSON));
    }
    templates
}

/// Reads one.
pub(super) async fn read(agent: &ServedAgent, asker: &Asker, uri: &str) -> Result<ReadResourceResult, ErrorData> {
    let caller = asker.caller();
    let text = match place(&root(agent), uri).ok_or_else(|| unknown(uri))? {
        Place::Card => written(&agent.status()),
        Place::Session(session) => match agent.session(&Owner::of_identity(&caller.identity()), &session).await {
            Ok(history) => written(&history),
            Err(failure) if failure.code == Code::UnknownSession || failure.code == Code::MemoryRequired => {
                return Err(unknown(uri));
            }
            Err(failure) => return Err(refused(failure)),
        },
        Place::Notes(words) if recalls(agent, asker) => written(&notes(agent, caller, words).await.map_err(refused)?),
        Place::Notes(_) => return Err(unknown(uri)),
    };
    Ok(ReadResourceResult::new(vec![ResourceContents::text(text, uri).with_mime_type(JSON)]))
}

/// Sessions of the caller whose names begin like that.
pub(super) async fn complete(
    agent: &ServedAgent,
    caller: &Caller,
    request: &CompleteRequestParams,
) -> Result<CompleteResult, ErrorData> {
    let is_session = matches!(&request.r#ref, Reference::Resource(template) if template.uri == sessions_template(agent));
    if !is_session || request.argument.name != "session" || agent.config().memory.is_none() {
        return Ok(CompleteResult::default());
    }
    let mut found =
        agent.list_sessions(&Owner::of_identity(&caller.identity()), None, MOST_LOOKED_AT).await.map_err(refused)?.sessions;
    found.retain(|session| session.as_str().starts_with(&request.argument.value));
    let total = found.len();
    let values = found.into_iter().take(CompletionInfo::MAX_VALUES).map(|session| session.to_string()).collect();
    let mut info = CompletionInfo::new(values).map_err(|error| ErrorData::internal_error(error, None))?;
    info.has_more = Some(total > CompletionInfo::MAX_VALUES);
    Ok(CompleteResult::new(info))
}

/// That there is no such resource.
fn unknown(uri: &str) -> ErrorData {
    ErrorData::resource_not_found(format!("there is no resource `{uri}`"), Some(json!({ "uri": uri })))
}

/// Notes are found by the tool for that, which the agent must have and a policy must permit.
async fn notes(agent: &ServedAgent, caller: Caller, words: String) -> Result<serde_json::Value, Failure> {
    let input = Input::Arguments(json!({ "query": words, "limit": NOTES }));
    let (tool, id) = (Builtin::Recall.name().to_owned(), Uuid::now_v7().to_string());
    let call = ToolCall { tool, input, caller, session: None, read: None, id, approved: None };
    Ok(agent.call(call).await?.output)
}

/// Whether notes can be found for somebody: that is a call of a tool, and they must be allowed to make one.
fn recalls(agent: &ServedAgent, asker: &Asker) -> bool {
    let may_call = asker.may(&agent.config().name, Permission::Observe).is_ok();
    may_call && agent.toolbox().permitted().iter().any(|tool| tool.as_str() == Builtin::Recall.name())
}

/// What a URI names. The words of a search may be percent-encoded.
fn place(root: &str, uri: &str) -> Option<Place> {
    let rest = uri.strip_prefix(root)?;
    if rest.is_empty() {
        return Some(Place::Card);
    }
    match rest.strip_prefix('/')?.split_once('/')? {
        ("sessions", session) => SessionId::parse(decoded(session)?).ok().map(Place::Session),
        ("notes", words) if !words.is_empty() => decoded(words).map(Place::Notes),
        _ => None,
    }
}

fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => hex(rest.next()?)? << 4 | hex(rest.next()?)?,
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

fn written(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("what is answered over HTTP is JSON")
}

fn refused(failure: Failure) -> ErrorData {
    ErrorData::internal_error(failure.to_string(), None)
}

fn invalid(error: &dyn std::error::Error) -> ErrorData {
    ErrorData::invalid_params(format!("this is no cursor of ours: {error}"), None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_names_one_place_or_none() {
        let check = |uri: &str, expected| assert_eq!(place("skreaver://agents/amber", uri), expected, "{uri}");
        let session = || Some(Place::Session(SessionId::parse("s-1").unwrap()));
        check("skreaver://agents/amber", Some(Place::Card));
        check("skreaver://agents/amber/sessions/s-1", session());
        check("skreaver://agents/amber/sessions/s%2d1", session());
        check("skreaver://agents/amber/notes/two%20words", Some(Place::Notes("two words".to_owned())));
        for none in ["/", "/sessions", "/sessions/", "/notes/", "/notes/%zz", "/notes/%", "/runs/1", "s", "/sessions/a/b"] {
            check(&format!("skreaver://agents/amber{none}"), None);
        }
        check("skreaver://agents/other", None);
        check("file:///etc/passwd", None);
    }
}
