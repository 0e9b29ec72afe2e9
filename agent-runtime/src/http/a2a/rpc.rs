//! The JSON-RPC binding (section 9).

use std::convert::Infallible;

use a2a::{A2AError, JsonRpcId, JsonRpcRequest, JsonRpcResponse, methods};
use axum::Json;
use axum::extract::Request;
use axum::http::request::Parts;
use axum::response::sse::{KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::StreamExt;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::error::Refused;
use super::operations::{self, Client};
use super::stream::Responses;
use super::version;
use crate::http::ProblemResponse;
use crate::http::events;
use crate::http::extract::json_bytes;

pub(super) async fn call(client: Client, request: Request) -> Result<Response, ProblemResponse> {
    let (parts, body) = request.into_parts();
    let bytes = json_bytes(&parts.headers, body).await?;
    let request = match parsed(&bytes) {
        Ok(request) => request,
        Err((id, error)) => return Ok(Refused::from(error).into_rpc(id)),
    };
    let id = request.id.clone();
    Ok(match dispatch(&client, &parts, request).await {
        Ok(Answer::One(result)) => Json(JsonRpcResponse::success(id, result)).into_response(),
        Ok(Answer::Many(responses)) => streamed(&id, responses),
        Err(refused) => refused.into_rpc(id),
    })
}

enum Answer {
    One(Value),
    Many(Responses),
}

/// A request, or what is wrong with it and whose it is.
fn parsed(bytes: &[u8]) -> Result<JsonRpcRequest, (JsonRpcId, A2AError)> {
    let value: Value =
        serde_json::from_slice(bytes).map_err(|error| (JsonRpcId::Null, A2AError::parse_error(error.to_string())))?;
    let id = value.get("id").and_then(|id| serde_json::from_value(id.clone()).ok()).unwrap_or(JsonRpcId::Null);
    let wrong = |what: String| (id.clone(), A2AError::invalid_request(what));
    if !value.is_object() {
        return Err(wrong("a request of JSON-RPC is an object".to_owned()));
    }
    let request: JsonRpcRequest =
        serde_json::from_value(value).map_err(|error| wrong(format!("no request of JSON-RPC: {error}")))?;
    if request.jsonrpc == "2.0" { Ok(request) } else { Err(wrong("`jsonrpc` has to be \"2.0\"".to_owned())) }
}

async fn dispatch(client: &Client, parts: &Parts, request: JsonRpcRequest) -> Result<Answer, Refused> {
    version(parts)?;
    let headers = &parts.headers;
    let JsonRpcRequest { method, params, .. } = request;
    match method.as_str() {
        methods::SEND_MESSAGE => one(&operations::send(client, headers, given(params)?).await?),
        methods::SEND_STREAMING_MESSAGE => Ok(Answer::Many(operations::send_streaming(client, headers, given(params)?).await?)),
        methods::GET_TASK => one(&operations::get(client, given(params)?).await?),
        methods::LIST_TASKS => one(&operations::list(client, given(params)?).await?),
        methods::CANCEL_TASK => one(&operations::cancel(client, given(params)?).await?),
        methods::SUBSCRIBE_TO_TASK => {
            let cursor = events::last_event(headers)?;
            Ok(Answer::Many(operations::subscribe(client, given(params)?, cursor).await?))
        }
        methods::CREATE_PUSH_CONFIG | methods::GET_PUSH_CONFIG | methods::LIST_PUSH_CONFIGS | methods::DELETE_PUSH_CONFIG => {
            Err(A2AError::push_notification_not_supported().into())
        }
        methods::GET_EXTENDED_AGENT_CARD => {
            Err(A2AError::unsupported_operation("the agent has one card, and it is public").into())
        }
        other => Err(A2AError::method_not_found(other).into()),
    }
}

fn given<T: DeserializeOwned>(params: Option<Value>) -> Result<T, Refused> {
    let params = params.unwrap_or_else(|| Value::Object(serde_json::Map::new()));
    if !params.is_object() {
        return Err(Refused::invalid("`params` has to be an object"));
    }
    serde_json::from_value(params).map_err(|error| Refused::invalid(error.to_string()))
}

fn one(result: &impl Serialize) -> Result<Answer, Refused> {
    let result = serde_json::to_value(result).map_err(|error| A2AError::internal(error.to_string()))?;
    Ok(Answer::One(result))
}

/// Each event is an answer of its own to the one request (section 9.4.2).
fn streamed(id: &JsonRpcId, responses: Responses) -> Response {
    let id = id.clone();
    let events = responses.map(move |(cursor, told)| {
        let told = told.and_then(|told| serde_json::to_value(told).map_err(|error| A2AError::internal(error.to_string()).into()));
        let answer = match told {
            Ok(result) => JsonRpcResponse::success(id.clone(), result),
            Err(refused) => JsonRpcResponse::error(id.clone(), refused.rpc()),
        };
        Ok::<_, Infallible>(events::data(cursor, &answer))
    });
    Sse::new(events).keep_alive(KeepAlive::new().interval(events::KEEP_ALIVE)).into_response()
}
