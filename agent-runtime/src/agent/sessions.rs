//! The sessions and runs that an agent keeps, for those who ask.

use std::sync::Arc;

use skreaver_memory::Scan;
use skreaver_protocol::SessionId;
use skreaver_protocol::problem::Code;
use skreaver_protocol::rest::{RunList, RunStatus, SessionHistory, SessionList};
use uuid::Uuid;

use super::observe::unknown_run;
use super::{Failure, ServedAgent};
use crate::runs::{JournalError, RunDocument, Stage, keys, status};

/// What of an agent's memory these need to be told of.
const WHAT: &str = "runs and sessions that are kept";

impl ServedAgent {
    /// Runs, the newest first; `before` one of them.
    ///
    /// # Errors
    /// [`Failure`], where the agent has no memory or that does not answer.
    pub async fn list_runs(&self, before: Option<Uuid>, limit: usize) -> Result<RunList, Failure> {
        let documents = self.kept_for(WHAT)?.documents(before, limit).await.map_err(|error| error.failure())?;
        let next = documents.last().filter(|_| documents.len() == limit).map(|last| last.run.to_string());
        let runs: Vec<RunStatus> = documents.iter().map(|document| status(&self.config.name, document)).collect();
        Ok(RunList { runs, next })
    }

    /// Ends a run. It is over at the latest a few seconds later, wherever it goes on.
    ///
    /// # Errors
    /// [`Failure`], where there is no such run or it is over already.
    pub async fn cancel_run(&self, run: Uuid) -> Result<(), Failure> {
        let kept = self.kept_for(WHAT)?;
        let document = kept.document(run).await.map_err(|error| error.failure())?;
        match document {
            None => Err(unknown_run(run)),
            Some(RunDocument { stage: Stage::Ended { .. }, .. }) => {
                Err(Failure::new(Code::RunEnded, format!("run `{run}` is over and cannot be cancelled")))
            }
            Some(RunDocument { stage: Stage::Open, .. }) => {
                // Written down first: whoever works on it, or takes it up, finds it.
                kept.ask_to_cancel(run).await.map_err(|error| error.failure())?;
                if let Some(live) = self.live_run(run) {
                    live.cancel.cancel();
                }
                Ok(())
            }
        }
    }

    /// The sessions of which something is kept.
    ///
    /// # Errors
    /// [`Failure`], where the agent has no memory or that does not answer.
    pub async fn list_sessions(&self, after: Option<SessionId>, limit: usize) -> Result<SessionList, Failure> {
        let kept = self.kept_for(WHAT)?;
        let mut sessions: Vec<SessionId> = Vec::new();
        let mut last = after;
        while sessions.len() < limit {
            // Behind everything of the session before: `0` is the character after `/`.
            let scan = Scan::prefix(keys::SESSIONS, 1);
            let scan = match &last {
                Some(session) => scan.after(keys::behind_session(session)),
                None => scan,
            };
            let page = kept.memory().scan(&scan).await.map_err(|error| JournalError::from(error).failure())?;
            let Some(session) = page.first().and_then(|(key, _)| keys::session_of(key)) else { break };
            last = Some(session.clone());
            sessions.push(session);
        }
        let next = last.filter(|_| sessions.len() == limit);
        Ok(SessionList { sessions, next })
    }

    /// What was said in a session.
    ///
    /// # Errors
    /// [`Failure`], where nothing is kept of it.
    pub async fn session(&self, session: &SessionId) -> Result<SessionHistory, Failure> {
        let (summary, messages) = self.kept_for(WHAT)?.said(session).await.map_err(|error| error.failure())?;
        if messages.is_empty() {
            return Err(unknown_session(session));
        }
        Ok(SessionHistory { session: session.clone(), summary, messages })
    }

    /// Forgets a session.
    ///
    /// # Errors
    /// [`Failure`], where nothing is kept of it, or a run works in it and does not end within a few seconds.
    pub async fn delete_session(self: &Arc<Self>, session: &SessionId) -> Result<(), Failure> {
        let kept = self.kept_for(WHAT)?;
        let forgotten = kept.forget(session).await.map_err(|error| error.failure())?;
        if forgotten { Ok(()) } else { Err(unknown_session(session)) }
    }
}

fn unknown_session(session: &SessionId) -> Failure {
    Failure::new(Code::UnknownSession, format!("the agent keeps no session `{session}`, or no longer"))
}
