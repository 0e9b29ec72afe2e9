//! Any policies, and any calls about which they have something to say.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};
use skreaver_policy::{Approved, Call};
use skreaver_protocol::approval::{ApprovalVotes, Choice, Vote};
use skreaver_protocol::policy::{
    Action, AgentFacts, ApprovalTerms, DataFlow, FlowAction, Mode, Per, PolicyBundle, PolicyRules, RateLimit, Rule,
};
use skreaver_protocol::{AgentName, Caller, SessionId, ToolName};

use crate::reference::{CONDITIONS, condition_text};

const TOOLS: [&str; 6] = ["add", "find_rows", "find_cols", "send_mail", "x", "search"];
const GLOBS: [&str; 12] =
    ["*", "add", "find_*", "find_rows", "{add,x}", "?dd", "[ax]*", "send_mail", "search", "*_*", "x*d", "[!a-m]*"];

/// A call that wants to happen.
#[derive(Debug, Clone)]
pub struct AnyCall {
    /// How long after the one before.
    pub after: Duration,
    pub tool: ToolName,
    pub arguments: Value,
    pub session: Option<SessionId>,
    pub caller: Caller,
    pub read: Option<BTreeSet<String>>,
    /// How many people approve it when asked, and whether it is this call that they approve.
    pub approvers: u32,
    pub approve_this: bool,
}

impl AnyCall {
    /// What people say when they are asked.
    pub fn votes(&self, digest: &str) -> ApprovalVotes {
        let vote = |index: u32| Vote { user: format!("user-{index}"), decision: Choice::Approve, reason: None };
        let digest = if self.approve_this { digest.to_owned() } else { "of another call".to_owned() };
        ApprovalVotes { name: "amber-1".into(), digest, votes: (0..self.approvers).map(vote).collect() }
    }

    /// Hands the call on as policies take it.
    pub fn with<T>(&self, work: impl FnOnce(&Call<'_>) -> T) -> T {
        self.with_approval(None, work)
    }

    /// The same after people were asked.
    pub fn with_approval<T>(&self, approved: Option<&Approved>, work: impl FnOnce(&Call<'_>) -> T) -> T {
        work(&Call {
            agent: &AgentName::parse("amber").unwrap(),
            tool: &self.tool,
            arguments: &self.arguments,
            caller: &self.caller,
            session: self.session.as_ref(),
            read: self.read.as_ref(),
            id: "run/0",
            approved,
        })
    }
}

fn argument() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        (-2i64..4).prop_map(Value::from),
        "[ab]{0,2}".prop_map(Value::from),
        Just(json!({"c": 1})),
        Just(json!("long ".repeat(8))),
    ]
}

/// Nobody, a ServiceAccount, a key of the same name as a user, and users: one of them twice, with other groups.
fn callers() -> impl Strategy<Value = Caller> {
    let user = |issuer: &str, subject: &str, groups: &[&str]| Caller::User {
        issuer: issuer.into(),
        subject: subject.into(),
        name: "ann".into(),
        groups: groups.iter().map(|group| (*group).to_owned()).collect(),
    };
    select(vec![
        Caller::Anonymous,
        Caller::ServiceAccount { issuer: "https://k".into(), namespace: "quarry".into(), name: "ann".into() },
        Caller::ApiKey { name: "ann".into() },
        user("https://i", "7", &["staff"]),
        user("https://i", "7", &[]),
        user("https://i", "8", &["staff"]),
        user("https://j", "7", &["staff"]),
    ])
}

pub fn calls(count: usize) -> impl Strategy<Value = Vec<AnyCall>> {
    let call = (
        0u64..40,
        select(&TOOLS[..]),
        btree_map(select(&["a", "b"][..]), argument(), 0..3),
        option::of(select(&["s1", "s2"][..])),
        callers(),
        option::weighted(0.9, vec(select(&TOOLS[..]), 0..3)),
        (0u32..4, prop::bool::weighted(0.8)),
    );
    let call = call.prop_map(|(after, tool, arguments, session, caller, read, (approvers, approve_this))| AnyCall {
        after: Duration::from_secs(after),
        tool: ToolName::parse(tool).unwrap(),
        arguments: json!(arguments),
        session: session.map(|session| SessionId::parse(session).unwrap()),
        caller,
        read: read.map(|read| read.into_iter().map(str::to_owned).collect()),
        approvers,
        approve_this,
    });
    vec(call, count)
}

fn patterns(least: usize) -> impl Strategy<Value = Vec<String>> {
    vec(select(&GLOBS[..]).prop_map(str::to_owned), least..3)
}

fn condition(taint: bool) -> impl Strategy<Value = String> {
    let atoms = CONDITIONS.len() - usize::from(!taint);
    let atom = (0..atoms).prop_map(|index| condition_text(&[index]));
    prop_oneof![
        3 => atom,
        1 => vec(0..atoms, 2..4).prop_map(|all| condition_text(&all)),
    ]
}

fn limit() -> impl Strategy<Value = RateLimit> {
    (select(&[Per::Agent, Per::Session, Per::Caller][..]), 1u32..4, select(&["1s", "30s", "2m"][..]))
        .prop_map(|(per, calls, window)| RateLimit { per, calls, window: window.parse().unwrap() })
}

fn terms() -> impl Strategy<Value = ApprovalTerms> {
    (1u32..4, select(&["1s", "10m", "2h"][..]))
        .prop_map(|(quorum, timeout)| ApprovalTerms { quorum, timeout: timeout.parse().unwrap() })
}

/// A rule of this action; one with `taint` may ask what was read.
pub fn rule(action: Action, taint: bool) -> impl Strategy<Value = Rule> {
    let bounds = (option::weighted(0.3, limit()), option::weighted(0.3, 2u64..40), option::weighted(0.3, 2u64..40));
    let parts = (patterns(1), option::of(condition(taint)), bounds, option::of(terms()));
    parts.prop_map(move |(tools, when, (rate, arguments, result), approval)| {
        let may = action != Action::Deny;
        Rule {
            name: String::new(),
            tools,
            when,
            action,
            approval: approval.filter(|_| action == Action::RequireApproval),
            rate_limit: rate.filter(|_| may),
            max_argument_bytes: arguments.filter(|_| may),
            max_result_bytes: result.filter(|_| may),
            redact: None,
        }
    })
}

fn rules(taint: bool) -> impl Strategy<Value = Vec<Rule>> {
    let one = prop_oneof![
        2 => rule(Action::Deny, taint),
        2 => rule(Action::RequireApproval, taint),
        4 => rule(Action::Allow, taint),
    ];
    vec(one, 0..5).prop_map(|mut rules| {
        rules.iter_mut().enumerate().for_each(|(index, rule)| rule.name = format!("r{index}"));
        rules
    })
}

/// What may be put where conditions ask for taint and nothing is untrusted.
pub fn data_flow_of_nothing() -> DataFlow {
    DataFlow { sources: vec!["nothing".into()], sinks: Vec::new(), action: FlowAction::Deny, approval: None }
}

pub fn policy(name: &'static str) -> impl Strategy<Value = PolicyRules> {
    let flow = (patterns(1), patterns(0), select(&[FlowAction::Deny, FlowAction::RequireApproval][..]), option::of(terms()));
    let flow = option::of(flow.prop_map(|(sources, sinks, action, approval)| {
        let approval = approval.filter(|_| action == FlowAction::RequireApproval);
        DataFlow { sources, sinks, action, approval }
    }));
    let action = select(&[Action::Allow, Action::RequireApproval, Action::Deny][..]);
    let mode = prop_oneof![3 => Just(Mode::Enforce), 1 => Just(Mode::Audit)];
    (flow, action, mode).prop_flat_map(move |(data_flow, default_action, mode)| {
        rules(data_flow.is_some()).prop_map(move |rules| PolicyRules {
            name: name.into(),
            mode,
            default_action,
            rules,
            data_flow: data_flow.clone(),
            http: None,
            fs: None,
            resources: None,
            secrets: None,
            suspicious_content: Vec::new(),
            audit: None,
        })
    })
}

pub fn bundle() -> impl Strategy<Value = PolicyBundle> {
    let agent = option::weighted(0.8, option::of(select(&["internal", "edge"][..])));
    let agent = agent.prop_map(|known| {
        known.map(|tier| AgentFacts {
            namespace: "quarry".into(),
            labels: tier.map(|tier| ("tier".to_owned(), tier.to_owned())).into_iter().collect(),
        })
    });
    let policies = (option::of(policy("a")), option::of(policy("b")), option::of(policy("c")));
    (any::<bool>(), agent, policies).prop_map(|(required, agent, (a, b, c))| PolicyBundle {
        version: 1,
        required,
        agent,
        pins: BTreeMap::new(),
        policies: [a, b, c].into_iter().flatten().collect(),
    })
}
