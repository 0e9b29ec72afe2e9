//! What the policies have to say of one tool: found once, so that a call asks only the rules that are about its tool.

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;
use skreaver_protocol::policy::{Action, AgentFacts, ApprovalTerms, FlowAction, Mode, Per, RateLimit};
use skreaver_protocol::{Caller, SessionId};

use crate::approval::Demand;
use crate::call::Call;
use crate::compile::{CompiledRule, Part};
use crate::condition::{Facts, Undecided};
use crate::denial::{Alternative, Cause, Why};
use crate::ledger::{Bucket, Draw};
use crate::permit::{ResultLimit, Terms};
use crate::screen::Screens;

/// The largest arguments that conditions look at, in bytes as JSON.
const LARGEST_ARGUMENTS: u64 = 1 << 20;

/// What the policies have to say of one tool.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) parts: Vec<PartPlan>,
    /// What is looked for in its calls.
    pub(crate) screens: Arc<Screens>,
}

/// What one policy has to say of it.
#[derive(Debug, Clone)]
pub(crate) struct PartPlan {
    pub(crate) part: Arc<Part>,
    /// The rules about the tool: those that deny come first, and of these those without a condition; then those that ask for
    /// approval.
    pub(crate) rules: Vec<Arc<CompiledRule>>,
    is_sink: bool,
    reads_taint: bool,
    /// The answer, where it is the same for every call.
    settled: Option<Result<(), Cause>>,
}

/// What a policy that lets a call pass asks for.
#[derive(Debug, Default)]
pub(crate) struct Granted {
    pub(crate) draws: Vec<Draw>,
    pub(crate) terms: Terms,
    /// Whom people have to approve it for.
    pub(crate) demands: Vec<Demand>,
}

/// Whether a rule is about a call.
pub(crate) type Applies = Result<bool, Undecided>;

impl Plan {
    pub(crate) fn of(parts: &[Arc<Part>], tool: &str) -> Self {
        let screens = Arc::new(Screens::of(parts, Some(tool)));
        Self { parts: parts.iter().map(|part| PartPlan::of(part, tool)).collect(), screens }
    }
}

impl PartPlan {
    fn of(part: &Arc<Part>, tool: &str) -> Self {
        let mut rules: Vec<_> = part.rules.iter().filter(|rule| rule.tools.fit(tool)).cloned().collect();
        rules.sort_by_key(|rule| rank(rule));
        let is_sink = part.flow.as_ref().is_some_and(|flow| flow.sinks.fit(tool));
        let reads_taint = rules.iter().any(|rule| rule.when.as_ref().is_some_and(|when| when.reads_taint));
        let mut plan = Self { part: Arc::clone(part), rules, is_sink, reads_taint, settled: None };
        plan.settled = plan.settle();
        plan
    }

    /// The answer, where nothing depends on the call.
    fn settle(&self) -> Option<Result<(), Cause>> {
        if let Some(rule) = self.rules.iter().find(|rule| rule.action == Action::Deny && rule.when.is_none()) {
            return Some(Err(self.refusal(rule, Why::Tool)));
        }
        let depends = |rule: &Arc<CompiledRule>| rule.when.is_some() || rule.bounds() || rule.action == Action::RequireApproval;
        if self.is_sink || self.rules.iter().any(depends) {
            return None;
        }
        match self.part.default_action {
            _ if !self.rules.is_empty() => Some(Ok(())),
            Action::Allow => Some(Ok(())),
            Action::RequireApproval => None,
            Action::Deny => Some(Err(self.default(Vec::new()))),
        }
    }

    /// Whether there may be a call of the tool that passes.
    pub(crate) fn lists(&self) -> bool {
        let denied = self.rules.iter().any(|rule| rule.action == Action::Deny && rule.when.is_none());
        let allowed = self.part.default_action != Action::Deny || self.rules.iter().any(|rule| rule.action != Action::Deny);
        allowed && !denied
    }

    pub(crate) fn is_enforced(&self) -> bool {
        self.part.mode == Mode::Enforce
    }

    fn refusal(&self, rule: &CompiledRule, why: Why) -> Cause {
        Cause::Rule { policy: self.part.name.to_string(), rule: rule.name.to_string(), why }
    }

    fn default(&self, alternatives: Vec<Alternative>) -> Cause {
        Cause::Default { policy: self.part.name.to_string(), alternatives }
    }

    /// What this policy alone says: a denying rule first, then the flow of data, then rules that ask for approval or allow, then its
    /// default.
    pub(crate) fn answer(&self, call: &Call<'_>, agent: Option<&AgentFacts>, granted: &mut Granted) -> Result<(), Cause> {
        if let Some(settled) = &self.settled {
            return settled.clone();
        }
        let taint = self.taint(call.read);
        let known = Known { call, agent, taint: taint.as_deref(), is_small: OnceCell::new() };
        let (denying, others) = self.rules.split_at(self.rules.partition_point(|rule| rule.action == Action::Deny));
        for rule in denying {
            if let Some(why) = known.denies(rule) {
                return Err(self.refusal(rule, why));
            }
        }
        self.flow(known.taint, granted)?;
        self.allow(others, &known, granted)
    }

    fn allow(&self, rules: &[Arc<CompiledRule>], known: &Known<'_>, granted: &mut Granted) -> Result<(), Cause> {
        let (mut allowed, mut alternatives) = (false, Vec::new());
        for rule in rules {
            match known.applies(rule) {
                Ok(true) => {
                    allowed = true;
                    if let Some(terms) = rule.approval {
                        granted.demands.push(self.demand(Some(rule), terms));
                    }
                    self.bound(rule, known, granted)?;
                }
                Ok(false) => alternatives.extend(alternative(rule, None)),
                // Whether its bounds hold for the call is not known either, or whether people have to approve it.
                Err(Undecided(reason)) if rule.bounds() || rule.approval.is_some() => {
                    return Err(self.refusal(rule, undecided(rule, reason)));
                }
                Err(Undecided(reason)) => alternatives.extend(alternative(rule, Some(reason))),
            }
        }
        match self.part.default_action {
            Action::Deny if !allowed => Err(self.default(alternatives)),
            Action::RequireApproval if !allowed => {
                granted.demands.push(self.demand(None, ApprovalTerms::default()));
                Ok(())
            }
            Action::Deny | Action::RequireApproval | Action::Allow => Ok(()),
        }
    }

    fn demand(&self, rule: Option<&CompiledRule>, terms: ApprovalTerms) -> Demand {
        Demand { policy: Arc::clone(&self.part.name), rule: rule.map(|rule| Arc::clone(&rule.name)), terms }
    }

    /// Adds what a rule that is about the call says of it.
    fn bound(&self, rule: &CompiledRule, known: &Known<'_>, granted: &mut Granted) -> Result<(), Cause> {
        let CompiledRule {
            name,
            rate_limit,
            max_argument_bytes,
            max_result_bytes,
            redact,
            tools: _,
            when: _,
            action: _,
            approval: _,
        } = rule;
        if let Some(most) = max_argument_bytes.filter(|most| bytes_up_to(known.call.arguments, *most).is_none()) {
            return Err(self.refusal(rule, Why::ArgumentBytes(most)));
        }
        let policy = &self.part.name;
        granted.draws.extend(rate_limit.map(|limit| Draw {
            bucket: Bucket { policy: Arc::clone(policy), rule: Arc::clone(name), whose: whose(limit, known.call) },
            limit,
        }));
        let Terms { result_limit, redactions } = &mut granted.terms;
        redactions.extend(redact.clone());
        if let Some(most) = max_result_bytes.filter(|most| result_limit.as_ref().is_none_or(|other| *most < other.most)) {
            *result_limit = Some(ResultLimit { policy: policy.to_string(), rule: name.to_string(), most });
        }
        Ok(())
    }

    fn flow(&self, taint: Option<&[&str]>, granted: &mut Granted) -> Result<(), Cause> {
        match (taint, self.part.flow.as_ref().map(|flow| (flow.action, flow.approval))) {
            (Some([]), _) => Ok(()),
            _ if !self.is_sink => Ok(()),
            (_, Some((FlowAction::RequireApproval, terms))) => {
                granted.demands.push(self.demand(None, terms));
                Ok(())
            }
            (sources, Some((FlowAction::Deny, _)) | None) => {
                let sources = sources.unwrap_or_default().iter().map(|source| (*source).to_owned()).collect();
                Err(Cause::DataFlow { policy: self.part.name.to_string(), sources })
            }
        }
    }

    /// The untrusted sources among what was read.
    fn taint<'a>(&self, read: Option<&'a BTreeSet<String>>) -> Option<Vec<&'a str>> {
        match &self.part.flow {
            Some(flow) if self.is_sink || self.reads_taint => {
                Some(read?.iter().map(String::as_str).filter(|tool| flow.sources.fit(tool)).collect())
            }
            Some(_) | None => Some(Vec::new()),
        }
    }

    /// How each rule stands to a call, and which it is.
    pub(crate) fn outcomes(&self, call: &Call<'_>, agent: Option<&AgentFacts>) -> Vec<(Arc<CompiledRule>, Applies)> {
        let taint = self.taint(call.read);
        let known = Known { call, agent, taint: taint.as_deref(), is_small: OnceCell::new() };
        self.rules.iter().map(|rule| (Arc::clone(rule), known.applies(rule))).collect()
    }
}

/// In which order rules are asked.
fn rank(rule: &CompiledRule) -> u8 {
    match rule.action {
        Action::Deny => u8::from(rule.when.is_some()),
        Action::RequireApproval => 2,
        Action::Allow => 3,
    }
}

fn undecided(rule: &CompiledRule, reason: String) -> Why {
    let condition = rule.when.as_ref().map(|when| when.text.clone()).unwrap_or_default();
    Why::Undecided { condition, reason }
}

fn alternative(rule: &CompiledRule, undecided: Option<String>) -> Option<Alternative> {
    let condition = rule.when.as_ref()?.text.clone();
    Some(Alternative { rule: rule.name.to_string(), condition, undecided })
}

fn whose(limit: RateLimit, call: &Call<'_>) -> Option<String> {
    let identity = || match call.caller {
        Caller::Anonymous => None,
        known @ (Caller::ServiceAccount { .. } | Caller::User { .. } | Caller::ApiKey { .. }) => Some(known.identity()),
    };
    match limit.per {
        Per::Agent => None,
        // Two callers who choose the same id have two sessions.
        Per::Session => call.session.map(|session| format!("{session} {}", identity().unwrap_or_default())),
        Per::Caller => identity(),
    }
}

/// What is known of one call to one policy.
struct Known<'a> {
    call: &'a Call<'a>,
    agent: Option<&'a AgentFacts>,
    taint: Option<&'a [&'a str]>,
    /// Whether conditions look at arguments of this size: reckoned when the first one does.
    is_small: OnceCell<bool>,
}

impl Known<'_> {
    fn denies(&self, rule: &CompiledRule) -> Option<Why> {
        match (self.applies(rule), &rule.when) {
            (Ok(false), _) => None,
            (Ok(true), Some(when)) => Some(Why::Condition(when.text.clone())),
            (Ok(true), None) => Some(Why::Tool),
            (Err(Undecided(reason)), _) => Some(undecided(rule, reason)),
        }
    }

    fn applies(&self, rule: &CompiledRule) -> Applies {
        let Some(when) = &rule.when else { return Ok(true) };
        if !self.is_small.get_or_init(|| bytes_up_to(self.call.arguments, LARGEST_ARGUMENTS).is_some()) {
            return Err(Undecided(format!("the arguments have more than {LARGEST_ARGUMENTS} bytes")));
        }
        let Call { agent, tool, arguments, caller, session, read: _, id: _, approved: _ } = *self.call;
        when.holds(&Facts {
            arguments,
            agent: (agent.as_str(), self.agent),
            session: session.map(SessionId::as_str),
            caller,
            tool: tool.as_str(),
            taint: self.taint,
        })
    }
}

/// How many bytes a value has as JSON; nothing where those are more than `most`.
pub(crate) fn bytes_up_to(value: &Value, most: u64) -> Option<u64> {
    struct Count {
        found: u64,
        most: u64,
    }
    impl std::io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.found = self.found.saturating_add(bytes.len() as u64);
            if self.found > self.most { Err(std::io::ErrorKind::FileTooLarge.into()) } else { Ok(bytes.len()) }
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count { found: 0, most };
    serde_json::to_writer(&mut count, value).ok().map(|()| count.found)
}
