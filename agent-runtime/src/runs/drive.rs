//! Drives one run: does what the coordinator asks for, and writes down what happened before it is used.
//!
//! Only two things wait for a promise (an fsync, where the class asks for one): a call that cannot be made twice, and the end.
//! Calls that can be made twice need no word before they are made; the word goes with their answer.

use std::collections::HashMap;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use skreaver_protocol::AgentName;
use skreaver_protocol::problem::Code;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::document::{RunDocument, Stage, Used, now_ms};
use super::journal::{Claim, History, Journal, JournalError};
use super::told;
use super::work::{Answered, Workplace};
use crate::admission::{Place, Running};
use crate::coordinator::{Effect, Event, Failure, Outcome, Remembered, Setup, State, step};
use crate::tools::Decided;
use crate::trace::warn;

const FIRST_RETRY: Duration = Duration::from_millis(50);
const LAST_RETRY: Duration = Duration::from_secs(1);
/// How long a run that is over tries to write its end when memory does not answer.
const LONGEST_END: Duration = Duration::from_secs(30);

/// What a run is driven by.
pub(crate) struct Drive<'a> {
    pub(crate) setup: &'a Setup,
    pub(crate) agent: &'a AgentName,
    pub(crate) workplace: Workplace<'a>,
    pub(crate) journal: &'a dyn Journal,
    pub(crate) claim: &'a Claim,
    pub(crate) document: &'a RunDocument,
    /// Its leave to run; absent where it runs beyond the bound, to come to its end.
    pub(crate) running: Option<Running>,
    /// When the run has taken too long; the time that it waits for people does not count.
    pub(crate) deadline: Instant,
    /// What it has failed of then.
    pub(crate) timed_out: Failure,
    pub(crate) cancel: CancellationToken,
    /// Ends the work here without an end of the run: somebody else goes on.
    pub(crate) lost: CancellationToken,
    /// The process is to end: a run that is kept and only waits for people is left to somebody else.
    pub(crate) draining: CancellationToken,
}

/// A run that ended.
#[derive(Debug, Clone)]
pub(crate) struct Ended {
    pub(crate) document: RunDocument,
}

/// How the work on a run ended.
#[derive(Debug)]
pub(crate) enum Driven {
    /// With the run.
    Ended(Box<Ended>),
    /// The run goes on elsewhere or later.
    Stopped(JournalError),
}

/// Takes a run from what happened so far to its end.
pub(crate) async fn drive(mut drive: Drive<'_>, past: Vec<Event>, history: History) -> Driven {
    let is_new = past.len() <= 1;
    let mut course = Course {
        state: State::default(),
        effects: Vec::new(),
        decided: HashMap::new(),
        number: 0,
        unwritten: Vec::new(),
        promised: false,
        leave: drive.running.take().map(Leave::Running),
        drive,
    };
    course.replay(past, history);
    // Under another spec than before, what happened may have come to another end: it counts.
    if !is_new && !course.state.is_ended() {
        course.effects = course.state.pending();
    }
    match course.run().await {
        Ok(ended) => Driven::Ended(Box::new(ended)),
        Err(error) => Driven::Stopped(error),
    }
}

/// Questions and calls under way.
type Work<'a> = FuturesUnordered<BoxFuture<'a, Event>>;

struct Course<'a> {
    drive: Drive<'a>,
    state: State,
    /// What is to be done and has not begun.
    effects: Vec<Effect>,
    /// Calls that may be made.
    decided: HashMap<u32, Box<Decided>>,
    /// The number of the next event.
    number: usize,
    /// Events that are not in the journal yet.
    unwritten: Vec<Event>,
    /// Whether a call that cannot be made twice is among them.
    promised: bool,
    leave: Option<Leave>,
}

/// Whether the run counts among those that run at the same time.
enum Leave {
    Running(Running),
    /// It waits for people, and others run meanwhile.
    Resting(Place),
}

impl<'a> Course<'a> {
    /// Folds what happened so far. The first event is kept without the conversation before it that its session keeps; what its
    /// caller told of one follows that.
    fn replay(&mut self, past: Vec<Event>, history: History) {
        let mut history = Some(history);
        for event in past {
            let event = match (event, history.take()) {
                (Event::Observed { input, history, read, summary: _ }, Some(mut before)) => {
                    before.messages.extend(history);
                    before.read.extend(read);
                    let History { summary, messages, read } = before;
                    Event::Observed { input, history: messages, summary, read }
                }
                (event, _) => event,
            };
            self.apply(event);
        }
    }

    /// Takes an event into the state, and tells those who follow the run.
    fn apply(&mut self, event: Event) {
        let followed = self.drive.workplace.live.map(|live| (live, event.clone()));
        let (state, effects) = step(self.drive.setup, std::mem::take(&mut self.state), event);
        self.state = state;
        self.effects.extend(effects);
        if let Some((live, event)) = followed
            && let Some(told) = told::event(self.drive.agent, self.drive.document.run, &event, &self.state)
        {
            live.tell(self.number, told);
        }
        self.number += 1;
    }

    fn happened(&mut self, event: Event) {
        if self.drive.journal.keeps() {
            self.unwritten.push(event.clone());
        }
        self.apply(event);
    }

    async fn run(mut self) -> Result<Ended, JournalError> {
        let mut work = Work::new();
        loop {
            self.decide_all();
            if let Some(outcome) = self.outcome() {
                return self.end(outcome).await;
            }
            self.take_turn().await;
            let came = if self.may_wait() { Vec::new() } else { self.write(&mut work).await? };
            for effect in std::mem::take(&mut self.effects) {
                self.begin(effect, &work);
            }
            let is_waiting = self.effects.is_empty() && came.is_empty();
            came.into_iter().for_each(|event| self.happened(event));
            if !is_waiting {
                continue;
            }
            let event = self.next(&mut work).await?;
            self.happened(event);
            // What has come meanwhile is written in the same go.
            while let Some(Some(event)) = work.next().now_or_never() {
                self.happened(event);
            }
        }
    }

    fn begin(&mut self, effect: Effect, work: &Work<'a>) {
        match effect {
            Effect::Ask(asked) => work.push(Box::pin(self.drive.workplace.ask(asked, &self.state, self.number))),
            Effect::Await { call } => {
                if let Some(request) = self.state.asked_of(call) {
                    work.push(Box::pin(self.drive.workplace.wait(call, request.clone())));
                }
            }
            Effect::Call { call } => match self.decided.remove(&call) {
                Some(decided) => work.push(Box::pin(self.drive.workplace.call(call, decided))),
                None => self.resume_call(call),
            },
            // They were taken out before.
            Effect::Decide { .. } | Effect::End(_) => self.effects.push(effect),
        }
    }

    fn outcome(&mut self) -> Option<Outcome> {
        self.effects.iter().find_map(|effect| match effect {
            Effect::End(outcome) => Some(outcome.clone()),
            Effect::Ask(_) | Effect::Decide { .. } | Effect::Await { .. } | Effect::Call { .. } => None,
        })
    }

    /// Decisions wait for nothing, so all of a turn are made at once, and written in one go.
    fn decide_all(&mut self) {
        for effect in std::mem::take(&mut self.effects) {
            match effect {
                Effect::Decide { call } => self.decide(call),
                Effect::Ask(_) | Effect::Await { .. } | Effect::Call { .. } | Effect::End(_) => self.effects.push(effect),
            }
        }
    }

    /// Gives its leave to run back while it only waits for people, and waits for its turn when they have spoken.
    async fn take_turn(&mut self) {
        let rests = self.state.only_rests();
        self.leave = match self.leave.take() {
            Some(Leave::Running(running)) if rests => Some(Leave::Resting(running.rest())),
            Some(Leave::Resting(place)) if !rests => {
                let Drive { cancel, lost, .. } = &self.drive;
                // Who waits in vain comes to its end all the same.
                tokio::select! {
                    running = place.turn() => Some(Leave::Running(running)),
                    () = lost.cancelled() => None,
                    () = cancel.cancelled() => None,
                    () = until(self.deadline()) => None,
                }
            }
            leave => leave,
        };
    }

    /// When the run has taken too long. Nothing while it waits for people.
    fn deadline(&self) -> Option<Instant> {
        if self.state.rests() {
            return None;
        }
        let rested = u64::try_from(self.state.rested().as_millis()).unwrap_or(u64::MAX);
        if rested == 0 {
            return Some(self.drive.deadline);
        }
        let left = self.drive.document.deadline_ms.saturating_add(rested).saturating_sub(now_ms());
        Some(Instant::now() + Duration::from_millis(left))
    }

    async fn next(&self, work: &mut Work<'a>) -> Result<Event, JournalError> {
        let Drive { cancel, lost, timed_out, draining, journal, .. } = &self.drive;
        let can_be_left = journal.keeps() && self.state.only_rests();
        tokio::select! {
            biased;
            () = lost.cancelled() => Err(JournalError::Fenced),
            () = draining.cancelled(), if can_be_left => Err(JournalError::Draining),
            () = cancel.cancelled() => Ok(Event::Interrupted(Failure::cancelled())),
            // Before the work: what has not begun by then does not begin.
            () = until(self.deadline()) => Ok(Event::Interrupted(timed_out.clone())),
            Some(event) = work.next() => Ok(event),
        }
    }

    fn decide(&mut self, call: u32) {
        let event = match self.drive.workplace.decide(call, &self.state) {
            Answered::Permitted(decided) => {
                self.promised |= !decided.is_idempotent();
                let shown = decided.shown();
                self.decided.insert(call, decided);
                Event::Permitted { call, shown }
            }
            Answered::Waits(request) => Event::Waiting { call, request },
            Answered::Refused(failure) => Event::Refused { call, failure },
        };
        self.happened(event);
    }

    /// A call that was let pass by a process that is gone. It may have been made.
    fn resume_call(&mut self, call: u32) {
        let tool = self.state.call(call).map_or("", |call| call.tool.as_str()).to_owned();
        if self.drive.workplace.toolbox.is_idempotent(&tool)
            && let Answered::Permitted(decided) = self.drive.workplace.decide(call, &self.state)
        {
            self.decided.insert(call, decided);
            self.effects.push(Effect::Call { call });
            return;
        }
        let detail = format!(
            "the process that called `{tool}` ended before the answer was written down. It is not known whether the call took effect, and it is not made again"
        );
        let outcome = Err(Failure::new(Code::OutcomeUnknown, detail));
        self.happened(Event::ToolEnded { call, outcome, duration_us: 0 });
    }

    /// Whether what happened need not be written yet: that a call may be made needs no word if it can be made twice.
    fn may_wait(&self) -> bool {
        !self.promised && self.unwritten.iter().all(|event| matches!(event, Event::Permitted { .. }))
    }

    /// Writes down what happened. What comes of the work meanwhile is returned: it goes on, however long memory takes.
    async fn write(&mut self, work: &mut Work<'a>) -> Result<Vec<Event>, JournalError> {
        let mut came = Vec::new();
        if self.unwritten.is_empty() {
            return Ok(came);
        }
        {
            let mut written = std::pin::pin!(self.append());
            loop {
                tokio::select! {
                    biased;
                    outcome = &mut written => break outcome?,
                    Some(event) = work.next() => came.push(event),
                }
            }
        }
        self.unwritten.clear();
        self.promised = false;
        Ok(came)
    }

    async fn append(&self) -> Result<(), JournalError> {
        let Drive { journal, claim, document, .. } = &self.drive;
        let first = self.number - self.unwritten.len();
        let until = self.deadline().unwrap_or_else(|| Instant::now() + LONGEST_END);
        let mut patience = Patience::new(document.run, until);
        while let Err(error) = journal.append(claim, document.run, first, &self.unwritten, self.promised).await {
            patience.wait(error).await?;
        }
        Ok(())
    }

    async fn end(self, outcome: Outcome) -> Result<Ended, JournalError> {
        let Drive { journal, claim, document, .. } = &self.drive;
        let now = Instant::now();
        let until = self.deadline().map_or(now + LONGEST_END, |deadline| deadline.max(now + LONGEST_END));
        let stage = Stage::Ended {
            at_ms: now_ms(),
            end: outcome,
            used: Used::of(&self.state),
            tool_calls: told::tool_calls(&self.state),
        };
        let document = RunDocument { stage, ..RunDocument::clone(document) };
        let remembered = document.session.is_some().then(|| self.remembered());
        let first = self.number - self.unwritten.len();
        let mut patience = Patience::new(document.run, until);
        while let Err(error) = journal.end(claim, first, &self.unwritten, &document, remembered.as_ref()).await {
            patience.wait(error).await?;
        }
        if let Some(live) = self.drive.workplace.live
            && let Some(told) = told::end(self.drive.agent, &document)
        {
            live.tell(self.number, told);
        }
        Ok(Ended { document })
    }

    /// What the run leaves to its session, as policies let it be remembered.
    fn remembered(&self) -> Remembered {
        let mut remembered = self.state.remembered();
        let run = self.drive.document.run.to_string();
        self.drive.workplace.toolbox.screen_memory(&run, &mut remembered.messages, remembered.summary.as_mut());
        remembered
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// How long memory that does not answer is asked again. Writing the same records twice is as good as once.
struct Patience {
    run: Uuid,
    until: Instant,
    pause: Duration,
}

impl Patience {
    fn new(run: Uuid, until: Instant) -> Self {
        Self { run, until, pause: FIRST_RETRY }
    }

    /// Waits before the next try. The error itself, where waiting is no use or the time is over.
    async fn wait(&mut self, error: JournalError) -> Result<(), JournalError> {
        let is_passing = matches!(&error, JournalError::Memory(error) if error.is_passing());
        if !is_passing || Instant::now() + self.pause > self.until {
            return Err(error);
        }
        warn!(run = %self.run, %error, "a run waits for its memory");
        tokio::time::sleep(self.pause).await;
        self.pause = (self.pause * 2).min(LAST_RETRY);
        Ok(())
    }
}
