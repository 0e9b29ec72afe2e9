//! What policies say of calls: the same twice, never more for one policy more, and a denial where it cannot be decided.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Value, json};
use skreaver::SecurityConfig;
use skreaver_policy::{Call, Goal, GoalFacts, Ledger, Policy, Verdict, digest};
use skreaver_protocol::config::GoalConfig;
use skreaver_protocol::policy::PolicyBundle;
use skreaver_protocol::{AgentName, Caller, SessionId, ToolName};

use super::first_line;
use crate::Came;

#[derive(Deserialize)]
struct Authorize {
    bundle: PolicyBundle,
    calls: Vec<Wanted>,
}

#[derive(Deserialize)]
struct Wanted {
    tool: ToolName,
    #[serde(default)]
    arguments: Value,
    #[serde(default)]
    session: Option<SessionId>,
    #[serde(default)]
    read: Option<BTreeSet<String>>,
}

impl Wanted {
    fn of(tool: ToolName, arguments: Value) -> Self {
        Self { tool, arguments, session: None, read: None }
    }

    fn with<T>(&self, take: impl FnOnce(&Call<'_>) -> T) -> T {
        let agent = AgentName::parse("amber").expect("it is a name");
        take(&Call {
            agent: &agent,
            tool: &self.tool,
            arguments: &self.arguments,
            caller: &Caller::Anonymous,
            session: self.session.as_ref(),
            read: self.read.as_ref(),
            id: "call",
            approved: None,
        })
    }
}

pub(super) fn authorize(bytes: &[u8]) -> Came {
    let Ok(Authorize { bundle, calls }) = serde_json::from_slice(bytes) else { return Came::NOTHING };
    let policy = match Policy::compile(&bundle) {
        Ok(policy) => policy,
        Err(problems) => return Came::told(&problems.iter().map(ToString::to_string).collect::<Vec<_>>()),
    };
    Came::to(&calls.iter().map(|call| judged(&bundle, &policy, call)).collect::<Vec<_>>())
}

/// What becomes of a call, and what must not change it.
fn judged(bundle: &PolicyBundle, policy: &Policy, wanted: &Wanted) -> (Verdict, Option<String>, usize) {
    let verdict = wanted.with(|call| policy.authorize(call).verdict());
    assert_eq!(wanted.with(|call| policy.authorize(call).verdict()), verdict, "it depends on nothing but policy and call");
    let of_all = wanted.with(|call| policy.explain(call)).len();
    let mut stricter = bundle.clone();
    let denies = json!({"name": "added", "mode": "Enforce", "defaultAction": "Allow", "rules": [
        {"name": "added", "tools": [wanted.tool.as_str()], "action": "Deny"},
    ]});
    stricter.policies.push(serde_json::from_value(denies).expect("these are rules"));
    if let Ok(stricter) = Policy::compile(&stricter) {
        assert_eq!(wanted.with(|call| stricter.authorize(call).verdict()), Verdict::Deny, "a rule more permits no more");
    }
    let ledger = Ledger::default();
    let settled = wanted.with(|call| policy.authorize(call)).settle(&ledger, std::time::Duration::ZERO);
    assert_eq!(settled.verdict.is_ok(), settled.verdict.as_ref().is_ok_and(|permit| *permit.tool() == wanted.tool));
    if verdict != Verdict::Allow {
        assert!(settled.verdict.is_err(), "what is not allowed is not permitted");
    }
    if let Ok(permit) = &settled.verdict {
        let (mut once, mut result) = (wanted.arguments.clone(), wanted.arguments.clone());
        permit.terms().redact_arguments(&mut once);
        let mut twice = once.clone();
        permit.terms().redact_arguments(&mut twice);
        assert_eq!(once, twice, "what is taken out is out");
        permit.terms().redact_result(&mut result);
    }
    (verdict, settled.verdict.err().map(|denial| denial.to_string()), of_all)
}

/// A condition in the first line and arguments below it. Nobody is let in who is not when it is turned round.
pub(super) fn conditions(bytes: &[u8]) -> Came {
    let (condition, arguments) = first_line(bytes);
    let (Ok(condition), Ok(arguments)) = (std::str::from_utf8(condition), serde_json::from_slice::<Value>(arguments)) else {
        return Came::NOTHING;
    };
    let wanted = Wanted::of(ToolName::parse("pay").expect("it is a name"), arguments);
    let judged = |condition: &str| {
        let bundle = json!({"version": 1, "agent": {"namespace": "quarry", "labels": {"tier": "internal"}}, "policies": [
            {"name": "limits", "mode": "Enforce", "defaultAction": "Deny",
             "rules": [{"name": "small", "tools": ["pay"], "when": condition, "action": "Allow"}]},
        ]});
        let bundle: PolicyBundle = serde_json::from_value(bundle).expect("it is a bundle");
        Policy::compile(&bundle).map(|policy| wanted.with(|call| policy.authorize(call).verdict()))
    };
    let verdict = match judged(condition) {
        Ok(verdict) => verdict,
        Err(problems) => return Came::told(&problems.iter().map(ToString::to_string).collect::<Vec<_>>()),
    };
    assert_ne!(verdict, Verdict::RequireApproval);
    // Parentheses that a comment or a text has opened close something else, and then it is another condition.
    let is_plain = !condition.contains(['"', '\'', '/', '(', ')']);
    let turned = judged(&format!("!({condition})"));
    if let (true, Ok(turned)) = (is_plain, turned) {
        assert!(verdict != Verdict::Allow || turned != Verdict::Allow, "`{condition}` is both true and not");
    }
    Came::to(&verdict)
}

/// A glob in the first line, and the name of a tool in the second.
pub(super) fn globs(bytes: &[u8]) -> Came {
    let (glob, name) = first_line(bytes);
    let (Ok(glob), Ok(name)) = (std::str::from_utf8(glob), std::str::from_utf8(name)) else { return Came::NOTHING };
    let Ok(tool) = ToolName::parse(name) else { return Came::NOTHING };
    let bundle = json!({"version": 1, "policies": [{"name": "p", "mode": "Enforce", "defaultAction": "Deny",
        "rules": [{"name": "r", "tools": [glob], "action": "Allow"}]}]});
    let Ok(bundle) = serde_json::from_value::<PolicyBundle>(bundle) else { return Came::NOTHING };
    let policy = match Policy::compile(&bundle) {
        Ok(policy) => policy,
        Err(problems) => return Came::told(&problems.iter().map(ToString::to_string).collect::<Vec<_>>()),
    };
    let wanted = Wanted::of(tool, json!({}));
    let allowed = wanted.with(|call| policy.authorize(call).verdict()) == Verdict::Allow;
    assert_eq!(allowed, policy.lists(&wanted.tool), "what may be called is listed");
    let prepared = policy.prepared([&wanted.tool]);
    assert_eq!(
        allowed,
        wanted.with(|call| prepared.authorize(call).verdict()) == Verdict::Allow,
        "prepared it is the same policy"
    );
    if glob.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'*' | b'?' | b'_' | b'-')) {
        assert_eq!(allowed, matches(glob.as_bytes(), name.as_bytes()), "{glob:?} {name:?}");
    }
    Came::to(&(allowed, glob.contains('{'), glob.contains('['), glob.contains('*'), glob.contains('?')))
}

/// Slow and obvious.
fn matches(glob: &[u8], name: &[u8]) -> bool {
    match (glob.first(), name.first()) {
        (None, None) => true,
        (Some(b'*'), _) => matches(&glob[1..], name) || (!name.is_empty() && matches(glob, &name[1..])),
        (Some(b'?'), Some(_)) => matches(&glob[1..], &name[1..]),
        (Some(one), Some(other)) => one == other && matches(&glob[1..], &name[1..]),
        (Some(_), None) | (None, Some(_)) => false,
    }
}

/// A goal in the first line, and what the model answered below it.
pub(super) fn goals(bytes: &[u8]) -> Came {
    let (until, output) = first_line(bytes);
    let (Ok(until), Ok(output)) = (std::str::from_utf8(until), std::str::from_utf8(output)) else { return Came::NOTHING };
    let goal = GoalConfig { text: "Find it.".to_owned(), until: until.to_owned() };
    let goal = match Goal::compile(&goal) {
        Ok(goal) => goal,
        Err(error) => return Came::told(&error.to_string()),
    };
    let facts = GoalFacts { output: output.to_owned(), turns: 2, tool_calls: 1, tools: vec!["find".to_owned()] };
    let is_met = goal.is_met(facts.clone());
    assert_eq!(goal.is_met(facts), is_met);
    Came::to(&is_met)
}

/// One thing has one digest, however it is written (RFC 8785).
pub(super) fn digests(bytes: &[u8]) -> Came {
    let Ok(value) = serde_json::from_slice::<Value>(bytes) else { return Came::NOTHING };
    let own = digest(&value);
    let pretty = serde_json::to_string_pretty(&value).expect("it is JSON");
    // As text and back a number may become its neighbour; that is another number.
    let again: Value = serde_json::from_str(&pretty).expect("it is JSON");
    assert!(again != value || digest(&again) == own, "spaces count");
    assert_eq!(digest(&turned(&value)), own, "the order of names counts");
    assert_ne!(digest(&json!([value])), own);
    Came::to(&(value.is_object(), value.is_array(), pretty.len().checked_ilog2()))
}

/// The same value, its fields the other way round.
fn turned(value: &Value) -> Value {
    match value {
        Value::Object(fields) => Value::Object(fields.iter().rev().map(|(name, value)| (name.clone(), turned(value))).collect()),
        Value::Array(items) => Value::Array(items.iter().map(turned).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

/// A file that is read stands for a policy that is written down, and means the same when it is read again.
pub(super) fn security_toml(bytes: &[u8]) -> Came {
    let Ok(text) = std::str::from_utf8(bytes) else { return Came::NOTHING };
    let rules = match SecurityConfig::parse(text) {
        Ok(config) => config.policy(),
        Err(error) => return Came::told(&error.to_string().lines().last().map(str::to_owned)),
    };
    let written = serde_json::to_value(&rules).expect("rules are JSON");
    assert_eq!(serde_json::from_value::<skreaver_protocol::policy::PolicyRules>(written).expect("they were written"), rules);
    let bundle = PolicyBundle { version: 1, policies: vec![rules], ..PolicyBundle::default() };
    Came::to(&Policy::compile(&bundle).map(drop).map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>()))
}
