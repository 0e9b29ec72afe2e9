//! Responses: `POST /v1/responses`. A response before is found by its id, which is that of its run, in the agent's memory.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use skreaver_protocol::auth::Permission;
use skreaver_protocol::problem::Problem;
use skreaver_protocol::rest::{ObserveResponse, Usage};

use super::chat::observation;
use super::error::{self, Refused};
use super::request::{ClientMessage, background, conversation, format, none_of};
use super::stream::{self, Told};
use super::{Asked, REQUEST_ID, tokens};
use crate::agent::{Said, ServedAgent};
use crate::http::extract::JsonBody;
use crate::http::{App, Asker, ProblemResponse};

/// What is looked at of a request.
#[derive(Deserialize)]
pub(super) struct ResponsesRequest {
    model: String,
    input: Input,
    #[serde(default)]
    instructions: Option<String>,
    #[serde(default)]
    previous_response_id: Option<String>,
    #[serde(default)]
    stream: Option<bool>,
    #[serde(default)]
    tools: Option<Vec<Value>>,
    #[serde(default)]
    text: Option<TextOptions>,
    #[serde(default)]
    background: Option<bool>,
    #[serde(default)]
    conversation: Option<Value>,
}

#[derive(Deserialize)]
struct TextOptions {
    #[serde(default)]
    format: Option<Value>,
}

/// A text, or a conversation.
#[derive(Deserialize)]
#[serde(untagged)]
enum Input {
    Text(String),
    Items(Vec<ClientMessage>),
}

pub(super) async fn create(
    State(app): State<App>,
    asker: Asker,
    headers: HeaderMap,
    JsonBody(request): JsonBody<ResponsesRequest>,
) -> Result<Response, Refused> {
    let ResponsesRequest { model, instructions, previous_response_id, stream, tools, text, .. } = &request;
    let agent = super::chat::model(&app, &asker, model)?;
    none_of("tools", tools.as_ref())?;
    format("text.format", text.as_ref().and_then(|text| text.format.as_ref()), agent.config())?;
    if request.background == Some(true) {
        return Err(Refused::unsupported("background", "use `Prefer: respond-async` of POST /agents/{id}/observe"));
    }
    if request.conversation.as_ref().is_some_and(|conversation| !conversation.is_null()) {
        return Err(Refused::unsupported("conversation", "use `previous_response_id`"));
    }
    let asked = Asked::new(model);
    let mut said = match previous_response_id {
        Some(id) => before(&agent, &asker, id).await?,
        None => Said::default(),
    };
    said.messages.extend(instructions.as_deref().map(background));
    let (stream, previous) = (*stream == Some(true), previous_response_id.clone());
    let (input, more) = told(request.input)?;
    said.messages.extend(more.messages);
    let observation = observation(&headers, &asker, &asked, input, said)?;
    let whole = Whole { asked, previous };
    if stream {
        return Ok(stream::answer(&agent, asker, observation, Pieces { whole, text: String::new(), number: 0 }).await?);
    }
    let answer = agent.observe(observation).await.map_err(ProblemResponse::from)?;
    Ok(([(REQUEST_ID, answer.run.clone())], Json(whole.completed(&answer))).into_response())
}

fn told(input: Input) -> Result<(String, Said), Refused> {
    match input {
        Input::Text(text) => Ok((text, Said::default())),
        Input::Items(messages) => conversation("input", messages),
    }
}

/// What was said until a response.
async fn before(agent: &ServedAgent, asker: &Asker, id: &str) -> Result<Said, Refused> {
    let param = "previous_response_id";
    let unknown = || Refused::unsupported(param, format!("the agent keeps no response `{id}`, or no longer"));
    let run = id.strip_prefix("resp_").and_then(|run| run.parse().ok()).ok_or_else(unknown)?;
    asker.owns(agent, run, Permission::Read).await?;
    let said = agent.said_until(run).await.map_err(ProblemResponse::of)?;
    said.ok_or_else(unknown)
}

struct Whole {
    asked: Asked,
    previous: Option<String>,
}

impl Whole {
    fn id(&self) -> String {
        format!("resp_{}", self.asked.run)
    }

    fn item(&self, status: &str, content: &[Value]) -> Value {
        json!({ "id": format!("msg_{}", self.asked.run), "type": "message", "role": "assistant", "status": status, "content": content })
    }

    fn response(&self, status: &str, output: &[Value], usage: Option<Value>, error: Option<Value>) -> Value {
        json!({
            "id": self.id(),
            "object": "response",
            "created_at": self.asked.created,
            "model": self.asked.model,
            "status": status,
            "output": output,
            "usage": usage,
            "error": error,
            "incomplete_details": null,
            "instructions": null,
            "metadata": {},
            "parallel_tool_calls": true,
            "previous_response_id": self.previous,
            "temperature": null,
            "text": { "format": { "type": "text" } },
            "tool_choice": "auto",
            "tools": [],
            "top_p": null,
        })
    }

    fn completed(mut self, answer: &ObserveResponse) -> Value {
        self.asked.run = answer.run.parse().unwrap_or(self.asked.run);
        self.response("completed", &[self.item("completed", &[part(&answer.output)])], Some(usage(&answer.usage)), None)
    }
}

fn part(text: &str) -> Value {
    json!({ "type": "output_text", "text": text, "annotations": [] })
}

fn usage(usage: &Usage) -> Value {
    let (input, output, total) = tokens(usage);
    json!({
        "input_tokens": input,
        "input_tokens_details": { "cached_tokens": 0, "cache_write_tokens": 0 },
        "output_tokens": output,
        "output_tokens_details": { "reasoning_tokens": 0 },
        "total_tokens": total,
    })
}

/// A response in pieces.
struct Pieces {
    whole: Whole,
    text: String,
    number: u64,
}

impl Pieces {
    fn event(&mut self, kind: &str, more: &Value) -> Value {
        let mut event = json!({ "type": kind, "sequence_number": self.number });
        self.number += 1;
        for (name, value) in more.as_object().into_iter().flatten() {
            event[name] = value.clone();
        }
        event
    }

    /// An event about the text.
    fn of_text(&mut self, kind: &str, more: &Value) -> Value {
        let mut event = self.event(kind, more);
        event["item_id"] = format!("msg_{}", self.whole.asked.run).into();
        event["output_index"] = 0.into();
        event["content_index"] = 0.into();
        event
    }
}

impl Told for Pieces {
    fn begun(&mut self, run: &str) -> Vec<Value> {
        self.whole.asked.run = run.parse().unwrap_or(self.whole.asked.run);
        let response = json!({ "response": self.whole.response("in_progress", &[], None, None) });
        let item = self.whole.item("in_progress", &[]);
        vec![
            self.event("response.created", &response),
            self.event("response.in_progress", &response),
            self.event("response.output_item.added", &json!({ "output_index": 0, "item": item })),
            self.of_text("response.content_part.added", &json!({ "part": part("") })),
        ]
    }

    fn text(&mut self, text: &str) -> Vec<Value> {
        self.text.push_str(text);
        vec![self.of_text("response.output_text.delta", &json!({ "delta": text, "logprobs": [] }))]
    }

    fn ended(&mut self, answer: &ObserveResponse) -> Vec<Value> {
        let text = std::mem::take(&mut self.text);
        let item = self.whole.item("completed", &[part(&text)]);
        let response = self.whole.response("completed", std::slice::from_ref(&item), Some(usage(&answer.usage)), None);
        vec![
            self.of_text("response.output_text.done", &json!({ "text": text, "logprobs": [] })),
            self.of_text("response.content_part.done", &json!({ "part": part(&text) })),
            self.event("response.output_item.done", &json!({ "output_index": 0, "item": item })),
            self.event("response.completed", &json!({ "response": response })),
        ]
    }

    fn failed(&mut self, problem: &Problem) -> Value {
        let error = error::of(problem);
        let error = json!({ "code": error["error"]["code"], "message": error["error"]["message"] });
        let response = self.whole.response("failed", &[], None, Some(error));
        self.event("response.failed", &json!({ "response": response }))
    }

    fn last(&self) -> Option<&'static str> {
        None
    }
}
