//! The HTTP+JSON binding (section 11).

use std::convert::Infallible;

use a2a::{A2AError, CancelTaskRequest, GetTaskRequest, ListTasksRequest, SendMessageRequest, SubscribeToTaskRequest, Task};
use axum::Json;
use axum::body::HttpBody;
use axum::extract::{Query, Request};
use axum::http::header::{CONTENT_TYPE, HeaderMap};
use axum::response::sse::{KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::StreamExt;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use skreaver_protocol::problem::Code;

use super::error::Refused;
use super::operations::{self, Client};
use super::stream::Responses;
use super::{A2A_JSON, Version};
use crate::http::extract::{AgentOfPath, PathPart, json_bytes};
use crate::http::{ProblemResponse, events};

pub(super) async fn send(client: Client, _: Version, request: Request) -> Result<Response, Refused> {
    let (headers, request) = body::<SendMessageRequest>(request).await?;
    Ok(one(operations::send(&client, &headers, request).await?))
}

pub(super) async fn stream(client: Client, _: Version, request: Request) -> Result<Response, Refused> {
    let (headers, request) = body::<SendMessageRequest>(request).await?;
    Ok(streamed(operations::send_streaming(&client, &headers, request).await?))
}

/// What a list is asked for in its query: there all are texts.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListQuery {
    context_id: Option<String>,
    status: Option<a2a::TaskState>,
    page_size: Option<i32>,
    page_token: Option<String>,
    history_length: Option<i32>,
    status_timestamp_after: Option<String>,
    include_artifacts: Option<bool>,
}

pub(super) async fn list(
    client: Client,
    _: Version,
    query: Result<Query<ListQuery>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, Refused> {
    let Query(query) = query.map_err(|error| Refused::invalid(error.body_text()))?;
    let ListQuery { context_id, status, page_size, page_token, history_length, status_timestamp_after, include_artifacts } =
        query;
    let after = status_timestamp_after.map(|after| after.parse()).transpose();
    let status_timestamp_after = after.map_err(|_| Refused::invalid("statusTimestampAfter is a time by RFC 3339"))?;
    let request = ListTasksRequest {
        context_id,
        status,
        page_size,
        page_token,
        history_length,
        status_timestamp_after,
        include_artifacts,
        tenant: None,
    };
    Ok(one(operations::list(&client, request).await?))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TaskQuery {
    history_length: Option<i32>,
}

/// `GET /tasks/{id}`, and `GET /tasks/{id}:subscribe`.
pub(super) async fn get_task(
    client: Client,
    _: Version,
    PathPart(task): PathPart<String>,
    query: Result<Query<TaskQuery>, axum::extract::rejection::QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    if task.ends_with(":subscribe") {
        return act_on(&client, &task, &headers).await;
    }
    let Query(TaskQuery { history_length }) = query.map_err(|error| Refused::invalid(error.body_text()))?;
    let task: Task = operations::get(&client, GetTaskRequest { id: task, history_length, tenant: None }).await?;
    Ok(one(task))
}

/// `POST /tasks/{id}:cancel` and `POST /tasks/{id}:subscribe`.
pub(super) async fn act(
    client: Client,
    _: Version,
    PathPart(task): PathPart<String>,
    request: Request,
) -> Result<Response, Refused> {
    let headers = drained(request).await?;
    act_on(&client, &task, &headers).await
}

async fn act_on(client: &Client, task: &str, headers: &HeaderMap) -> Result<Response, Refused> {
    match task.rsplit_once(':') {
        Some((id, "cancel")) => {
            let request = CancelTaskRequest { id: id.to_owned(), metadata: None, tenant: None };
            Ok(one(operations::cancel(client, request).await?))
        }
        Some((id, "subscribe")) => {
            let cursor = events::last_event(headers)?;
            let request = SubscribeToTaskRequest { id: id.to_owned(), tenant: None };
            Ok(streamed(operations::subscribe(client, request, cursor).await?))
        }
        _ => {
            let detail = "nothing is done with a task by this path: send `TASK:cancel` or `TASK:subscribe`";
            Err(ProblemResponse::new(Code::NotFound, detail).into())
        }
    }
}

pub(super) async fn push(_: AgentOfPath, _: Version, request: Request) -> Result<Response, Refused> {
    drained(request).await?;
    Err(A2AError::push_notification_not_supported().into())
}

pub(super) async fn extended_card(_: AgentOfPath, _: Version) -> Result<Response, Refused> {
    Err(A2AError::unsupported_operation("the agent has one card, and it is public").into())
}

/// Takes a body that says nothing more than the path, so that another request can follow on the connection.
async fn drained(request: Request) -> Result<HeaderMap, Refused> {
    let (parts, body) = request.into_parts();
    if !body.is_end_stream() {
        json_bytes(&parts.headers, body).await?;
    }
    Ok(parts.headers)
}

fn one(answer: impl Serialize) -> Response {
    ([(CONTENT_TYPE, A2A_JSON)], Json(answer)).into_response()
}

async fn body<T: DeserializeOwned>(request: Request) -> Result<(HeaderMap, T), Refused> {
    let (parts, body) = request.into_parts();
    let bytes = json_bytes(&parts.headers, body).await?;
    let request = serde_json::from_slice::<serde_json::Map<_, _>>(&bytes).map(serde_json::Value::Object);
    let request = request.and_then(serde_json::from_value).map_err(|error| Refused::invalid(error.to_string()))?;
    Ok((parts.headers, request))
}

fn streamed(responses: Responses) -> Response {
    let events = responses.map(|(cursor, told)| {
        let event = match told {
            Ok(told) => events::data(cursor, &told),
            Err(refused) => events::data(cursor, &refused.rest()).event("error"),
        };
        Ok::<_, Infallible>(event)
    });
    Sse::new(events).keep_alive(KeepAlive::new().interval(events::KEEP_ALIVE)).into_response()
}
