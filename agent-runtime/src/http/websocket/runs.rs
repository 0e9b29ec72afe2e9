//! The runs of one connection: what is told of them, in one stream, and how a client ends one.

use std::collections::HashMap;
use std::sync::Arc;

use futures::stream::{BoxStream, SelectAll};
use futures::{StreamExt, stream};
use skreaver_protocol::auth::Permission;
use skreaver_protocol::problem::{Code, Problem};
use skreaver_protocol::rest::RunEvent;
use skreaver_protocol::websocket::ServerMessage;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::agent::{Failure, Observation, ServedAgent};
use crate::http::Asker;

/// Runs at once on one connection.
const MOST: usize = 64;

/// What goes on, and what will be told of it.
#[derive(Default)]
pub(super) struct Runs {
    told: SelectAll<BoxStream<'static, ServerMessage>>,
    /// Runs that nobody but this connection knows: of agents without memory.
    unkept: HashMap<Uuid, CancellationToken>,
}

impl Runs {
    pub(super) fn is_idle(&self) -> bool {
        self.told.is_empty()
    }

    /// What is to be said next; nothing where nothing goes on.
    pub(super) async fn next(&mut self) -> Option<ServerMessage> {
        let message = self.told.next().await?;
        if let ServerMessage::Event { run, event, .. } = &message
            && matches!(**event, RunEvent::Completed { .. } | RunEvent::Failed { .. })
            && let Ok(run) = Uuid::parse_str(run)
        {
            self.unkept.remove(&run);
        }
        Some(message)
    }

    /// Begins a run.
    pub(super) fn begin(&mut self, agent: &Arc<ServedAgent>, observation: Observation, request: Option<String>) {
        if self.told.len() >= MOST {
            let detail = format!("{MOST} runs go on over this connection, which is the most");
            return self.say(problem(request, Problem::new(Code::QueueFull, detail)));
        }
        let cancelled = CancellationToken::new();
        if agent.config().memory.is_none() {
            self.unkept.insert(observation.run, cancelled.clone());
        }
        self.told.push(told(Arc::clone(agent), observation, request).take_until(cancelled.cancelled_owned()).boxed());
    }

    /// Ends a run, of this connection or of another.
    pub(super) fn cancel(&mut self, agent: &Arc<ServedAgent>, asker: Asker, run: Uuid) {
        if let Some(cancelled) = self.unkept.remove(&run) {
            cancelled.cancel();
            let problem = Problem::new(Code::Cancelled, "the run was cancelled");
            let event = Box::new(RunEvent::Failed { problem });
            return self.say(ServerMessage::Event { run: run.to_string(), request: None, event });
        }
        let agent = Arc::clone(agent);
        let asked = async move {
            if let Err(refused) = asker.owns(&agent, run, Permission::Cancel).await {
                return Some(problem(None, *asker.told(refused)));
            }
            agent.cancel_run(run).await.err().map(|failure| failed(None, failure))
        };
        // Where it is accepted, the end of the run is what tells.
        self.told.push(stream::once(asked).filter_map(std::future::ready).boxed());
    }

    /// Says something that is known already.
    pub(super) fn say(&mut self, message: ServerMessage) {
        self.told.push(stream::once(std::future::ready(message)).boxed());
    }
}

/// What is told of a run, from its beginning, which may take a memory's time.
fn told(agent: Arc<ServedAgent>, observation: Observation, request: Option<String>) -> BoxStream<'static, ServerMessage> {
    let run = observation.run.to_string();
    let begun = async move { agent.observe_events(observation).await };
    stream::once(begun)
        .flat_map(move |begun| {
            let request = request.clone();
            match begun {
                Ok(events) => events
                    .scan(run.clone(), move |run, (_, event)| {
                        // A key that was used before leads to the run of that time.
                        if let RunEvent::Started { run: known, .. } = &event {
                            run.clone_from(known);
                        }
                        let event = Box::new(event);
                        std::future::ready(Some(ServerMessage::Event { run: run.clone(), request: request.clone(), event }))
                    })
                    .boxed(),
                Err(failure) => stream::once(std::future::ready(failed(request, failure))).boxed(),
            }
        })
        .boxed()
}

fn failed(request: Option<String>, failure: Failure) -> ServerMessage {
    problem(request, failure.into())
}

/// What cannot be done.
pub(super) fn problem(request: Option<String>, problem: Problem) -> ServerMessage {
    ServerMessage::Problem { request, problem: Box::new(problem) }
}
