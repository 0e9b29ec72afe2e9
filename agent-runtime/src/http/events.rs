//! Runs as server-sent events (WHATWG HTML, section 9.2). The id of an event is the point behind it: who comes back with it as
//! `Last-Event-ID` is told what follows, to the letter.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::{Stream, StreamExt, future, stream};
use skreaver_protocol::problem::Code;
use skreaver_protocol::rest::RunEvent;
use uuid::Uuid;

use super::ProblemResponse;
use super::extract::{AgentOfPath, PathPart};
use crate::agent::{Agent, Followed, Observation};
use crate::runs::{Cursor, Live};

/// How often a silent stream says that it is alive, so that nothing between cuts it.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Follows a run that is kept.
pub(crate) async fn follow(
    AgentOfPath(agent): AgentOfPath,
    PathPart(run): PathPart<Uuid>,
    headers: HeaderMap,
) -> Result<Response, ProblemResponse> {
    let followed = agent.follow(run, last_event(&headers)?).await.map_err(ProblemResponse::of)?;
    Ok(answer(events(followed)))
}

/// Begins a run and follows it. Without memory it ends when nobody follows it any longer.
pub(crate) async fn observe(agent: Arc<Agent>, observation: Observation) -> Result<Response, ProblemResponse> {
    if agent.config().memory.is_some() {
        let run = agent.begin(observation, false).await.map_err(ProblemResponse::of)?;
        let followed = agent.follow(run, Cursor::default()).await.map_err(ProblemResponse::of)?;
        return Ok(answer(events(followed)));
    }
    let live = Arc::new(Live::new());
    let followed = agent.follow_unkept(observation.run, Arc::clone(&live));
    // The run makes progress as the stream is read, and tells how it ended like any other.
    let driven = stream::once(async move { agent.stream_unkept(observation, &live).await }).filter_map(|()| future::ready(None));
    Ok(answer(stream::select(driven, events(followed))))
}

fn answer(events: impl Stream<Item = Result<Event, Infallible>> + Send + 'static) -> Response {
    Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response()
}

fn events(followed: Followed) -> impl Stream<Item = Result<Event, Infallible>> + Send + 'static {
    stream::unfold(followed, |mut followed| async move {
        let (cursor, event) = followed.next().await?;
        Some((Ok(written(cursor, &event)), followed))
    })
}

fn written(Cursor { number, offset }: Cursor, event: &RunEvent) -> Event {
    let data = serde_json::to_string(event).expect("an event is JSON");
    Event::default().id(format!("{number}.{offset}")).event(event.name()).data(data)
}

fn last_event(headers: &HeaderMap) -> Result<Cursor, ProblemResponse> {
    let Some(value) = headers.get("last-event-id") else { return Ok(Cursor::default()) };
    let parts = value.to_str().ok().and_then(|text| text.split_once('.'));
    let cursor = parts.and_then(|(number, offset)| Some(Cursor { number: number.parse().ok()?, offset: offset.parse().ok()? }));
    cursor.ok_or_else(|| {
        ProblemResponse::new(Code::InvalidRequest, "Last-Event-ID is the id of an event of this run, such as `3.0`")
    })
}
