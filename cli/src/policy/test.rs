//! `skreaver policy test`: recorded calls, judged in order.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};
use skreaver::policy::{Denial, Ledger, Settled, Verdict};
use skreaver::protocol::AgentName;
use skreaver::protocol::policy::Action;
use skreaver_render::local::Local;

use super::call::{WrittenCall, compile};
use super::told;
use crate::files::{Files, read};

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    files: Files,
    /// The calls, one JSON object in each line: {"tool": NAME, "args": {...}, "agent": NAME, "labels": {...}, "namespace": NAME,
    /// "session": ID, "caller": {"type": "anonymous"}, "read": [TOOL...], "at": "5s", "expect": "Allow", "RequireApproval" or "Deny", "rule": NAME};
    /// all but the tool may be absent.
    #[arg(long, value_name = "FILE")]
    calls: PathBuf,
    /// Deny every call of agents that no ToolPolicy selects.
    #[arg(long)]
    require_tool_policy: bool,
}

/// Whether every call is decided as it is expected.
pub(super) fn test(args: &Args) -> anyhow::Result<bool> {
    let local = args.files.load()?;
    let calls = calls(&args.calls.display().to_string(), &read(&args.calls)?)?;
    let mut simulation =
        Simulation { local: &local, required: args.require_tool_policy, ledgers: HashMap::new(), now: Duration::ZERO };
    let (mut denied, mut waiting, mut wrong) = (0, 0, 0);
    for (line, call) in &calls {
        let Settled { verdict, audited } = simulation.judge(call)?;
        let refusal = verdict.as_ref().err();
        let found = verdict_of(refusal);
        denied += usize::from(found == Verdict::Deny);
        waiting += usize::from(found == Verdict::RequireApproval);
        let problem = unexpected(call, refusal);
        wrong += usize::from(problem.is_some());
        let mark = problem.map(|problem| format!(" - WRONG: {problem}")).unwrap_or_default();
        println!("line {line}: {} {}{mark}", told(found), call.tool);
        refusal.into_iter().for_each(|denial| println!("  {denial}"));
        audited.iter().for_each(|denial| println!("  would be refused, in Audit mode: {denial}"));
    }
    let waiting_told = if waiting > 0 { format!(", {waiting} waiting for approval") } else { String::new() };
    let allowed = calls.len() - denied - waiting;
    println!("{} calls: {allowed} allowed{waiting_told}, {denied} denied, {wrong} not as expected", calls.len());
    Ok(wrong == 0)
}

fn calls(origin: &str, text: &str) -> anyhow::Result<Vec<(usize, WrittenCall)>> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let parsed = lines.map(|(index, line)| {
        let call = serde_json::from_str(line).with_context(|| format!("{origin}, line {} is not a call", index + 1))?;
        Ok((index + 1, call))
    });
    let calls: Vec<_> = parsed.collect::<anyhow::Result<_>>()?;
    if calls.is_empty() {
        bail!("{origin} holds no call");
    }
    Ok(calls)
}

fn verdict_of(refusal: Option<&Denial>) -> Verdict {
    match refusal {
        None => Verdict::Allow,
        Some(denial) if denial.needs().is_some() => Verdict::RequireApproval,
        Some(_) => Verdict::Deny,
    }
}

/// What is not as it is expected.
fn unexpected(call: &WrittenCall, refusal: Option<&Denial>) -> Option<String> {
    let found = match verdict_of(refusal) {
        Verdict::Allow => Action::Allow,
        Verdict::RequireApproval => Action::RequireApproval,
        Verdict::Deny => Action::Deny,
    };
    if let Some(expected) = call.expect.filter(|expected| *expected != found) {
        return Some(format!("{expected:?} is expected"));
    }
    let rule = refusal.and_then(Denial::rule);
    let expected = call.rule.as_deref().filter(|expected| Some(*expected) != rule)?;
    Some(format!("rule {expected} is expected to refuse it"))
}

struct Simulation<'a> {
    local: &'a Local,
    required: bool,
    /// What each agent has drawn from rate limits.
    ledgers: HashMap<AgentName, Ledger>,
    now: Duration,
}

impl Simulation<'_> {
    fn judge(&mut self, call: &WrittenCall) -> anyhow::Result<Settled> {
        self.now = call.at.map_or(self.now, |at| at.get().max(self.now));
        let policy = compile(&call.policies(self.local, self.required))?;
        let ledger = self.ledgers.entry(call.agent()).or_default();
        Ok(call.with(|call| policy.authorize(call)).settle(ledger, self.now))
    }
}
