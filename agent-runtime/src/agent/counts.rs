//! How many runs ended, and how: for the agent's status and for metrics.

use std::sync::atomic::{AtomicU64, Ordering};

use skreaver_protocol::problem::Code;
use skreaver_protocol::rest::RunCounts;

use super::{Failure, ServedAgent};
use crate::admission::Place;
use crate::metrics::{Active, ErrorKind};

#[derive(Default)]
pub(super) struct Counts {
    completed: AtomicU64,
    failed: AtomicU64,
    rejected: AtomicU64,
}

impl Counts {
    pub(super) fn told(&self) -> RunCounts {
        let Self { completed, failed, rejected } = self;
        RunCounts {
            completed: completed.load(Ordering::Relaxed),
            failed: failed.load(Ordering::Relaxed),
            rejected: rejected.load(Ordering::Relaxed),
        }
    }
}

impl ServedAgent {
    /// A place in the queue, or the refusal of a full one.
    pub(super) fn enter(&self) -> Result<Place, Failure> {
        self.admission.enter().map_err(|_| {
            self.metrics.rejected();
            self.counts.rejected.fetch_add(1, Ordering::Relaxed);
            let (name, limits) = (&self.config.name, &self.config.limits);
            let (running, waiting) = (limits.concurrency, limits.queue_length);
            let detail = format!("agent `{name}` runs {running} and queues {waiting} runs at the most, and does; try again");
            Failure { retry_after: Some(1), ..Failure::new(Code::QueueFull, detail) }
        })
    }

    /// Takes work through the queue and under the run timeout, and counts how it ended.
    pub(super) async fn bounded<T>(&self, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        let place = self.enter()?;
        let _active = self.active();
        let queued = async {
            let _running = place.turn().await;
            work.await
        };
        let outcome = tokio::time::timeout(self.config.limits.run_timeout.get(), queued).await;
        let outcome = outcome.unwrap_or_else(|_| Err(self.timed_out()));
        self.count(outcome.as_ref().err().map(|failure| failure.code));
        outcome
    }

    pub(super) fn timed_out(&self) -> Failure {
        Failure::new(Code::RunTimeout, format!("the run took longer than limits.runTimeout, {}", self.config.limits.run_timeout))
    }

    /// Counts the end of a run.
    pub(super) fn count(&self, failed: Option<Code>) {
        let counter = match failed {
            None => &self.counts.completed,
            Some(code) => {
                self.metrics.error(kind(code));
                &self.counts.failed
            }
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a run as active as long as what this returns lives, also when its caller hangs up.
    pub(super) fn active(&self) -> Active {
        self.metrics.active()
    }
}

/// What a failure was about: the label `kind` of `agent_errors_total`.
fn kind(code: Code) -> ErrorKind {
    match code {
        Code::MalformedRequest
        | Code::MalformedJson
        | Code::InvalidRequest
        | Code::UnsupportedMediaType
        | Code::UnknownTool
        | Code::InvalidArguments
        | Code::AnswerMalformed
        | Code::KeyReused => ErrorKind::Parse,
        Code::RequestTimeout | Code::RunTimeout => ErrorKind::Timeout,
        Code::Unauthenticated
        | Code::Forbidden
        | Code::ForbiddenHost
        | Code::InputDenied
        | Code::ToolDenied
        | Code::NotApproved => ErrorKind::Auth,
        Code::ToolFailed | Code::ResultTooLarge | Code::ResultWithheld | Code::OutcomeUnknown => ErrorKind::Tool,
        Code::MemoryRequired | Code::MemoryUnavailable | Code::UnknownRun | Code::UnknownSession | Code::SessionBusy => {
            ErrorKind::Memory
        }
        Code::ModelUnavailable | Code::ModelFailed | Code::KeysUnavailable => ErrorKind::Network,
        Code::BodyTooLarge
        | Code::QueueFull
        | Code::AuditUnavailable
        | Code::TurnsExceeded
        | Code::ToolCallsExceeded
        | Code::BudgetExceeded
        | Code::AnswerCutOff => ErrorKind::Resource,
        Code::Internal => ErrorKind::Internal,
        Code::NotFound
        | Code::MethodNotAllowed
        | Code::UnknownAgent
        | Code::UnknownApproval
        | Code::DecidedAlready
        | Code::ManagedByKubernetes
        | Code::NameTaken
        | Code::NoManifests
        | Code::RunEnded
        | Code::Cancelled
        | Code::AgentFailed
        | Code::AnswerRefused => ErrorKind::Unknown,
        Code::Overdue | Code::TooManyConnections => ErrorKind::Resource,
    }
}
