//! Who records the decisions of the agents of a process.

use std::sync::OnceLock;

use skreaver_policy::{Call, Denial, Settled, digest};
use tokio::sync::oneshot::error::RecvError;

use super::log::{AuditError, AuditLog, Receipt};
use super::record::{Decision, Entry, Findings, Outcome, RefusedEffect};

/// The logs of a process.
pub(crate) struct Auditor {
    /// Those that record every decision.
    always: Vec<AuditLog>,
    /// Opened when a policy asks for it.
    stdout: OnceLock<AuditLog>,
}

impl Auditor {
    pub(crate) fn new(always: Vec<AuditLog>) -> Self {
        Self { always, stdout: OnceLock::new() }
    }

    /// Records a decision, in standard output too where a policy asks for that. Where it is `promised`, the receipts come when it is
    /// safe.
    pub(crate) fn record(
        &self,
        call: &Call<'_>,
        settled: &Settled,
        policy_version: u64,
        to_stdout: bool,
        promised: bool,
    ) -> Result<Vec<Receipt>, AuditError> {
        let mut logs = self.logs(to_stdout).peekable();
        if logs.peek().is_none() {
            return Ok(Vec::new());
        }
        let decision = Box::new(decision(call, settled, policy_version));
        logs.map(|log| log.record(Entry::Decision(decision.clone()), promised)).collect()
    }

    /// Records that a call which was let pass wanted to touch what it may not. It did not, so nothing waits for the record.
    pub(crate) fn refused(&self, refused: RefusedEffect, to_stdout: bool) -> Result<(), AuditError> {
        let refused = Box::new(refused);
        self.logs(to_stdout).try_for_each(|log| log.record(Entry::RefusedEffect(refused.clone()), false).map(drop))
    }

    /// Records what was found. What becomes of it is in the same policy's hand, so nothing waits for the record.
    pub(crate) fn found(&self, findings: Findings, to_stdout: bool) -> Result<(), AuditError> {
        let findings = Box::new(findings);
        self.logs(to_stdout).try_for_each(|log| log.record(Entry::Findings(findings.clone()), false).map(drop))
    }

    fn logs(&self, to_stdout: bool) -> impl Iterator<Item = &AuditLog> {
        let stdout = to_stdout.then(|| self.stdout.get_or_init(AuditLog::to_stdout));
        self.always.iter().chain(stdout)
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
