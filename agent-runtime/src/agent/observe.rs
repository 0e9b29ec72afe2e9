//! From an observation to a run, and from a run to its answer.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use skreaver_protocol::message::Message;
use skreaver_protocol::problem::{Code, Problem};
use skreaver_protocol::rest::{ObserveResponse, RunEvent, RunStatus};
use skreaver_protocol::{Caller, GoDuration, SessionId};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{Failure, ServedAgent};
use crate::admission::Running;
use crate::coordinator::{Event, Outcome, State, step};
use crate::custom::Course;
use crate::runs::{
    Acceptance, Accepted, Claim, Drive, Driven, Ended, History, IdempotencyKey, Journal, JournalError, Kept, Live, Over,
    RunDocument, Stage, Unkept, Workplace, drive, now_ms, problem, response, status,
};

/// How often a run that goes on in another process is looked at, at first and at last.
const GLANCE: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(500));
/// How long an answer is waited for beyond the run's own time: a process that takes over writes the end.
const GRACE: Duration = Duration::from_secs(15);

/// A run that was begun.
pub(crate) struct Begun {
    pub(crate) run: Uuid,
    /// What was accepted; nothing where the run was begun before, by a request with the same key.
    pub(crate) document: Option<RunDocument>,
}

/// A conversation that comes with an observation.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Said {
    /// What was said, oldest first.
    pub messages: Vec<Message>,
    /// The tools whose answers were seen in it, as policies on data flow ask.
    pub read: BTreeSet<String>,
}

/// What an agent is told.
#[derive(Debug, Clone)]
pub struct Observation {
    /// The id of the run that it makes.
    pub run: Uuid,
    /// On whose behalf.
    pub caller: Caller,
    /// What it is told.
    pub input: String,
    /// The session that it belongs to.
    pub session: Option<SessionId>,
    /// What was said before, as the caller tells it. In a session it follows what that keeps.
    pub said: Said,
    /// A second observation with the same key is the first one again.
    pub idempotency_key: Option<String>,
    /// Through how many agents it has come.
    pub hops: u8,
}

impl Observation {
    /// An observation by nobody in particular, outside of sessions.
    pub fn new(input: impl Into<String>) -> Self {
        Self {
            run: Uuid::now_v7(),
            caller: Caller::Anonymous,
            input: input.into(),
            session: None,
            said: Said::default(),
            idempotency_key: None,
            hops: 0,
        }
    }
}

impl ServedAgent {
    /// Takes an observation to its answer. With memory the run goes on when the caller does not wait any longer; without, it
    /// ends with its caller.
    ///
    /// # Errors
    /// The [`Problem`] that callers are told, counted by what it was about.
    pub async fn observe(self: &Arc<Self>, observation: Observation) -> Result<ObserveResponse, Box<Problem>> {
        match &self.memory {
            None => self.observe_unkept(observation).await,
            Some(_) => {
                let begun = self.begin(observation, false).await.map_err(refusal)?;
                self.answer(begun.run).await
            }
        }
    }

    /// Accepts an observation and answers at once; the run goes on by itself. What is answered is kept, as the class says.
    ///
    /// # Errors
    /// The [`Problem`] that callers are told.
    pub async fn accept(self: &Arc<Self>, observation: Observation) -> Result<RunStatus, Box<Problem>> {
        match self.begin(observation, true).await.map_err(refusal)? {
            // What was accepted is told without another look, which might fail.
            Begun { run: _, document: Some(document) } => Ok(status(&self.config.name, &document)),
            Begun { run, document: None } => self.run_status(run).await.map_err(|failure| Box::new(problem(run, &failure))),
        }
    }

    /// Begins a run that goes on without its caller, or joins the one that an idempotency key stands for.
    pub(crate) async fn begin(self: &Arc<Self>, observation: Observation, promised: bool) -> Result<Begun, Failure> {
        let kept = self.kept_for("answers later, sessions and idempotency keys")?;
        let accepted = self.accepted(observation)?;
        // Who comes again needs no place of their own.
        if let Some(run) = kept.find(accepted.key.as_ref()).await.map_err(|error| self.not_accepted(&error))? {
            return Ok(Begun { run, document: None });
        }
        let place = self.enter()?;
        let acceptance = kept.accept(&accepted, promised).await.map_err(|error| self.not_accepted(&error))?;
        match acceptance {
            Acceptance::Joined(run) => Ok(Begun { run, document: None }),
            Acceptance::Begun(claim) => {
                let Accepted { document, observed, key: _ } = accepted;
                let past = vec![observed];
                self.spawn(kept, document.clone(), claim.map(|claim| (claim, past)), place);
                Ok(Begun { run: document.run, document: Some(document) })
            }
        }
    }

    fn not_accepted(&self, error: &JournalError) -> Failure {
        let failure = error.failure();
        crate::trace::warn!(agent = %self.config.name, error = failure.detail, "an observation was not accepted");
        failure
    }

    fn accepted(&self, observation: Observation) -> Result<Accepted, Failure> {
        let Observation { run, caller, input, session, said, idempotency_key, hops } = observation;
        let key = idempotency_key.map(|key| IdempotencyKey::new(&caller, &key, session.as_ref(), &input, &said.messages));
        let screened = self.screened(run, input, said).inspect_err(|failure| self.count(Some(failure.code)));
        let (input, Said { messages, read }) = screened?;
        let observed = Event::Observed { input, history: messages, summary: None, read };
        let accepted_ms = now_ms();
        let timeout = u64::try_from(self.config.limits.run_timeout.get().as_millis()).unwrap_or(u64::MAX);
        let deadline_ms = accepted_ms.saturating_add(timeout);
        let document =
            RunDocument { run, caller, session, hops, trace: crate::hops::trace(), accepted_ms, deadline_ms, stage: Stage::Open };
        Ok(Accepted { document, observed, key })
    }

    /// What comes from outside passes the policy's detectors, also where it is told as having been said before.
    fn screened(&self, run: Uuid, input: String, said: Said) -> Result<(String, Said), Failure> {
        let run = run.to_string();
        let screen = |text: &mut String| -> Result<(), Failure> {
            *text = self.toolbox.screen_prompt(&run, std::mem::take(text))?;
            Ok(())
        };
        let (mut input, mut said) = (input, said);
        screen(&mut input)?;
        for message in &mut said.messages {
            match message {
                Message::User { text } | Message::Assistant { text, .. } | Message::Tool { text, .. } => screen(text)?,
            }
        }
        Ok((input, said))
    }

    async fn observe_unkept(&self, observation: Observation) -> Result<ObserveResponse, Box<Problem>> {
        let started = Instant::now();
        let mut answer = self.answer_of(&self.drive_unkept(observation, None).await?)?;
        // What is kept is told in milliseconds; here nothing was.
        answer.usage.duration_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
        Ok(answer)
    }

    /// What callers are told of a run that ended.
    fn answer_of(&self, document: &RunDocument) -> Result<ObserveResponse, Box<Problem>> {
        let answer = response(&self.config.name, document);
        let endless = || Box::new(Problem::new(Code::Internal, "the run has no end"));
        answer.ok_or_else(endless)?.map_err(Box::new)
    }

    /// Takes a run of which nothing is kept to its end, in the caller's own time.
    pub(crate) async fn drive_unkept(&self, observation: Observation, live: Option<&Live>) -> Result<RunDocument, Box<Problem>> {
        let run = observation.run;
        let told = |failure: Failure| Box::new(problem(run, &failure));
        if observation.session.is_some() || observation.idempotency_key.is_some() {
            return Err(refusal(self.memory_required("sessions and idempotency keys")));
        }
        let Accepted { document, observed, key: _ } = self.accepted(observation).map_err(refusal)?;
        let place = self.enter().map_err(refusal)?;
        let _active = self.active();
        let deadline = Instant::now() + self.config.limits.run_timeout.get();
        let Ok(running) = tokio::time::timeout_at(deadline, place.turn()).await else {
            let failure = self.timed_out();
            self.count(Some(failure.code));
            return Err(told(failure));
        };
        let past = vec![observed];
        let claim = Unkept::CLAIM;
        let never = CancellationToken::new();
        let work = self.drive_parts(&document, &Unkept, &claim, live, (deadline, Some(running)), (never.clone(), never));
        match drive(work, past, History::default()).await {
            Driven::Ended(ended) => {
                let Ended { document } = *ended;
                self.count(failed(&document));
                Ok(document)
            }
            Driven::Stopped(error) => Err(told(error.failure())),
        }
    }

    /// As [`ServedAgent::drive_unkept`], for those who follow it: they are told how it ended.
    pub(crate) async fn stream_unkept(&self, observation: Observation, live: &Live) {
        if let Err(problem) = self.drive_unkept(observation, Some(live)).await {
            live.tell(usize::MAX - 1, RunEvent::Failed { problem: *problem });
        }
        live.end(Over::Elsewhere);
    }

    pub(super) fn drive_parts<'a>(
        &'a self,
        document: &'a RunDocument,
        journal: &'a dyn Journal,
        claim: &'a Claim,
        live: Option<&'a Live>,
        (deadline, running): (Instant, Option<Running>),
        (cancel, lost): (CancellationToken, CancellationToken),
    ) -> Drive<'a> {
        let course = |agent| Course::new(Arc::clone(agent), self.config.name.clone(), document.clone(), self.memory());
        let workplace = Workplace {
            toolbox: &self.toolbox,
            mind: self.mind.as_ref(),
            own: self.own.as_ref().map(course),
            run: document.run,
            hops: document.hops,
            trace: document.trace,
            caller: &document.caller,
            session: document.session.as_ref(),
            live,
            approvals: &self.approvals,
            longest_wait: self.config.memory.as_ref().and_then(|memory| memory.retention).map_or(Duration::MAX, GoDuration::get),
        };
        Drive {
            setup: &self.setup,
            agent: &self.config.name,
            workplace,
            journal,
            claim,
            document,
            running,
            deadline,
            timed_out: self.timed_out(),
            cancel,
            lost,
            draining: self.draining.clone(),
        }
    }

    pub(super) fn memory_required(&self, what: &str) -> Failure {
        let name = &self.config.name;
        Failure::new(Code::MemoryRequired, format!("agent `{name}` has no memory, and {what} need one: set spec.memory"))
    }

    /// The open memory of an agent that has one.
    pub(super) fn kept_for(&self, what: &str) -> Result<Arc<Kept>, Failure> {
        self.memory.as_ref().ok_or_else(|| self.memory_required(what))?.open()
    }

    /// Waits for the end of a run, wherever it goes on.
    pub(crate) async fn answer(self: &Arc<Self>, run: Uuid) -> Result<ObserveResponse, Box<Problem>> {
        let document = self.ended(run).await.map_err(|failure| Box::new(problem(run, &failure)))?;
        self.answer_of(&document)
    }

    async fn ended(self: &Arc<Self>, run: Uuid) -> Result<RunDocument, Failure> {
        let mut give_up = Instant::now() + self.config.limits.run_timeout.get() + GRACE;
        let (mut pause, last) = GLANCE;
        loop {
            if let Some(live) = self.live_run(run)
                && let Ok(Over::Ended(ended)) = tokio::time::timeout_at(give_up, live.over()).await
            {
                return Ok(ended.document);
            }
            let kept = self.kept_for("runs that are kept")?;
            let document = kept.document(run).await.map_err(|error| error.failure())?;
            match document {
                Some(document) if document.stage != Stage::Open => return Ok(document),
                Some(_) if Instant::now() > give_up => {
                    if !self.rests(&kept, run).await? {
                        return Err(self.timed_out());
                    }
                    give_up = Instant::now() + GRACE;
                }
                Some(_) => {}
                None => return Err(unknown_run(run)),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(last);
        }
    }

    /// Whether a run waits for people, wherever that is.
    async fn rests(&self, kept: &Kept, run: Uuid) -> Result<bool, Failure> {
        let past = kept.replay(run).await.map_err(|error| error.failure())?;
        let state = past.into_iter().fold(State::default(), |state, event| step(&self.setup, state, event).0);
        Ok(state.rests())
    }

    pub(super) fn live_run(&self, run: Uuid) -> Option<Arc<Live>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner).get(&run).cloned()
    }

    /// A run as it is known.
    ///
    /// # Errors
    /// [`Failure`], where the agent keeps no such run.
    pub async fn run_status(&self, run: Uuid) -> Result<RunStatus, Failure> {
        let kept = self.kept_for("runs that are kept")?;
        let document = kept.document(run).await.map_err(|error| error.failure())?;
        document.map(|document| status(&self.config.name, &document)).ok_or_else(|| unknown_run(run))
    }
}

/// What was not accepted is no run, and has no id.
fn refusal(failure: Failure) -> Box<Problem> {
    Box::new(failure.into())
}

pub(crate) fn unknown_run(run: Uuid) -> Failure {
    Failure::new(Code::UnknownRun, format!("the agent keeps no run `{run}`, or no longer"))
}

/// The code that a run failed with, if it did.
pub(super) fn failed(document: &RunDocument) -> Option<Code> {
    match &document.stage {
        Stage::Ended { end: Outcome::Failed(failure), .. } => Some(failure.code),
        Stage::Ended { end: Outcome::Completed { .. }, .. } | Stage::Open => None,
    }
}
