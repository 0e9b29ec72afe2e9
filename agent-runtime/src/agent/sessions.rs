//! The sessions and runs that an agent keeps, for those who ask.

use skreaver_memory::Scan;
#[cfg(feature = "a2a")]
use skreaver_protocol::approval::ApprovalRequest;
#[cfg(feature = "openai")]
use skreaver_protocol::message::Message;
use skreaver_protocol::problem::Code;
#[cfg(feature = "a2a")]
use skreaver_protocol::rest::RunState;
use skreaver_protocol::rest::{RunList, RunStatus, SessionHistory, SessionList};
use skreaver_protocol::{Caller, SessionId};
use uuid::Uuid;

#[cfg(feature = "openai")]
use super::Said;
use super::observe::unknown_run;
use super::{Failure, ServedAgent};
#[cfg(feature = "openai")]
use crate::coordinator::Outcome;
#[cfg(any(feature = "a2a", feature = "openai"))]
use crate::coordinator::{Event, State, step};
#[cfg(any(feature = "a2a", feature = "openai"))]
use crate::runs::Journal;
use crate::runs::{JournalError, Owner, RunDocument, SessionPlace, Stage, keys, status};

/// How many runs are looked at for those of one caller at a time.
const GLANCE: usize = 200;
/// How many runs are looked at for one part of a list. A part may have less than was asked for, and still be followed by others.
const MOST_LOOKED_AT: usize = 2000;

/// What is to be known of a run besides its status.
#[cfg(feature = "a2a")]
pub(crate) struct Inside {
    pub(crate) status: RunStatus,
    /// What the agent was told.
    pub(crate) input: String,
    /// What people are asked, where it waits for them: the first call that does.
    pub(crate) waits_for: Option<Box<ApprovalRequest>>,
}

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

    /// As [`Self::list_runs`], only those that a caller has begun.
    ///
    /// # Errors
    /// [`Failure`], as there.
    pub async fn list_runs_of(&self, caller: &Caller, before: Option<Uuid>, limit: usize) -> Result<RunList, Failure> {
        let (kept, identity) = (self.kept_for(WHAT)?, caller.identity());
        let (mut runs, mut last, mut looked_at) = (Vec::new(), before, 0);
        loop {
            let documents = kept.documents(last, GLANCE).await.map_err(|error| error.failure())?;
            looked_at += documents.len();
            for document in &documents {
                last = Some(document.run);
                if document.caller.identity() == identity {
                    runs.push(status(&self.config.name, document));
                }
                if runs.len() == limit {
                    break;
                }
            }
            let is_all = documents.len() < GLANCE && runs.len() < limit;
            if is_all || runs.len() == limit || looked_at >= MOST_LOOKED_AT {
                let next = last.filter(|_| !is_all).map(|last| last.to_string());
                return Ok(RunList { runs, next });
            }
        }
    }

    /// Who has begun a run.
    ///
    /// # Errors
    /// [`Failure`], where there is no such run.
    pub async fn owner_of_run(&self, run: Uuid) -> Result<Caller, Failure> {
        let document = self.kept_for(WHAT)?.document(run).await.map_err(|error| error.failure())?;
        document.map(|document| document.caller).ok_or_else(|| unknown_run(run))
    }

    /// A run as those see it who do not know it as one of ours.
    ///
    /// # Errors
    /// [`Failure`], where the agent keeps no such run.
    #[cfg(feature = "a2a")]
    pub(crate) async fn inside(&self, run: Uuid) -> Result<Inside, Failure> {
        let status = self.run_status(run).await?;
        let past = self.kept_for(WHAT)?.replay(run).await.map_err(|error| error.failure())?;
        let input = match past.first() {
            Some(Event::Observed { input, .. }) => input.clone(),
            _ => String::new(),
        };
        let state = past.into_iter().fold(State::default(), |state, event| step(&self.setup, state, event).0);
        let is_running = status.state == RunState::Running;
        let waits_for = (0..).zip(state.calls()).find_map(|(call, _)| state.asked_of(call)).filter(|_| is_running);
        Ok(Inside { status, input, waits_for: waits_for.cloned().map(Box::new) })
    }

    /// What was said until the answer of a run outside of sessions, as another run may go on from it. Nothing where the agent
    /// keeps no such run, or it gave no answer.
    ///
    /// # Errors
    /// [`Failure`], where the agent has no memory or that does not answer.
    #[cfg(feature = "openai")]
    pub(crate) async fn said_until(&self, run: Uuid) -> Result<Option<Said>, Failure> {
        let kept = self.kept_for("responses that others go on from")?;
        let document = kept.document(run).await.map_err(|error| error.failure())?;
        let Some(RunDocument { session: None, stage: Stage::Ended { end: Outcome::Completed { output }, .. }, .. }) = document
        else {
            return Ok(None);
        };
        let past = kept.replay(run).await.map_err(|error| error.failure())?;
        let Some(Event::Observed { input, history, .. }) = past.first() else { return Ok(None) };
        let mut messages = history.clone();
        messages.push(Message::User { text: input.clone() });
        messages.push(Message::Assistant { text: output, tool_requests: Vec::new() });
        // What it has read stays read: policies on data flow ask for it.
        let state = past.into_iter().fold(State::default(), |state, event| step(&self.setup, state, event).0);
        Ok(Some(Said { messages, read: state.read().clone() }))
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

    /// The sessions of a caller of which something is kept.
    ///
    /// # Errors
    /// [`Failure`], where the agent has no memory or that does not answer.
    pub async fn list_sessions(&self, owner: &Owner, after: Option<SessionId>, limit: usize) -> Result<SessionList, Failure> {
        let kept = self.kept_for(WHAT)?;
        let mut sessions: Vec<SessionId> = Vec::new();
        let mut last = after;
        while sessions.len() < limit {
            // Behind everything of the session before: `0` is the character after `/`.
            let scan = Scan::prefix(owner.sessions(), 1);
            let scan = match &last {
                Some(session) => scan.after(keys::behind_session(&SessionPlace::new(owner, session))),
                None => scan,
            };
            let page = kept.memory().scan(&scan).await.map_err(|error| JournalError::from(error).failure())?;
            let Some(session) = page.first().and_then(|(key, _)| keys::session_of(key, owner)) else { break };
            last = Some(session.clone());
            sessions.push(session);
        }
        let next = last.filter(|_| sessions.len() == limit);
        Ok(SessionList { sessions, next })
    }

    /// What was said in a session of a caller.
    ///
    /// # Errors
    /// [`Failure`], where nothing is kept of it.
    pub async fn session(&self, owner: &Owner, session: &SessionId) -> Result<SessionHistory, Failure> {
        let place = SessionPlace::new(owner, session);
        let (summary, messages) = self.kept_for(WHAT)?.said(&place).await.map_err(|error| error.failure())?;
        if messages.is_empty() {
            return Err(unknown_session(session));
        }
        Ok(SessionHistory { session: session.clone(), summary, messages })
    }

    /// Forgets a session of a caller.
    ///
    /// # Errors
    /// [`Failure`], where nothing is kept of it, or a run works in it and does not end within a few seconds.
    pub async fn delete_session(&self, owner: &Owner, session: &SessionId) -> Result<(), Failure> {
        let kept = self.kept_for(WHAT)?;
        let forgotten = kept.forget(&SessionPlace::new(owner, session)).await.map_err(|error| error.failure())?;
        if forgotten { Ok(()) } else { Err(unknown_session(session)) }
    }
}

fn unknown_session(session: &SessionId) -> Failure {
    Failure::new(Code::UnknownSession, format!("the agent keeps no session `{session}`, or no longer"))
}
