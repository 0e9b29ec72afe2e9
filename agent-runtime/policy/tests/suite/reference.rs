//! The same decisions, slow and obvious: from the rules as they travel, and with nothing of what is tested.

use std::time::Duration;

use skreaver_protocol::Caller;
use skreaver_protocol::policy::{
    Action, AgentFacts, ApprovalTerms, FlowAction, Mode, Per, PolicyBundle, PolicyRules, RateLimit, Rule,
};

use crate::any::AnyCall;

/// How a call ends: who refuses it, what is only recorded, and how large its result may be.
#[derive(Debug, PartialEq, Eq)]
pub struct Outcome {
    pub refused: Option<Refusal>,
    pub audited: Vec<Refusal>,
    pub most_bytes: Option<u64>,
    /// Why it is refused: people were not asked.
    pub needs: Option<Needs>,
}

/// How many people, how long, and who asks.
#[derive(Debug, PartialEq, Eq)]
pub struct Needs {
    pub quorum: u32,
    pub timeout: Duration,
    pub asked_by: Vec<(String, Option<String>)>,
}

impl Outcome {
    fn refused(refused: Refusal, audited: Vec<Refusal>) -> Self {
        Self { refused: Some(refused), audited, most_bytes: None, needs: None }
    }
}

/// Policy and rule.
type Refusal = (Option<String>, Option<String>);

/// Every call that a rate limit let pass: policy, rule, whose it was, and when its window ends.
#[derive(Debug, Default)]
pub struct Memory(Vec<(String, String, String, Duration)>);

/// `people` have approved the call.
pub fn decide(bundle: &PolicyBundle, call: &AnyCall, people: u32, memory: &mut Memory, now: Duration) -> Outcome {
    let enforced: Vec<_> = bundle.policies.iter().filter(|policy| policy.mode == Mode::Enforce).collect();
    let agent = bundle.agent.as_ref();
    let audits: Vec<_> = bundle.policies.iter().filter(|policy| policy.mode == Mode::Audit).collect();
    let would_refuse = |policy: &&&PolicyRules| {
        refuses(policy, call, agent).or_else(|| missing(&[policy], call, people, agent).map(|needs| needs.first()))
    };
    let mut audited: Vec<Refusal> = audits.iter().filter_map(|policy| would_refuse(&policy)).collect();
    if bundle.required && enforced.is_empty() {
        return Outcome::refused((None, None), audited);
    }
    if let Some(refused) = enforced.iter().find_map(|policy| refuses(policy, call, agent)) {
        return Outcome::refused(refused, audited);
    }
    if let Some(needs) = missing(&enforced, call, people, agent) {
        let refused = Outcome::refused(needs.first(), audited);
        return Outcome { needs: Some(needs), ..refused };
    }
    if let Some(refused) = draw(&enforced, call, agent, memory, now) {
        return Outcome::refused(refused, audited);
    }
    for policy in &audits {
        if would_refuse(&policy).is_none() {
            audited.extend(draw(&[policy], call, agent, memory, now));
        }
    }
    let most_bytes =
        enforced.iter().flat_map(|policy| passing(policy, call, agent)).filter_map(|rule| rule.max_result_bytes).min();
    Outcome { refused: None, audited, most_bytes, needs: None }
}

/// Who of one policy refuses a call, if it does.
fn refuses(policy: &PolicyRules, call: &AnyCall, agent: Option<&AgentFacts>) -> Option<Refusal> {
    let by = |rule: Option<&Rule>| Some((Some(policy.name.clone()), rule.map(|rule| rule.name.clone())));
    let about: Vec<&Rule> =
        policy.rules.iter().filter(|rule| rule.tools.iter().any(|glob| fits(glob, call.tool.as_str()))).collect();
    let denying: Vec<&Rule> = about.iter().copied().filter(|rule| rule.action == Action::Deny).collect();
    if let Some(rule) = denying.iter().find(|rule| rule.when.is_none()) {
        return by(Some(rule));
    }
    if let Some(rule) = denying.iter().find(|rule| holds(rule, policy, call, agent) != Some(false)) {
        return by(Some(rule));
    }
    if let Some(flow) = &policy.data_flow
        && flow.action == FlowAction::Deny
        && flow.sinks.iter().any(|glob| fits(glob, call.tool.as_str()))
        && taint(policy, call).is_none_or(|tools| !tools.is_empty())
    {
        return by(None);
    }
    let mut allowed = policy.default_action != Action::Deny;
    let passing = about.iter().copied().filter(|rule| rule.action != Action::Deny);
    for rule in passing
        .clone()
        .filter(|rule| rule.action == Action::RequireApproval)
        .chain(passing.filter(|rule| rule.action == Action::Allow))
    {
        let bounds = rule.action == Action::RequireApproval
            || rule.rate_limit.is_some()
            || rule.max_argument_bytes.is_some()
            || rule.max_result_bytes.is_some();
        match holds(rule, policy, call, agent) {
            None if bounds => return by(Some(rule)),
            None | Some(false) => {}
            Some(true) if rule.max_argument_bytes.is_some_and(|most| call.arguments.to_string().len() as u64 > most) => {
                return by(Some(rule));
            }
            Some(true) => allowed = true,
        }
    }
    if allowed { None } else { by(None) }
}

/// The rules by which a policy lets a call pass, those that ask for approval first.
fn passing<'a>(policy: &'a PolicyRules, call: &AnyCall, agent: Option<&AgentFacts>) -> Vec<&'a Rule> {
    let mut rules = Vec::new();
    for action in [Action::RequireApproval, Action::Allow] {
        let about = policy.rules.iter().filter(|rule| rule.action == action);
        let about = about.filter(|rule| rule.tools.iter().any(|glob| fits(glob, call.tool.as_str())));
        rules.extend(about.filter(|rule| holds(rule, policy, call, agent) == Some(true)));
    }
    rules
}

/// What policies that do not refuse ask of people, and have not got.
fn missing(policies: &[&PolicyRules], call: &AnyCall, people: u32, agent: Option<&AgentFacts>) -> Option<Needs> {
    let mut asking: Vec<(String, Option<String>, ApprovalTerms)> = Vec::new();
    for policy in policies {
        if let Some(flow) = &policy.data_flow
            && flow.action == FlowAction::RequireApproval
            && flow.sinks.iter().any(|glob| fits(glob, call.tool.as_str()))
            && taint(policy, call).is_none_or(|tools| !tools.is_empty())
        {
            asking.push((policy.name.clone(), None, flow.approval.unwrap_or_default()));
        }
        let passing = passing(policy, call, agent);
        for rule in passing.iter().filter(|rule| rule.action == Action::RequireApproval) {
            asking.push((policy.name.clone(), Some(rule.name.clone()), rule.approval.unwrap_or_default()));
        }
        if passing.is_empty() && policy.default_action == Action::RequireApproval {
            asking.push((policy.name.clone(), None, ApprovalTerms::default()));
        }
    }
    let needs = Needs {
        quorum: asking.iter().map(|(_, _, terms)| terms.quorum).max()?,
        timeout: asking.iter().map(|(_, _, terms)| terms.timeout.get()).min()?,
        asked_by: asking.into_iter().map(|(policy, rule, _)| (policy, rule)).collect(),
    };
    (people < needs.quorum).then_some(needs)
}

impl Needs {
    fn first(&self) -> Refusal {
        (Some(self.asked_by[0].0.clone()), self.asked_by[0].1.clone())
    }
}

/// Counts a call against every limit, or against none of them; then the first that is exhausted refuses.
fn draw(
    policies: &[&PolicyRules],
    call: &AnyCall,
    agent: Option<&AgentFacts>,
    memory: &mut Memory,
    now: Duration,
) -> Option<Refusal> {
    let rules =
        policies.iter().flat_map(|policy| passing(policy, call, agent).into_iter().map(|rule| (policy.name.clone(), rule)));
    let limited: Vec<_> = rules.filter_map(|(policy, rule)| Some((policy, rule.name.clone(), rule.rate_limit?))).collect();
    let key = |policy: &str, rule: &str, limit: &RateLimit| {
        let whose = match (limit.per, &call.session) {
            (Per::Session, Some(session)) => format!("{session} of {}", who(&call.caller)),
            (Per::Session, None) | (Per::Agent, _) => String::new(),
            (Per::Caller, _) => who(&call.caller),
        };
        (policy.to_owned(), rule.to_owned(), whose)
    };
    let open = |memory: &Memory, (policy, rule, whose): &(String, String, String)| {
        let mine = memory.0.iter().filter(|(p, r, w, until)| (p, r, w) == (policy, rule, whose) && now < *until);
        mine.map(|entry| entry.3).collect::<Vec<_>>()
    };
    for (policy, rule, limit) in &limited {
        if open(memory, &key(policy, rule, limit)).len() >= limit.calls as usize {
            return Some((Some(policy.clone()), Some(rule.clone())));
        }
    }
    for (policy, rule, limit) in &limited {
        let (policy, rule, whose) = key(policy, rule, limit);
        let until = open(memory, &(policy.clone(), rule.clone(), whose.clone())).first().copied();
        memory.0.push((policy, rule, whose, until.unwrap_or(now + limit.window.get())));
    }
    None
}

/// Which caller it is, whatever else is known of it.
fn who(caller: &Caller) -> String {
    match caller {
        Caller::Anonymous => String::new(),
        Caller::ServiceAccount { issuer, namespace, name } => format!("account {issuer} {namespace} {name}"),
        Caller::User { issuer, subject, name: _, groups: _ } => format!("user {issuer} {subject}"),
        Caller::ApiKey { name } => format!("key {name}"),
    }
}

/// Whether a glob fits a name.
fn fits(glob: &str, name: &str) -> bool {
    if let Some((before, rest)) = glob.split_once('{') {
        let (choices, behind) = rest.split_once('}').unwrap();
        return choices.split(',').any(|choice| fits(&format!("{before}{choice}{behind}"), name));
    }
    let mut glob = glob.chars();
    let Some(first) = glob.next() else { return name.is_empty() };
    let rest = glob.as_str();
    let mut left = name.chars();
    match (first, left.next()) {
        ('*', _) => (0..=name.len()).any(|cut| fits(rest, &name[cut..])),
        ('?', Some(_)) => fits(rest, left.as_str()),
        ('[', Some(letter)) => {
            let (class, behind) = rest.split_once(']').unwrap();
            in_class(class, letter) && fits(behind, left.as_str())
        }
        (letter, Some(other)) => letter == other && fits(rest, left.as_str()),
        (_, None) => false,
    }
}

fn in_class(class: &str, letter: char) -> bool {
    if let Some(other) = class.strip_prefix('!') {
        return !in_class(other, letter);
    }
    match class.split_once('-') {
        Some((from, to)) => (from..=to).contains(&letter.to_string().as_str()),
        None => class.contains(letter),
    }
}

/// The untrusted sources that were read; nothing where that is not known.
fn taint(policy: &PolicyRules, call: &AnyCall) -> Option<Vec<String>> {
    let Some(flow) = &policy.data_flow else { return Some(Vec::new()) };
    let is_source = |tool: &&String| flow.sources.iter().any(|glob| fits(glob, tool));
    Some(call.read.as_ref()?.iter().filter(is_source).cloned().collect())
}

/// What a condition says, if it can be decided.
type Says = fn(&AnyCall, Option<&AgentFacts>, Option<&[String]>) -> Option<bool>;

/// Conditions as they are written, and what they say. The last one asks for taint.
pub const CONDITIONS: [(&str, Says); 13] = [
    ("args.a == 'a'", |call, _, _| Some(call.arguments.get("a")? == "a")),
    ("args.a < 2", |call, _, _| Some(call.arguments.get("a")?.as_i64()? < 2)),
    ("has(args.b)", |call, _, _| Some(call.arguments.get("b").is_some())),
    ("args.b.c == 1", |call, _, _| Some(call.arguments.get("b")?.as_object()?.get("c")? == 1)),
    ("args.b.startsWith('a')", |call, _, _| Some(call.arguments.get("b")?.as_str()?.starts_with('a'))),
    ("session == 's1'", |call, _, _| Some(call.session.as_ref().is_some_and(|session| session.as_str() == "s1"))),
    ("tool.endsWith('s')", |call, _, _| Some(call.tool.as_str().ends_with('s'))),
    ("agent.labels.tier == 'edge'", |_, agent, _| Some(agent?.labels.get("tier")? == "edge")),
    ("size(args) > 1", |call, _, _| Some(call.arguments.as_object()?.len() > 1)),
    ("caller.type == 'user'", |call, _, _| Some(matches!(call.caller, Caller::User { .. }))),
    ("caller.name == 'ann'", |call, _, _| Some(matches!(call.caller, Caller::User { .. } | Caller::ApiKey { .. }))),
    ("'staff' in caller.groups", |call, _, _| {
        Some(matches!(&call.caller, Caller::User { groups, .. } if groups.iter().any(|group| group == "staff")))
    }),
    ("'search' in taint", |_, _, taint| Some(taint?.iter().any(|tool| tool == "search"))),
];

/// Several conditions in one: `a && (b || !(c))`.
pub fn condition_text(all: &[usize]) -> String {
    match all {
        [a] => CONDITIONS[*a].0.to_owned(),
        [a, b] => format!("{} && {}", CONDITIONS[*a].0, CONDITIONS[*b].0),
        [a, b, c, ..] => format!("{} && ({} || !({}))", CONDITIONS[*a].0, CONDITIONS[*b].0, CONDITIONS[*c].0),
        [] => "true".to_owned(),
    }
}

fn holds(rule: &Rule, policy: &PolicyRules, call: &AnyCall, agent: Option<&AgentFacts>) -> Option<bool> {
    let Some(text) = &rule.when else { return Some(true) };
    let taint = taint(policy, call);
    let says = |text: &str| {
        let (_, says) = CONDITIONS.iter().find(|(known, _)| *known == text).unwrap();
        says(call, agent, taint.as_deref())
    };
    match text.split_once(" && ") {
        None => says(text),
        Some((a, rest)) => match rest.strip_prefix('(').and_then(|rest| rest.split_once(" || ")) {
            None => and(says(a), says(rest)),
            Some((b, c)) => and(says(a), or(says(b), not(says(&c[2..c.len() - 2])))),
        },
    }
}

fn and(a: Option<bool>, b: Option<bool>) -> Option<bool> {
    match (a, b) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        _ => None,
    }
}

fn not(a: Option<bool>) -> Option<bool> {
    a.map(|a| !a)
}

fn or(a: Option<bool>, b: Option<bool>) -> Option<bool> {
    not(and(not(a), not(b)))
}
