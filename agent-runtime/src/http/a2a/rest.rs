//! The HTTP+JSON binding (section 11).

use std::convert::Infallible;

use a2a::{A2AError, CancelTaskRequest, GetTaskRequest, ListTasksRequest, SendMessageRequest, SubscribeToTaskRequest, Task};
use axum::Json;
use axum::extract::{Query, Request};
use axum::http::HeaderMap;
use axum::response::sse::{KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::StreamExt;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::error::Refused;
use super::operations::{self, Client};
use super::stream::Responses;
use super::version;
use crate::http::events;
use crate::http::extract::{AgentOfPath, PathPart, json_bytes};

pub(super) async fn send(client: Client, request: Request) -> Result<Response, Refused> {
    let (headers, request) = body::<SendMessageRequest>(request).await?;
    Ok(Json(operations::send(&client, &headers, request).await?).into_response())
}

pub(super) async fn stream(client: Client, request: Request) -> Result<Response, Refused> {
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
    headers: HeaderMap,
    query: Result<Query<ListQuery>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, Refused> {
    version(&headers)?;
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
    Ok(Json(operations::list(&client, request).await?).into_response())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TaskQuery {
    history_length: Option<i32>,
}

/// `GET /tasks/{id}`, and `GET /tasks/{id}:subscribe`.
pub(super) async fn get_task(
    client: Client,
    PathPart(task): PathPart<String>,
    query: Result<Query<TaskQuery>, axum::extract::rejection::QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    if task.ends_with(":subscribe") {
        return act(client, PathPart(task), headers).await;
    }
    version(&headers)?;
    let Query(TaskQuery { history_length }) = query.map_err(|error| Refused::invalid(error.body_text()))?;
    let task: Task = operations::get(&client, GetTaskRequest { id: task, history_length, tenant: None }).await?;
    Ok(Json(task).into_response())
}

/// `POST /tasks/{id}:cancel` and `POST /tasks/{id}:subscribe`.
pub(super) async fn act(client: Client, PathPart(task): PathPart<String>, headers: HeaderMap) -> Result<Response, Refused> {
    version(&headers)?;
    match task.rsplit_once(':') {
        Some((id, "cancel")) => {
            let request = CancelTaskRequest { id: id.to_owned(), metadata: None, tenant: None };
            Ok(Json(operations::cancel(&client, request).await?).into_response())
        }
        Some((id, "subscribe")) => {
            let cursor = events::last_event(&headers)?;
            let request = SubscribeToTaskRequest { id: id.to_owned(), tenant: None };
            Ok(streamed(operations::subscribe(&client, request, cursor).await?))
        }
        _ => Err(A2AError::method_not_found(&task).into()),
    }
}

pub(super) async fn push(_: AgentOfPath, headers: HeaderMap) -> Result<Response, Refused> {
    version(&headers)?;
    Err(A2AError::push_notification_not_supported().into())
}

pub(super) async fn extended_card(_: AgentOfPath, headers: HeaderMap) -> Result<Response, Refused> {
    version(&headers)?;
    Err(A2AError::unsupported_operation("the agent has one card, and it is public").into())
}

async fn body<T: DeserializeOwned>(request: Request) -> Result<(HeaderMap, T), Refused> {
    let (parts, body) = request.into_parts();
    version(&parts.headers)?;
    let bytes = json_bytes(&parts.headers, body).await?;
    let request = serde_json::from_slice(&bytes).map_err(|error| Refused::invalid(error.to_string()))?;
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
