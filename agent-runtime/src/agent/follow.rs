//! Follows a run event by event, wherever it goes on, from any point of it.

use std::sync::Arc;
use std::time::Duration;

use futures::stream::BoxStream;
use futures::{Stream, StreamExt, stream};
use skreaver_protocol::rest::RunEvent;
use tokio_util::task::AbortOnDropHandle;
use uuid::Uuid;

use super::observe::unknown_run;
use super::{Failure, Observation, ServedAgent};
use crate::runs::{Cursor, Follow, Journal, Live, Stage, next_of, told_again};

/// How often a run that goes on in another process is looked at.
const GLANCE: Duration = Duration::from_millis(200);

/// Somebody who follows a run.
pub struct Followed {
    agent: Arc<ServedAgent>,
    run: Uuid,
    cursor: Cursor,
    /// What memory knew of the run when it was last looked at.
    known: Vec<(usize, RunEvent)>,
    /// The run itself, where nothing of it is kept.
    unkept: Option<Arc<Live>>,
    is_over: bool,
}

impl ServedAgent {
    /// Begins a run and follows it, from its beginning. Without memory it ends when the stream is dropped.
    ///
    /// # Errors
    /// [`Failure`], where the agent has memory and the run is not accepted. Otherwise the last event tells.
    pub async fn observe_events(
        self: &Arc<Self>,
        observation: Observation,
    ) -> Result<BoxStream<'static, (Cursor, RunEvent)>, Failure> {
        if self.memory.is_some() {
            let begun = self.begin(observation, false).await?;
            return Ok(self.follow(begun.run, Cursor::default()).await?.events().boxed());
        }
        let live = Arc::new(Live::new());
        let (agent, run, unkept) = (Arc::clone(self), observation.run, Some(Arc::clone(&live)));
        let followed =
            Followed { agent: Arc::clone(self), run, cursor: Cursor::default(), known: Vec::new(), unkept, is_over: false };
        // By itself: who reads slowly holds no place in the agent longer than the run takes.
        let driven = tokio::spawn(async move { agent.stream_unkept(observation, &live).await });
        let driven = AbortOnDropHandle::new(driven);
        let events = followed.events().inspect(move |_| {
            let _ends_with_the_stream = &driven;
        });
        Ok(events.boxed())
    }

    /// Follows a run from a point of it on.
    ///
    /// # Errors
    /// [`Failure`], where the agent keeps no such run.
    pub async fn follow(self: &Arc<Self>, run: Uuid, cursor: Cursor) -> Result<Followed, Failure> {
        let kept = self.kept_for("runs that are kept")?;
        kept.document(run).await.map_err(|error| error.failure())?.ok_or_else(|| unknown_run(run))?;
        Ok(Followed { agent: Arc::clone(self), run, cursor, known: Vec::new(), unkept: None, is_over: false })
    }
}

impl Followed {
    /// The events that are still to come.
    pub fn events(self) -> impl Stream<Item = (Cursor, RunEvent)> + Send + 'static {
        stream::unfold(self, |mut followed| async move { Some((followed.next().await?, followed)) })
    }

    /// The next event and the point behind it. Nothing behind the last one, and nothing when memory does not answer: who
    /// follows may then go on from where they are.
    pub async fn next(&mut self) -> Option<(Cursor, RunEvent)> {
        while !self.is_over {
            let live = self.unkept.clone().or_else(|| self.agent.live_run(self.run));
            let follow = match live {
                Some(live) => live.follow(self.cursor).await,
                None => self.look().await?,
            };
            match follow {
                Follow::Event(cursor, event) => {
                    self.cursor = cursor;
                    self.is_over = matches!(event, RunEvent::Completed { .. } | RunEvent::Failed { .. });
                    return Some((cursor, event));
                }
                Follow::Over if self.unkept.is_some() => return None,
                // It goes on elsewhere, or is about to.
                Follow::Over => tokio::time::sleep(GLANCE).await,
            }
        }
        None
    }

    /// What memory knows of the run that is new to the follower; nothing where there will be nothing new.
    async fn look(&mut self) -> Option<Follow> {
        if let Some(next) = self.next_known() {
            return Some(next);
        }
        let kept = self.agent.kept_for("runs that are kept").ok()?;
        let document = kept.document(self.run).await.ok()??;
        let past = kept.replay(self.run).await.ok()?;
        self.known = told_again(&self.agent.config.name, &self.agent.setup, &document, past);
        self.next_known().or((document.stage == Stage::Open).then_some(Follow::Over))
    }

    fn next_known(&self) -> Option<Follow> {
        next_of(self.cursor, self.known.iter().map(|(number, event)| (*number, event)))
    }
}
