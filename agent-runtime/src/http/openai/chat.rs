//! Chat completions: `POST /v1/chat/completions`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use skreaver_protocol::AgentName;
use skreaver_protocol::auth::Permission;
use skreaver_protocol::problem::Problem;
use skreaver_protocol::rest::{ObserveResponse, Usage};

use super::error::{self, Refused};
use super::request::{ClientMessage, conversation, format, none_of};
use super::stream::{self, Told};
use super::{Asked, REQUEST_ID, tokens};
use crate::agent::{Observation, Said, ServedAgent};
use crate::http::agents::{hops, idempotency_key};
use crate::http::extract::{JsonBody, unknown_agent};
use crate::http::{App, Asker, ProblemResponse};

/// What is looked at of a request; `user`, sampling and lengths are not.
#[derive(Deserialize)]
pub(super) struct ChatRequest {
    model: String,
    messages: Vec<ClientMessage>,
    #[serde(default)]
    stream: Option<bool>,
    #[serde(default)]
    stream_options: Option<StreamOptions>,
    #[serde(default)]
    n: Option<u32>,
    #[serde(default)]
    tools: Option<Vec<Value>>,
    #[serde(default)]
    functions: Option<Vec<Value>>,
    #[serde(default)]
    tool_choice: Option<Value>,
    #[serde(default)]
    response_format: Option<Value>,
    #[serde(default)]
    modalities: Option<Vec<String>>,
    #[serde(default)]
    logprobs: Option<bool>,
    #[serde(default)]
    stop: Option<Value>,
}

#[derive(Deserialize)]
struct StreamOptions {
    #[serde(default)]
    include_usage: Option<bool>,
}

pub(super) async fn complete(
    State(app): State<App>,
    asker: Asker,
    headers: HeaderMap,
    JsonBody(request): JsonBody<ChatRequest>,
) -> Result<Response, Refused> {
    let agent = model(&app, &asker, &request.model)?;
    can_be_done(&request, &agent)?;
    let ChatRequest { model, messages, stream, stream_options, .. } = request;
    let (input, said) = conversation("messages", messages)?;
    let asked = Asked::new(&model);
    let observation = observation(&headers, &asker, &asked, input, said)?;
    if stream == Some(true) {
        let usage = stream_options.and_then(|options| options.include_usage).unwrap_or_default();
        return Ok(stream::answer(&agent, asker, observation, Chunks { asked, usage }).await?);
    }
    let answer = agent.observe(observation).await.map_err(ProblemResponse::from)?;
    Ok(([(REQUEST_ID, answer.run.clone())], Json(whole(&asked, &answer))).into_response())
}

/// The agent that a request names, which the asker may ask.
pub(super) fn model(app: &App, asker: &Asker, name: &str) -> Result<Arc<ServedAgent>, ProblemResponse> {
    if let Ok(name) = AgentName::parse(name) {
        asker.may(&name, Permission::Observe)?;
    }
    app.runtime.agent(name).ok_or_else(|| unknown_agent(name))
}

/// What an agent is told in the name of a request.
pub(super) fn observation(
    headers: &HeaderMap,
    asker: &Asker,
    asked: &Asked,
    input: String,
    said: Said,
) -> Result<Observation, ProblemResponse> {
    let (idempotency_key, hops) = (idempotency_key(headers)?, hops(headers)?);
    Ok(Observation { run: asked.run, caller: asker.caller(), said, idempotency_key, hops, ..Observation::new(input) })
}

fn can_be_done(request: &ChatRequest, agent: &Arc<ServedAgent>) -> Result<(), Refused> {
    let ChatRequest { n, tools, functions, tool_choice, response_format, modalities, logprobs, stop, .. } = request;
    let refuse = |is_asked: bool, param, message: &str| if is_asked { Err(Refused::unsupported(param, message)) } else { Ok(()) };
    none_of("tools", tools.as_ref())?;
    none_of("functions", functions.as_ref())?;
    let chosen = tool_choice.as_ref().is_some_and(|choice| !choice.is_null() && choice != "none" && choice != "auto");
    refuse(chosen, "tool_choice", "an agent chooses its tools itself")?;
    refuse(n.is_some_and(|n| n != 1), "n", "an agent gives one answer")?;
    let is_other = modalities.as_ref().is_some_and(|modalities| modalities.iter().any(|modality| modality != "text"));
    refuse(is_other, "modalities", "an agent answers in text")?;
    refuse(*logprobs == Some(true), "logprobs", "an agent's answer has no probabilities")?;
    let stops = stop.as_ref().is_some_and(|stop| !stop.is_null() && stop.as_array().is_none_or(|stops| !stops.is_empty()));
    refuse(stops, "stop", "an agent's answer ends where the agent ends it")?;
    format("response_format", response_format.as_ref(), agent.config())
}

fn whole(asked: &Asked, answer: &ObserveResponse) -> Value {
    let message = json!({ "role": "assistant", "content": answer.output, "refusal": null, "annotations": [] });
    json!({
        "id": format!("chatcmpl-{}", answer.run),
        "object": "chat.completion",
        "created": asked.created,
        "model": asked.model,
        "choices": [{ "index": 0, "message": message, "logprobs": null, "finish_reason": "stop" }],
        "usage": usage(&answer.usage),
    })
}

fn usage(usage: &Usage) -> Value {
    let (input, output, total) = tokens(usage);
    json!({ "prompt_tokens": input, "completion_tokens": output, "total_tokens": total })
}

/// A completion in pieces.
struct Chunks {
    asked: Asked,
    /// Whether the client asks for what was used.
    usage: bool,
}

impl Chunks {
    fn chunk(&self, delta: &Value, finish: Option<&str>) -> Value {
        let mut chunk = self.with(json!([{ "index": 0, "delta": delta, "logprobs": null, "finish_reason": finish }]));
        if self.usage {
            chunk["usage"] = Value::Null;
        }
        chunk
    }

    fn with(&self, choices: Value) -> Value {
        let Asked { run, model, created } = &self.asked;
        let mut chunk =
            json!({ "id": format!("chatcmpl-{run}"), "object": "chat.completion.chunk", "created": created, "model": model });
        chunk["choices"] = choices;
        chunk
    }
}

impl Told for Chunks {
    fn begun(&mut self, run: &str) -> Vec<Value> {
        // Another one where the key of the request stands for it.
        self.asked.run = run.parse().unwrap_or(self.asked.run);
        vec![self.chunk(&json!({ "role": "assistant", "content": "", "refusal": null }), None)]
    }

    fn text(&mut self, text: &str) -> Vec<Value> {
        vec![self.chunk(&json!({ "content": text }), None)]
    }

    fn ended(&mut self, answer: &ObserveResponse) -> Vec<Value> {
        let mut chunks = vec![self.chunk(&json!({}), Some("stop"))];
        if self.usage {
            let mut last = self.with(json!([]));
            last["usage"] = usage(&answer.usage);
            chunks.push(last);
        }
        chunks
    }

    fn failed(&mut self, problem: &Problem) -> Value {
        error::of(problem)
    }

    fn last(&self) -> Option<&'static str> {
        Some("[DONE]")
    }
}
