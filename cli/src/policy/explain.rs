//! `skreaver policy explain`: which rule decides over one call, and why.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::Context;
use skreaver::policy::{Cause, Explained, ExplainedRule, Ledger, Verdict};
use skreaver::protocol::policy::{Action, Mode};
use skreaver::protocol::{AgentName, Caller, SessionId, ToolName};
use skreaver::simulate::{self, Simulated};

use super::call::{WrittenCall, compile};
use super::told::{self, told, verdict_of};
use crate::files::Files;

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    files: Files,
    /// The tool that is called.
    #[arg(long)]
    tool: String,
    /// Its arguments, as JSON.
    #[arg(long, value_name = "JSON", default_value = "{}")]
    args: String,
    /// The agent that calls; an Agent of this name among the manifests tells namespace and labels.
    /// Default: nobody in particular, and every policy is asked, whomever it selects.
    #[arg(long, value_name = "NAME")]
    agent: Option<String>,
    /// A label of the agent.
    #[arg(long = "label", value_name = "KEY=VALUE")]
    labels: Vec<String>,
    /// The session in which it calls.
    #[arg(long, value_name = "ID")]
    session: Option<String>,
    /// A tool whose answer the run has seen.
    #[arg(long = "read", value_name = "TOOL")]
    read: Vec<String>,
    /// Deny every call of agents that no ToolPolicy selects.
    #[arg(long)]
    require_tool_policy: bool,
}

/// Whether the call may happen.
pub(super) fn explain(args: &Args) -> anyhow::Result<bool> {
    let call = written(args)?;
    let policy = compile(&call.policies(&args.files.load()?, args.require_tool_policy))?;
    let (explained, simulated) =
        call.with(|call| (policy.explain(call), simulate::call(&policy, call, &Ledger::default(), Duration::ZERO)));
    explained.iter().for_each(print);
    let verdict = verdict_of(&simulated);
    println!("verdict: {}", told(verdict));
    if explained.is_empty() {
        println!("  {}", simulated.denial.as_ref().map_or_else(|| "no policy selects the agent".to_owned(), ToString::to_string));
    }
    told::print(&beside_rules(simulated));
    Ok(verdict == Verdict::Allow)
}

fn written(args: &Args) -> anyhow::Result<WrittenCall> {
    let label = |label: &String| {
        let (key, value) = label.split_once('=').with_context(|| format!("`{label}` is not KEY=VALUE"))?;
        Ok((key.to_owned(), value.to_owned()))
    };
    let labels = args.labels.iter().map(label).collect::<anyhow::Result<_>>()?;
    Ok(WrittenCall {
        tool: ToolName::parse(args.tool.as_str())?,
        args: serde_json::from_str(&args.args).context("--args is not JSON")?,
        agent: args.agent.as_deref().map(AgentName::parse).transpose()?,
        namespace: None,
        labels: (!args.labels.is_empty()).then_some(labels),
        session: args.session.as_deref().map(SessionId::parse).transpose()?,
        caller: Caller::Anonymous,
        read: Some(args.read.iter().cloned().collect::<BTreeSet<_>>()),
        at: None,
        expect: None,
        rule: None,
        result: None,
        expect_result: None,
    })
}

/// What is not told of each policy's rules.
fn beside_rules(simulated: Simulated) -> Simulated {
    let is_beside = |cause: &Cause| matches!(cause, Cause::Seen { .. });
    let Simulated { denial, effect, audited, found } = simulated;
    Simulated {
        denial: denial.filter(|denial| is_beside(&denial.cause)),
        effect,
        audited: audited.into_iter().filter(|denial| is_beside(&denial.cause)).collect(),
        found,
    }
}

fn print(Explained { policy, mode, verdict, rule: _, because, rules }: &Explained) {
    let mode = match mode {
        Mode::Enforce => "Enforce",
        Mode::Audit => "Audit: recorded only",
    };
    println!("{policy} ({mode}): {}\n  {because}", told(*verdict));
    for ExplainedRule { rule, action, condition, applies } in rules {
        let action = match action {
            Action::Allow => "Allow",
            Action::RequireApproval => "RequireApproval",
            Action::Deny => "Deny",
        };
        let standing = match applies {
            Ok(true) => "is about the call".to_owned(),
            Ok(false) => "is not about the call".to_owned(),
            Err(why) => format!("cannot be decided: {why}"),
        };
        let condition = condition.as_ref().map(|condition| format!(", when {condition}")).unwrap_or_default();
        println!("  rule {rule} ({action}{condition}) {standing}");
    }
}
