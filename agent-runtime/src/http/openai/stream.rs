//! An answer in pieces, as OpenAI's clients take it: server-sent events without ids.
//!
//! Pieces cannot be taken back there. Where an agent's answer may be made anew (it has a goal, or a form) it is told in one
//! piece at the end; where a model breaks off in the middle and is asked again, the stream ends with an error.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryFutureExt};
use serde_json::Value;
use skreaver_protocol::config::AgentConfig;
use skreaver_protocol::problem::{Code, Problem};
use skreaver_protocol::rest::{ObserveResponse, RunEvent};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use super::REQUEST_ID;
use crate::agent::{Cursor, Observation, ServedAgent};
use crate::http::{Asker, ProblemResponse};

/// How long the first piece is waited for: what fails until then fails with a status.
const PATIENCE: Duration = Duration::from_secs(10);
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// How one of the two operations tells an answer.
pub(super) trait Told: Send + 'static {
    /// The run has begun.
    fn begun(&mut self, run: &str) -> Vec<Value>;
    /// A piece of the answer.
    fn text(&mut self, text: &str) -> Vec<Value>;
    /// The answer is whole.
    fn ended(&mut self, answer: &ObserveResponse) -> Vec<Value>;
    /// There is none.
    fn failed(&mut self, problem: &Problem) -> Value;
    /// What ends the stream.
    fn last(&self) -> Option<&'static str>;
}

/// Begins a run, and answers with it as it goes on.
pub(super) async fn answer(
    agent: &Arc<ServedAgent>,
    asker: Asker,
    observation: Observation,
    told: impl Told,
) -> Result<Response, ProblemResponse> {
    let run = observation.run.to_string();
    let events = agent.observe_events(observation).map_err(ProblemResponse::of).await?;
    // For as long as who asks may know.
    let expired = CancellationToken::new();
    let expires = expired.clone();
    let mut events = events
        .take_until(async move {
            asker.expired().await;
            expires.cancel()
        })
        .boxed();
    let mut first = VecDeque::new();
    let until = Instant::now() + PATIENCE;
    while let Ok(Some((_, event))) = timeout_at(until, events.next()).await {
        if let RunEvent::Failed { problem } = event {
            return Err(Box::new(problem).into());
        }
        let has_begun = matches!(event, RunEvent::Started { .. });
        first.push_back(event);
        if !has_begun {
            break;
        }
    }
    let teller = Teller { told, pieces: Pieces::of(agent.config()) };
    let events = Sse::new(written(first, events, expired, teller)).keep_alive(KeepAlive::new().interval(KEEP_ALIVE));
    Ok(([(REQUEST_ID, run)], events).into_response())
}

type Events = BoxStream<'static, (Cursor, RunEvent)>;
type Written = BoxStream<'static, Result<Event, Infallible>>;

fn written(first: VecDeque<RunEvent>, events: Events, expired: CancellationToken, teller: Teller<impl Told>) -> Written {
    let events = stream::iter(first).chain(events.map(|(_, event)| event));
    // Nobody is to take what was told until then for the whole answer.
    let events = events.chain(stream::once(async move { RunEvent::Failed { problem: broken_off(&expired) } }));
    let told = events.scan(Some(teller), |teller, event| {
        let told = teller.as_mut().map(|told| told.tell(event));
        if told.as_ref().is_some_and(|(_, is_over)| *is_over) {
            *teller = None;
        }
        std::future::ready(told.map(|(told, _)| stream::iter(told.into_iter().map(Ok))))
    });
    told.flatten().boxed()
}

struct Teller<T> {
    told: T,
    pieces: Pieces,
}

impl<T: Told> Teller<T> {
    /// What clients are told of an event, and whether it is the last one.
    fn tell(&mut self, event: RunEvent) -> (Vec<Event>, bool) {
        let (told, is_over) = match event {
            RunEvent::Started { run, agent: _ } => (self.told.begun(&run), false),
            RunEvent::ModelDelta { text } => {
                let piece = self.pieces.add(&text);
                (self.piece(piece), false)
            }
            RunEvent::ModelReset => match self.pieces.reset() {
                Ok(()) => (Vec::new(), false),
                Err(problem) => (vec![self.told.failed(&problem)], true),
            },
            RunEvent::ToolCall { .. } => {
                self.pieces.turn();
                (Vec::new(), false)
            }
            RunEvent::ApprovalRequested { .. } | RunEvent::ApprovalGranted { .. } | RunEvent::ToolResult { .. } => {
                (Vec::new(), false)
            }
            RunEvent::Completed { response } => (self.end(&response), true),
            RunEvent::Failed { problem } => (vec![self.told.failed(&problem)], true),
        };
        let mut events: Vec<_> = told.iter().map(event_of).collect();
        events.extend(self.told.last().filter(|_| is_over).map(|last| Event::default().data(last)));
        (events, is_over)
    }

    fn piece(&mut self, text: Option<String>) -> Vec<Value> {
        text.map_or_else(Vec::new, |text| self.told.text(&text))
    }

    fn end(&mut self, response: &ObserveResponse) -> Vec<Value> {
        match self.pieces.rest(&response.output) {
            Ok(rest) => {
                let mut told = self.piece(rest);
                told.extend(self.told.ended(response));
                told
            }
            Err(problem) => vec![self.told.failed(&problem)],
        }
    }
}

/// Those with a `type` have it as their name too.
fn event_of(data: &Value) -> Event {
    let event = Event::default().data(data.to_string());
    match data["type"].as_str() {
        Some(name) => event.event(name),
        None => event,
    }
}

/// How much of an answer was told.
struct Pieces {
    /// It is told at the end alone.
    whole: bool,
    /// The text of the turn.
    turn: String,
    /// A turn with text is over; the next one begins a paragraph.
    gap: bool,
}

impl Pieces {
    fn of(agent: &AgentConfig) -> Self {
        Self { whole: agent.goal.is_some() || agent.output_schema.is_some(), turn: String::new(), gap: false }
    }

    fn add(&mut self, text: &str) -> Option<String> {
        if self.whole {
            return None;
        }
        let gap = if std::mem::take(&mut self.gap) { "\n\n" } else { "" };
        self.turn.push_str(text);
        Some(format!("{gap}{text}"))
    }

    fn turn(&mut self) {
        self.gap |= !std::mem::take(&mut self.turn).is_empty();
    }

    fn reset(&self) -> Result<(), Box<Problem>> {
        if self.turn.is_empty() { Ok(()) } else { Err(made_anew()) }
    }

    /// What of the answer was not told.
    fn rest(&mut self, output: &str) -> Result<Option<String>, Box<Problem>> {
        let rest = output.strip_prefix(self.turn.as_str()).ok_or_else(made_anew)?.to_owned();
        self.whole = false;
        Ok(Some(rest).filter(|rest| !rest.is_empty()).and_then(|rest| self.add(&rest)))
    }
}

/// The events end before the run does.
fn broken_off(expired: &CancellationToken) -> Problem {
    match expired.is_cancelled() {
        true => {
            Problem::new(Code::Unauthenticated, "the credential that the answer was asked for with has expired before its end")
        }
        false => Problem::new(Code::Internal, "the run cannot be followed to its end; ask for its status"),
    }
}

fn made_anew() -> Box<Problem> {
    let detail = "the model broke off and the answer is made anew: what was told of it is void; ask again, or without `stream`";
    Box::new(Problem::new(Code::ModelUnavailable, detail))
}
