//! Who records the decisions of an agent, and where.

use std::sync::{Arc, OnceLock};

use skreaver_policy::{Call, Denial, Policy, Settled, digest};
use skreaver_protocol::policy::AuditSink;
use tokio::sync::oneshot::error::RecvError;

use super::log::{AuditError, AuditLog, Receipt};
use super::record::{Decision, Entry, Findings, Outcome, RefusedEffect};
use crate::agent::Slot;

/// The logs that all agents of a process share.
pub(crate) struct Logs {
    /// Those that record every decision.
    always: Vec<AuditLog>,
    /// Opened when a policy asks for it.
    stdout: OnceLock<AuditLog>,
}

impl Logs {
    pub(crate) fn new(always: Vec<AuditLog>) -> Self {
        Self { always, stdout: OnceLock::new() }
    }
}

/// Records what is decided about the calls of one agent.
pub(crate) struct Auditor {
    logs: Arc<Logs>,
    memory: Option<Arc<Slot>>,
    /// In its memory, opened when a policy asks for it.
    journal: OnceLock<AuditLog>,
}

impl Auditor {
    pub(crate) fn new(logs: Arc<Logs>, memory: Option<Arc<Slot>>) -> Self {
        Self { logs, memory, journal: OnceLock::new() }
    }

    /// Records a decision, also where the policy asks for that. Where it is `promised`, the receipts come when it is safe.
    pub(crate) fn record(
        &self,
        call: &Call<'_>,
        settled: &Settled,
        policy: &Policy,
        promised: bool,
    ) -> Result<Vec<Receipt>, AuditError> {
        let logs = self.logs(policy)?;
        if logs.is_empty() {
            return Ok(Vec::new());
        }
        let decision = Box::new(decision(call, settled, policy.version()));
        logs.into_iter().map(|log| log.record(Entry::Decision(decision.clone()), promised)).collect()
    }

    /// Records that a call which was let pass wanted to touch what it may not. It did not, so nothing waits for the record.
    pub(crate) fn refused(&self, refused: RefusedEffect, policy: &Policy) -> Result<(), AuditError> {
        self.tell(&Entry::RefusedEffect(Box::new(refused)), policy)
    }

    /// Records what was found. What becomes of it is in the same policy's hand, so nothing waits for the record.
    pub(crate) fn found(&self, findings: Findings, policy: &Policy) -> Result<(), AuditError> {
        self.tell(&Entry::Findings(Box::new(findings)), policy)
    }

    fn tell(&self, entry: &Entry, policy: &Policy) -> Result<(), AuditError> {
        self.logs(policy)?.into_iter().try_for_each(|log| log.record(entry.clone(), false).map(drop))
    }

    fn logs(&self, policy: &Policy) -> Result<Vec<&AuditLog>, AuditError> {
        let Logs { always, stdout } = &*self.logs;
        let mut logs: Vec<_> = always.iter().collect();
        if policy.audits_to(AuditSink::Stdout) {
            logs.push(stdout.get_or_init(AuditLog::to_stdout));
        }
        if policy.audits_to(AuditSink::Journal) {
            logs.push(self.journal()?);
        }
        Ok(logs)
    }

    fn journal(&self) -> Result<&AuditLog, AuditError> {
        if let Some(journal) = self.journal.get() {
            return Ok(journal);
        }
        let memory = self.memory.clone().ok_or(AuditError::NoMemory)?;
        let journal =
            AuditLog::to_memory(memory).ok_or_else(|| AuditError::Failed("there is no runtime to write it".to_owned()))?;
        Ok(self.journal.get_or_init(|| journal))
    }
}

/// Waits until a decision is recorded.
pub(crate) async fn recorded(receipts: Vec<Receipt>) -> Result<(), AuditError> {
    for receipt in receipts {
        let gone = |_: RecvError| AuditError::Failed("its writer has ended".to_owned());
        receipt.await.map_err(gone)??;
    }
    Ok(())
}

fn decision(call: &Call<'_>, settled: &Settled, policy_version: u64) -> Decision {
    let (outcome, denial): (_, Option<&Denial>) = match (&settled.verdict, settled.audited.first()) {
        (Err(denial), _) if denial.needs().is_some() => (Outcome::Waits, Some(denial)),
        (Err(denial), _) => (Outcome::Denied, Some(denial)),
        (Ok(_), Some(denial)) => (Outcome::WouldBeDenied, Some(denial)),
        (Ok(_), None) => (Outcome::Allowed, None),
    };
    Decision {
        agent: call.agent.clone(),
        caller: call.caller.clone(),
        session: call.session.cloned(),
        call: call.id.to_owned(),
        tool: call.tool.clone(),
        arguments_sha256: digest(call.arguments),
        outcome,
        approved_by: call.approved.map(|approved| approved.people().map(str::to_owned).collect()).unwrap_or_default(),
        policy_version,
        policy: denial.and_then(Denial::policy).map(str::to_owned),
        rule: denial.and_then(Denial::rule).map(str::to_owned),
        reason: denial.map(ToString::to_string),
    }
}
