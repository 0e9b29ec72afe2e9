//! The one door to an agent's tools: [`Toolbox::call`] asks the policy, and only then runs.

mod results;
mod screening;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use futures::FutureExt;
use serde_json::Value;
use skreaver_policy::bounds::{Bounds, Own};
use skreaver_policy::{Approved, Call, Denial, Ledger, Permit, Place, Policy, ResultLimit, Seen, Settled};
use skreaver_protocol::policy::Mode;
use skreaver_protocol::rest::RefusalCount;
use skreaver_protocol::{AgentName, Caller, SessionId, ToolName};

use self::results::{Withheld, error_within, within};
use self::screening::FoundIn;
pub(crate) use self::screening::judged_by_findings;
use super::wire_name::wire_name;
use super::{Tool, ToolError};
use crate::audit::{AuditError, Auditor, Receipt, RefusedEffect, recorded};
use crate::metrics::{Metrics, Refusals, ToolMetrics};
use crate::panics;
use crate::screening::{Found, would_be_denied};
use crate::trace::{error, info};

/// The tools of one agent, behind its policy.
pub struct Toolbox {
    agent: AgentName,
    /// Tools and policy change together, so that no call is decided on a mix.
    in_force: ArcSwap<InForce>,
    /// One change at a time.
    changing: Mutex<()>,
    /// What its calls may touch where no policy says otherwise.
    own: Own,
    /// What was drawn from the policy's rate limits since `began`.
    ledger: Ledger,
    began: Instant,
    refusals: Refusals,
    metrics: Arc<Metrics>,
    auditor: Auditor,
}

/// The tools at one moment, and what decides about them.
struct InForce {
    tools: Tools,
    policy: Policy,
}

type Tools = BTreeMap<ToolName, Arc<Entry>>;

struct Entry {
    tool: Arc<dyn Tool>,
    /// Asked of the tool once: making it takes longer than a call, and every question to a model tells it.
    input_schema: Value,
    metrics: ToolMetrics,
}

/// A tool call as it reaches the door.
#[derive(Debug, Clone)]
pub struct ToolCall {
    /// The tool, by the name that the caller wrote.
    pub tool: String,
    /// What it is given.
    pub input: Input,
    /// On whose behalf.
    pub caller: Caller,
    /// The session in which it is made, if it is in one.
    pub session: Option<SessionId>,
    /// The tools whose results the run has seen, those of earlier runs of its session among them. Nothing where that is not
    /// known: a client that calls tools outside of a run may have seen anything.
    pub read: Option<BTreeSet<String>>,
    /// Tells this call from every other one, and is the same when it is made again after a crash.
    pub id: String,
    /// What people said of it, if they approved it.
    pub approved: Option<Approved>,
}

/// A tool call that the policy lets pass, and that has not been made.
pub struct Decided {
    tool: ToolName,
    entry: Arc<Entry>,
    arguments: Value,
    /// Whether something was taken out of the arguments.
    is_redacted: bool,
    permit: Permit,
    /// Its record in the audit, which comes before the effect.
    receipts: Vec<Receipt>,
}

impl Decided {
    /// The arguments as others are told of them, where a rule keeps some of them from others.
    pub fn shown(&self) -> Option<Value> {
        let terms = self.permit.terms();
        let mut shown = (self.is_redacted || terms.redacts()).then(|| self.arguments.clone())?;
        terms.redact_arguments(&mut shown);
        (self.is_redacted || shown != self.arguments).then_some(shown)
    }

    /// Whether making the call twice is as good as making it once.
    pub fn is_idempotent(&self) -> bool {
        self.entry.tool.is_idempotent()
    }
}

/// What a tool is given.
#[derive(Debug, Clone)]
pub enum Input {
    /// The text of an input `tool:text`; the tool says which arguments it stands for.
    Text(String),
    /// Arguments, by name.
    Arguments(Value),
}

/// What came of a call that ran.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolResult {
    /// The tool that ran.
    pub tool: ToolName,
    /// What it answered.
    pub output: Value,
    /// How long it took.
    pub duration: Duration,
}

/// Why a call came to nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallError {
    /// The agent has no such tool.
    UnknownTool {
        /// The name that was asked for.
        tool: String,
        /// The tools that the policy lets the agent use.
        known: Vec<ToolName>,
    },
    /// A policy refuses. Where nothing but the word of people is missing, [`Denial::needs`] says so.
    Denied(Denial),
    /// People would have to approve the call, and it belongs to no run that could wait for them.
    NoRun(Denial),
    /// The decision over it cannot be recorded, and so it is not made.
    Unrecorded {
        /// The tool.
        tool: ToolName,
        /// Why not.
        error: AuditError,
    },
    /// The tool ran, or looked at its arguments, and gave up.
    Tool {
        /// The tool.
        tool: ToolName,
        /// Why.
        error: ToolError,
    },
    /// The tool ran, and a policy does not let so large a result pass.
    ResultTooLarge {
        /// The tool.
        tool: ToolName,
        /// What lets no larger result pass.
        limit: ResultLimit,
    },
    /// The tool ran, and in its result is what a policy does not let pass.
    ResultWithheld {
        /// The tool.
        tool: ToolName,
        /// The ToolPolicy.
        policy: String,
        /// What it is.
        seen: Seen,
    },
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownTool { tool, known } if known.is_empty() => write!(f, "no tool is named `{tool}`; the agent has none"),
            Self::UnknownTool { tool, known } => {
                let known: Vec<_> = known.iter().map(ToolName::as_str).collect();
                write!(f, "no tool is named `{tool}`; there are {}", known.join(", "))
            }
            Self::Denied(denial) => denial.fmt(f),
            Self::NoRun(denial) => write!(f, "{denial}; only a run waits for that: tell the agent what to do, and it will"),
            Self::Unrecorded { tool, error } => write!(f, "tool `{tool}` is not called: {error}; try again later"),
            Self::Tool { tool, error } => write!(f, "tool `{tool}`: {error}"),
            Self::ResultWithheld { tool, policy, seen } => write!(
                f,
                "tool `{tool}` ran, and its result is withheld: there is {seen} in it, and the {} of ToolPolicy `{policy}` denies that; ask for another part of it",
                seen.section()
            ),
            Self::ResultTooLarge { tool, limit: ResultLimit { policy, rule, most } } => write!(
                f,
                "tool `{tool}` ran, and its result is withheld: rule `{rule}` of ToolPolicy `{policy}` lets {most} bytes pass, and it has more; ask for less"
            ),
        }
    }
}

impl std::error::Error for CallError {}

impl Toolbox {
    /// The tools of an agent behind a policy, which may be replaced while calls run.
    pub(crate) fn new(
        agent: AgentName,
        tools: BTreeMap<ToolName, Arc<dyn Tool>>,
        policy: Policy,
        own: Own,
        metrics: Arc<Metrics>,
        auditor: Auditor,
    ) -> Self {
        let tools: Tools = tools.into_iter().map(|(name, tool)| entry(name, tool, &metrics)).collect();
        let policy = policy.owning(own.clone()).prepared(tools.keys());
        Self {
            agent,
            in_force: ArcSwap::from_pointee(InForce { tools, policy }),
            changing: Mutex::default(),
            own,
            ledger: Ledger::default(),
            began: Instant::now(),
            refusals: Refusals::default(),
            metrics,
            auditor,
        }
    }

    /// Puts another policy in force, whole: a call is decided by the old or by the new one.
    pub fn set_policy(&self, policy: Policy) {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let tools = self.in_force.load().tools.clone();
        let policy = policy.owning(self.own.clone()).prepared(tools.keys());
        self.in_force.store(Arc::new(InForce { tools, policy }));
    }

    /// Puts the tools that a source offers now in the place of those that it offered before.
    #[cfg_attr(not(feature = "network"), allow(dead_code, reason = "what has sources speaks over a network"))]
    pub(crate) fn set_source(&self, source: &ToolName, offered: &BTreeMap<ToolName, Arc<dyn Tool>>) {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let in_force = self.in_force.load();
        let is_theirs = |name: &ToolName| name.as_str().split_once('/').is_some_and(|(of, _)| of == source.as_str());
        let others = in_force.tools.iter().filter(|(name, _)| !is_theirs(name));
        let mut tools: Tools = others.map(|(name, entry)| (name.clone(), Arc::clone(entry))).collect();
        tools.extend(offered.iter().map(|(name, tool)| entry(name.clone(), Arc::clone(tool), &self.metrics)));
        let policy = in_force.policy.clone().prepared(tools.keys());
        self.in_force.store(Arc::new(InForce { tools, policy }));
    }

    /// What permitted calls may touch, by the policy in force.
    #[cfg_attr(not(feature = "network"), allow(dead_code, reason = "what has sources speaks over a network"))]
    pub(crate) fn bounds(&self) -> Arc<Bounds> {
        Arc::clone(self.in_force.load().policy.bounds())
    }

    /// The tool that a model or client means by what it wrote.
    pub(crate) fn meant(&self, written: &str) -> Option<ToolName> {
        self.in_force.load().find(written).map(|(name, _)| name.clone())
    }

    /// Whose they are.
    pub fn agent(&self) -> &AgentName {
        &self.agent
    }

    /// The version of the policy in force.
    pub fn policy_version(&self) -> u64 {
        self.in_force.load().policy.version()
    }

    /// Runs a tool, if the agent has it and the policy in force lets this call pass. It waits for nobody's approval.
    ///
    /// # Errors
    /// [`CallError`]; nothing has run unless it is [`CallError::Tool`], [`CallError::ResultTooLarge`] or
    /// [`CallError::ResultWithheld`].
    pub async fn call(&self, call: ToolCall) -> Result<ToolResult, CallError> {
        match self.decide(call) {
            Ok(decided) => self.run(decided).await,
            Err(CallError::Denied(denial)) if denial.needs().is_some() => {
                self.count(Mode::Enforce, &denial);
                Err(CallError::NoRun(denial))
            }
            Err(error) => Err(error),
        }
    }

    /// Asks the policy in force about a call, and makes nothing of it yet.
    ///
    /// # Errors
    /// [`CallError::UnknownTool`], [`CallError::Denied`] and [`CallError::Unrecorded`].
    pub fn decide(&self, call: ToolCall) -> Result<Decided, CallError> {
        let ToolCall { tool, input, caller, session, read, id, approved } = call;
        let in_force = self.in_force.load();
        let Some((name, entry)) = in_force.find(&tool) else {
            return Err(CallError::UnknownTool { tool, known: self.permitted() });
        };
        let mut arguments = match input {
            Input::Text(text) => entry.tool.arguments_from_text(&text),
            Input::Arguments(arguments) => arguments,
        };
        let (session, read, approved) = (session.as_ref(), read.as_ref(), approved.as_ref());
        let call =
            Call { agent: &self.agent, tool: name, arguments: &arguments, caller: &caller, session, read, id: &id, approved };
        let (permit, receipts, found) = self.authorize(&in_force.policy, &call, entry)?;
        let is_redacted = screening::redact_arguments(permit.screens(), &found, &mut arguments);
        Ok(Decided { tool: name.clone(), entry: Arc::clone(entry), arguments, is_redacted, permit, receipts })
    }

    /// Makes a call that was decided about.
    ///
    /// # Errors
    /// [`CallError::Unrecorded`], [`CallError::Tool`], [`CallError::ResultTooLarge`] and [`CallError::ResultWithheld`].
    pub async fn run(&self, decided: Decided) -> Result<ToolResult, CallError> {
        let Decided { tool, entry, arguments, is_redacted: _, permit, receipts } = decided;
        if let Err(error) = recorded(receipts).await {
            return Err(CallError::Unrecorded { tool, error });
        }
        let (terms, screens, call) = (permit.terms().clone(), Arc::clone(permit.screens()), permit.id().to_owned());
        let started = Instant::now();
        let outcome = contained(entry.tool.run(permit, arguments), &tool).await;
        let duration = started.elapsed();
        entry.metrics.observe(duration);
        if let Err(ToolError::Refused { policy, why }) = &outcome {
            self.refused_at_the_effect(&tool, call.clone(), policy.as_deref(), why);
        }
        let screen = screens.at(Place::Results);
        let (outcome, found) = match outcome {
            Ok(output) => {
                let (output, found) = within(&terms, screen, output);
                (output.map(Ok), found)
            }
            Err(error) => {
                let (error, found) = error_within(&terms, screen, error);
                (error.map(Err), found)
            }
        };
        self.report(&self.in_force.load().policy, Place::Results, Some(&tool), &call, &found);
        for found in would_be_denied(&found) {
            self.count_refusal(Mode::Audit, Some(&found.policy), None);
        }
        match outcome {
            Ok(Ok(output)) => Ok(ToolResult { tool, output, duration }),
            Ok(Err(error)) => Err(CallError::Tool { tool, error }),
            Err(Withheld::TooLarge(limit)) => Err(CallError::ResultTooLarge { tool, limit }),
            Err(Withheld::Found(Found { seen, policy, .. })) => {
                self.count_refusal(Mode::Enforce, Some(&policy), None);
                Err(CallError::ResultWithheld { tool, policy: policy.to_string(), seen })
            }
        }
    }

    /// A call that was let pass, and whose effect was not.
    fn refused_at_the_effect(&self, tool: &ToolName, call: String, policy: Option<&str>, why: &str) {
        self.metrics.refused(Mode::Enforce, policy, None);
        info!(agent = %self.agent, %tool, policy, why, "the effect of a tool call was refused");
        let in_force = self.in_force.load();
        let policy_in_force = &in_force.policy;
        let refused = RefusedEffect {
            agent: self.agent.clone(),
            call,
            tool: tool.clone(),
            policy_version: policy_in_force.version(),
            policy: policy.map(str::to_owned),
            reason: why.to_owned(),
        };
        if let Err(error) = self.auditor.refused(refused, policy_in_force) {
            error!(agent = %self.agent, %tool, %error, "the refusal of an effect is not recorded");
        }
    }

    /// Whether making a call of this tool twice is as good as making it once. An unknown tool does nothing, however often.
    pub fn is_idempotent(&self, tool: &str) -> bool {
        self.in_force.load().find(tool).is_none_or(|(_, entry)| entry.tool.is_idempotent())
    }

    fn authorize(&self, policy: &Policy, call: &Call<'_>, entry: &Entry) -> Result<(Permit, Vec<Receipt>, FoundIn), CallError> {
        let settled = policy.authorize(call).settle(&self.ledger, self.began.elapsed());
        let (settled, found) = judged_by_findings(settled, call, policy, entry.tool.remembers());
        let receipts = self.auditor.record(call, &settled, policy, !entry.tool.is_idempotent());
        for (place, found) in &found {
            self.report(policy, *place, Some(call.tool), call.id, found);
        }
        let Settled { verdict, audited } = settled;
        for denial in &audited {
            self.count(Mode::Audit, denial);
            info!(agent = %self.agent, tool = %call.tool, policy = denial.policy(), rule = denial.rule(), "tool call would be denied");
        }
        match &verdict {
            Ok(_) => {}
            Err(denial) if denial.needs().is_some() => {
                info!(agent = %self.agent, tool = %call.tool, policy = denial.policy(), rule = denial.rule(), "tool call needs approval");
            }
            Err(denial) => {
                self.count(Mode::Enforce, denial);
                info!(agent = %self.agent, tool = %call.tool, policy = denial.policy(), rule = denial.rule(), "tool call denied");
            }
        }
        let permit = verdict.map_err(CallError::Denied)?;
        let receipts = receipts.map_err(|error| CallError::Unrecorded { tool: call.tool.clone(), error })?;
        Ok((permit, receipts, found))
    }

    fn count(&self, mode: Mode, denial: &Denial) {
        self.count_refusal(mode, denial.policy(), denial.rule());
    }

    fn count_refusal(&self, mode: Mode, policy: Option<&str>, rule: Option<&str>) {
        self.metrics.refused(mode, policy, rule);
        self.refusals.count(mode, policy, rule);
    }

    /// What policies refused since the process started, by rule.
    pub fn refusals(&self) -> Vec<RefusalCount> {
        self.refusals.told()
    }

    /// The tools that the policy in force may let the agent use. One of which every call is denied is not listed.
    pub fn permitted(&self) -> Vec<ToolName> {
        let in_force = self.in_force.load();
        in_force.tools.keys().filter(|tool| in_force.policy.lists(tool)).cloned().collect()
    }

    /// What a tool says of itself: description and schema of its arguments.
    pub fn describe(&self, tool: &ToolName) -> Option<(String, Value)> {
        let in_force = self.in_force.load();
        in_force.tools.get(tool).map(|entry| (entry.tool.description().to_owned(), entry.input_schema.clone()))
    }

    /// The schema of a tool's result, where it promises one.
    pub fn output_schema(&self, tool: &ToolName) -> Option<Value> {
        self.in_force.load().tools.get(tool).and_then(|entry| entry.tool.output_schema())
    }
}

impl InForce {
    /// A tool by its name, or by the name that models and MCP clients know.
    fn find(&self, written: &str) -> Option<(&ToolName, &Arc<Entry>)> {
        let by_wire_name = || self.tools.iter().find(|(name, _)| wire_name(name.as_str()) == written);
        self.tools.get_key_value(written).or_else(|| written.contains("__").then(by_wire_name)?)
    }
}

fn entry(name: ToolName, tool: Arc<dyn Tool>, metrics: &Metrics) -> (ToolName, Arc<Entry>) {
    let entry = Entry { input_schema: tool.input_schema(), tool, metrics: metrics.tool(&name) };
    (name, Arc::new(entry))
}

/// A tool that panics has failed, whoever wrote it: its run ends like any other, and its text goes to the log alone.
async fn contained(run: impl Future<Output = Result<Value, ToolError>>, tool: &ToolName) -> Result<Value, ToolError> {
    let outcome = AssertUnwindSafe(run).catch_unwind().await;
    outcome.unwrap_or_else(|payload| {
        error!(%tool, panic = panics::text(&*payload), "a tool panicked");
        Err(ToolError::Failed("it panicked, which is a bug of the tool; the log of the runtime tells more".to_owned()))
    })
}
