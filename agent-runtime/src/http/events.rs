//! Runs as server-sent events (WHATWG HTML, section 9.2). The id of an event is the point behind it: who comes back with it as
//! `Last-Event-ID` is told what follows, to the letter.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::http::header::{ACCEPT, HeaderMap};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::{Stream, StreamExt};
use skreaver_protocol::problem::Code;
use skreaver_protocol::rest::RunEvent;

use super::ProblemResponse;
use super::asking::{Asker, RunOfPath};
use crate::agent::{Cursor, Observation, ServedAgent};

/// How often a silent stream says that it is alive, so that nothing between cuts it.
pub(super) const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Whether a caller asks for events in the place of an answer.
pub(crate) fn are_wanted(headers: &HeaderMap) -> bool {
    let accepted = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accepted.split(',').any(|range| range.split(';').next().unwrap_or_default().trim() == "text/event-stream")
}

/// Follows a run that is kept.
pub(crate) async fn follow(
    RunOfPath { agent, run }: RunOfPath,
    asker: Asker,
    headers: HeaderMap,
) -> Result<Response, ProblemResponse> {
    let followed = agent.follow(run, last_event(&headers)?).await.map_err(ProblemResponse::of)?;
    Ok(answer(followed.events(), asker))
}

/// Begins a run and follows it.
pub(crate) async fn observe(
    agent: Arc<ServedAgent>,
    asker: Asker,
    observation: Observation,
) -> Result<Response, ProblemResponse> {
    let events = agent.observe_events(observation).await.map_err(ProblemResponse::of)?;
    Ok(answer(events, asker))
}

/// Tells of a run, for as long as the asker may know.
fn answer(events: impl Stream<Item = (Cursor, RunEvent)> + Send + 'static, asker: Asker) -> Response {
    let events = events.take_until(async move { asker.expired().await });
    let written = events.map(|(cursor, event)| Ok::<_, Infallible>(written(cursor, &event)));
    Sse::new(written).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response()
}

fn written(cursor: Cursor, event: &RunEvent) -> Event {
    let data = serde_json::to_string(event).expect("an event is JSON");
    Event::default().id(id(cursor)).event(event.name()).data(data)
}

/// An event of another protocol, with the point behind it as its id.
#[cfg(feature = "a2a")]
pub(super) fn data(cursor: Option<Cursor>, data: &impl serde::Serialize) -> Event {
    let event = Event::default().data(serde_json::to_string(data).expect("an event is JSON"));
    match cursor {
        Some(cursor) => event.id(id(cursor)),
        None => event,
    }
}

/// A point of a run as an id: the number of an event, how much of it was told, and inside of an answer the checksum of that.
fn id(Cursor { number, offset, sum }: Cursor) -> String {
    if offset == 0 { format!("{number}.0") } else { format!("{number}.{offset}.{sum:08x}") }
}

fn cursor(id: &str) -> Option<Cursor> {
    let mut parts = id.split('.');
    let (number, offset) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    let sum = match parts.next() {
        Some(sum) => u32::from_str_radix(sum, 16).ok()?,
        None => 0,
    };
    parts.next().is_none().then_some(Cursor { number, offset, sum })
}

pub(super) fn last_event(headers: &HeaderMap) -> Result<Cursor, ProblemResponse> {
    let Some(value) = headers.get("last-event-id") else { return Ok(Cursor::default()) };
    value.to_str().ok().and_then(cursor).ok_or_else(|| {
        ProblemResponse::new(Code::InvalidRequest, "Last-Event-ID is the id of an event of this run, such as `3.0`")
    })
}
