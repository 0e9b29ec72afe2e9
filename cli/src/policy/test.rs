//! `skreaver policy test`: recorded calls, judged in order.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};
use skreaver::policy::{Denial, Ledger, Policy, Verdict};
use skreaver::protocol::AgentName;
use skreaver::protocol::policy::Action;
use skreaver::simulate::{self, Simulated};
use skreaver_render::local::Local;

use super::call::{ResultAction, WrittenCall, compile};
use super::told::{Screened, print, told, verdict_of};
use crate::files::{Files, read};

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    files: Files,
    /// The calls, one JSON object in each line: {"tool": NAME, "args": {...}, "agent": NAME, "labels": {...}, "namespace": NAME,
    /// "session": ID, "caller": {"type": "anonymous"}, "read": [TOOL...], "at": "5s", "expect": "Allow", "RequireApproval" or "Deny", "rule": NAME,
    /// "result": VALUE, "expectResult": "Pass", "Redact" or "Deny"};
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
        let (policy, simulated) = simulation.judge(call)?;
        let result = call.result.as_ref().map(|result| Screened::of(&policy, &call.tool, result));
        let found = verdict_of(&simulated);
        denied += usize::from(found == Verdict::Deny);
        waiting += usize::from(found == Verdict::RequireApproval);
        let problem = unexpected(call, &simulated, result.as_ref());
        wrong += usize::from(problem.is_some());
        let mark = problem.map(|problem| format!(" - WRONG: {problem}")).unwrap_or_default();
        println!("line {line}: {} {}{mark}", told(found), call.tool);
        print(&simulated);
        result.iter().for_each(Screened::print);
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

/// What is not as it is expected.
fn unexpected(call: &WrittenCall, simulated: &Simulated, result: Option<&Screened>) -> Option<String> {
    let found = match verdict_of(simulated) {
        Verdict::Allow => Action::Allow,
        Verdict::RequireApproval => Action::RequireApproval,
        Verdict::Deny => Action::Deny,
    };
    if let Some(expected) = call.expect.filter(|expected| *expected != found) {
        return Some(format!("{expected:?} is expected"));
    }
    let screened = result.map_or(ResultAction::Pass, |result| result.action);
    if let Some(expected) = call.expect_result.filter(|expected| *expected != screened) {
        return Some(format!("{expected:?} is expected of the result"));
    }
    let rule = simulated.denial.as_ref().and_then(Denial::rule);
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
    fn judge(&mut self, call: &WrittenCall) -> anyhow::Result<(Policy, Simulated)> {
        self.now = call.at.map_or(self.now, |at| at.get().max(self.now));
        let policy = compile(&call.policies(self.local, self.required))?;
        let ledger = self.ledgers.entry(call.agent()).or_default();
        let simulated = call.with(|call| simulate::call(&policy, call, ledger, self.now));
        Ok((policy, simulated))
    }
}
