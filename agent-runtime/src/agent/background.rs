//! What an agent with memory does besides answering: opens its memory, keeps its leases, and takes up runs whose process died.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use skreaver_memory::{Durability, Memory, MemoryError};
use skreaver_protocol::rest::{ComponentReason, ComponentState};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::ServedAgent;
use super::memory::{Slot, sentence};
use super::metered::Metered;
use crate::runs::{Claim, GroupCommit, JournalError, Kept, Stage};
use crate::secrets;
use crate::trace::{info, warn};

const FIRST_RETRY: Duration = Duration::from_millis(100);
const LAST_RETRY: Duration = Duration::from_secs(5);
/// How often leases are renewed: a third of the time that they hold.
const RENEWAL: Duration = Duration::from_secs(3);
/// How often runs whose process died are looked for, and memory is asked whether it answers.
const ROUND: Duration = Duration::from_secs(2);
/// The longest that memory may take to say that it answers.
const HEALTH: Duration = Duration::from_secs(5);

/// Where the state of an agent's memory is told.
pub(crate) trait Report: Send + Sync {
    /// Memory is in this state now.
    fn memory(&self, state: ComponentState, reason: Option<ComponentReason>, message: Option<String>);
}

impl ServedAgent {
    /// Works in the background until `stop`, then lets the runs of this process come to their end. Returns at once where the
    /// agent has no memory.
    pub(crate) async fn work(self: &Arc<Self>, report: &dyn Report, stop: CancellationToken) {
        let Some(slot) = &self.memory else { return };
        let Some((kept, writer)) = stop.run_until_cancelled(self.open(slot, report)).await else { return };
        let writer = tokio::spawn(writer);
        let rounds = async {
            tokio::join!(self.keep_leases(&kept), self.rounds(&kept, report));
        };
        tokio::pin!(rounds);
        tokio::select! {
            () = &mut rounds => {}
            () = stop.cancelled() => {}
        }
        // Runs under way need their leases until they end.
        self.tasks.close();
        tokio::select! {
            () = &mut rounds => {}
            () = self.tasks.wait() => {}
        }
        writer.abort();
    }

    async fn open(&self, slot: &Slot, report: &dyn Report) -> (Arc<Kept>, impl Future<Output = ()> + Send + use<>) {
        let mut pause = FIRST_RETRY;
        loop {
            match self.try_to_open(slot).await {
                Ok((kept, writer)) => {
                    slot.opened(Arc::clone(&kept));
                    report.memory(ComponentState::Ready, None, None);
                    info!(agent = %self.config.name, "memory is open");
                    return (kept, writer);
                }
                Err(error) => {
                    let message = sentence(&error);
                    warn!(agent = %self.config.name, error = message, "memory cannot be opened");
                    report.memory(ComponentState::NotReady, Some(reason(&error)), Some(message));
                    slot.failed(error);
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LAST_RETRY);
        }
    }

    async fn try_to_open(&self, slot: &Slot) -> Result<(Arc<Kept>, impl Future<Output = ()> + Send + use<>), MemoryError> {
        let memory = match &slot.own {
            Some(own) => sufficient(Arc::clone(own), slot.config.durability)?,
            None => self.open_configured(slot).await?,
        };
        let memory: Arc<dyn Memory> = Arc::new(Metered { memory, metrics: Arc::clone(&self.metrics) });
        let (group, writer) = GroupCommit::new(Arc::clone(&memory));
        let is_shared = memory.is_shared();
        let retention = slot.config.retention.map(skreaver_protocol::GoDuration::get);
        let kept = Kept::new(memory, group, slot.config.durability, retention, self.config.limits.run_timeout.get());
        if !is_shared {
            kept.break_leases().await?;
        }
        Ok((Arc::new(kept), writer))
    }

    async fn open_configured(&self, slot: &Slot) -> Result<Arc<dyn Memory>, MemoryError> {
        let url = slot.config.store.secret().map(secrets::read).transpose();
        let url = url.map_err(|problem| MemoryError::Config { what: "memory".into(), problem })?;
        skreaver_memory::open(&slot.config.store, url.as_ref(), self.config.name.as_str(), slot.config.durability).await
    }

    async fn keep_leases(&self, kept: &Kept) {
        let mut rounds = tokio::time::interval(RENEWAL);
        loop {
            rounds.tick().await;
            match kept.renew().await {
                Ok(lost) if lost.is_empty() => {}
                Ok(lost) => {
                    warn!(agent = %self.config.name, leases = lost.len(), "leases lapsed; others may work on their runs");
                    self.let_go(&lost);
                }
                Err(error) => warn!(agent = %self.config.name, %error, "leases are not renewed"),
            }
        }
    }

    /// Ends the work on runs whose lease is lost. What they would write is refused in any case; so they stop at once.
    fn let_go(&self, lost: &[Claim]) {
        let live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        live.values().filter(|live| live.claim().is_some_and(|claim| lost.contains(claim))).for_each(|live| live.lost.cancel());
    }

    async fn rounds(self: &Arc<Self>, kept: &Arc<Kept>, report: &dyn Report) {
        let mut rounds = tokio::time::interval(ROUND);
        rounds.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            rounds.tick().await;
            self.look_after_memory(kept, report).await;
            if let Err(error) = self.take_up_runs(kept).await {
                warn!(agent = %self.config.name, %error, "open runs cannot be looked for");
            }
        }
    }

    async fn look_after_memory(&self, kept: &Kept, report: &dyn Report) {
        match tokio::time::timeout(HEALTH, kept.health()).await {
            Ok(Ok(())) => report.memory(ComponentState::Ready, None, None),
            Ok(Err(error)) => report.memory(ComponentState::NotReady, Some(reason(&error)), Some(sentence(&error))),
            Err(_) => {
                let message = format!("memory did not answer within {}s", HEALTH.as_secs());
                report.memory(ComponentState::NotReady, Some(ComponentReason::Unreachable), Some(message));
            }
        }
    }

    /// Takes up every open run on which nobody works, and ends those that somebody wants to end.
    async fn take_up_runs(self: &Arc<Self>, kept: &Arc<Kept>) -> Result<(), JournalError> {
        for run in kept.cancels().await? {
            if let Some(live) = self.live_run(run) {
                live.cancel.cancel();
            }
        }
        for run in kept.forsaken_runs().await? {
            let is_here = self.live.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&run);
            if is_here || self.tasks.is_closed() {
                continue;
            }
            // One that cannot be read or taken up is no reason to leave the others.
            if let Err(error) = self.look_at(run, kept).await {
                warn!(agent = %self.config.name, %run, %error, "an open run cannot be taken up");
            }
        }
        Ok(())
    }

    async fn look_at(self: &Arc<Self>, run: Uuid, kept: &Arc<Kept>) -> Result<(), JournalError> {
        let Some(document) = kept.document(run).await?.filter(|document| document.stage == Stage::Open) else { return Ok(()) };
        // This process works in its session: it waits for its turn here, and not for the next look.
        let waits = kept.works_on(&document);
        let claimed = if waits { None } else { self.take_up(kept, &document).await? };
        if let Some((_, past)) = &claimed {
            info!(agent = %self.config.name, %run, events = past.len(), "a run is taken up again");
        }
        if waits || claimed.is_some() {
            self.spawn(Arc::clone(kept), document, claimed, self.admission.by_right());
        }
        Ok(())
    }
}

fn sufficient(memory: Arc<dyn Memory>, asked: Durability) -> Result<Arc<dyn Memory>, MemoryError> {
    if asked <= memory.strongest() {
        return Ok(memory);
    }
    let why = format!("`{:?}` is the most that it can", memory.strongest());
    Err(MemoryError::NotDurable { what: "this memory".into(), asked, why })
}

fn reason(error: &MemoryError) -> ComponentReason {
    match error {
        MemoryError::NotDurable { .. } => ComponentReason::NotDurable,
        MemoryError::Unavailable { .. } => ComponentReason::Unreachable,
        MemoryError::Forbidden { .. } => ComponentReason::Unauthorized,
        MemoryError::Full { .. } => ComponentReason::Full,
        MemoryError::ReadOnly { .. } => ComponentReason::ReadOnly,
        MemoryError::Locked { .. } => ComponentReason::Locked,
        MemoryError::NewerSchema { .. } => ComponentReason::NewerSchema,
        MemoryError::Corrupt { .. } => ComponentReason::Corrupt,
        MemoryError::TooLarge { .. } | MemoryError::Key(_) | MemoryError::Config { .. } | MemoryError::Server { .. } => {
            ComponentReason::Misconfigured
        }
    }
}
