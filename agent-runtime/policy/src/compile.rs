//! From rules as written to rules that decide: every problem is found here, none later.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use skreaver_protocol::ToolName;
use skreaver_protocol::policy::{
    Action, AgentFacts, ApprovalTerms, AuditSink, DataFlow, FlowAction, Mode, PolicyBundle, PolicyRules, RateLimit, Rule,
    SecretsSection,
};

use crate::bounds::{Bounds, Own, Sections};
use crate::condition::Condition;
use crate::patterns::Patterns;
use crate::plan::Plan;
use crate::redact::Redactions;
use crate::screen::{CompiledContent, Screens};

/// The most people that have to approve a call, and the longest that it waits for them.
const MOST_APPROVERS: u32 = 10;
const LONGEST_APPROVAL: Duration = Duration::from_secs(24 * 60 * 60);
/// The longest window of a rate limit.
const LONGEST_WINDOW: Duration = Duration::from_secs(24 * 60 * 60);

/// All policies of one agent, ready to decide.
#[derive(Debug, Clone)]
pub struct Policy {
    pub(crate) version: u64,
    pub(crate) required: bool,
    pub(crate) agent: Option<AgentFacts>,
    pub(crate) parts: Vec<Arc<Part>>,
    /// What permitted calls may touch.
    pub(crate) bounds: Arc<Bounds>,
    /// What is looked for in what the agent is told and remembers.
    pub(crate) screens: Arc<Screens>,
    /// What the policies have to say of each tool that the agent has.
    pub(crate) plans: HashMap<ToolName, Plan>,
    /// The tools among them that may be called at all.
    pub(crate) callable: Arc<[ToolName]>,
}

/// One ToolPolicy.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) name: Arc<str>,
    pub(crate) mode: Mode,
    pub(crate) default_action: Action,
    pub(crate) rules: Vec<Arc<CompiledRule>>,
    pub(crate) flow: Option<Flow>,
    sections: Arc<Sections>,
    sinks: Vec<AuditSink>,
    pub(crate) secrets: SecretsSection,
    pub(crate) content: Vec<CompiledContent>,
}

/// One rule of a ToolPolicy.
#[derive(Debug)]
pub(crate) struct CompiledRule {
    pub(crate) name: Arc<str>,
    pub(crate) tools: Patterns,
    pub(crate) when: Option<Condition>,
    pub(crate) action: Action,
    /// What it asks of people, if its action is that.
    pub(crate) approval: Option<ApprovalTerms>,
    pub(crate) rate_limit: Option<RateLimit>,
    pub(crate) max_argument_bytes: Option<u64>,
    pub(crate) max_result_bytes: Option<u64>,
    pub(crate) redact: Option<Arc<Redactions>>,
}

/// Untrusted sources, and what is closed to a run that has read one.
#[derive(Debug)]
pub(crate) struct Flow {
    pub(crate) sources: Patterns,
    pub(crate) sinks: Patterns,
    pub(crate) action: FlowAction,
    pub(crate) approval: ApprovalTerms,
}

/// Something in a rule that cannot be compiled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleProblem {
    /// Where it stands, below the policy's spec. Example: `rules[2].tools[0]`.
    pub path: String,
    /// What is wrong with it.
    pub message: String,
}

impl fmt::Display for RuleProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.message)
    }
}

impl CompiledRule {
    /// Whether it bounds the calls that it is about.
    pub(crate) fn bounds(&self) -> bool {
        let Self { name: _, tools: _, when: _, action: _, approval: _, rate_limit, max_argument_bytes, max_result_bytes, redact } =
            self;
        rate_limit.is_some() || max_argument_bytes.is_some() || max_result_bytes.is_some() || redact.is_some()
    }
}

impl Policy {
    /// Compiles a bundle, or tells everything that is wrong with it.
    ///
    /// # Errors
    /// A [`RuleProblem`] for each glob, condition and entry of a section that cannot be used, each rule name that stands twice, and
    /// each field that does not fit the others.
    pub fn compile(bundle: &PolicyBundle) -> Result<Self, Vec<RuleProblem>> {
        let PolicyBundle { version, required, agent, policies, pins: _ } = bundle;
        let mut problems = Vec::new();
        let parts: Vec<_> = policies.iter().filter_map(|policy| compile_part(policy, &mut problems)).map(Arc::new).collect();
        if !problems.is_empty() {
            return Err(problems);
        }
        let bounds = bounds(Own::default(), &parts);
        let (plans, callable, screens) = (HashMap::new(), Arc::default(), Arc::new(Screens::of(&parts, None)));
        Ok(Self { version: *version, required: *required, agent: agent.clone(), parts, bounds, screens, plans, callable })
    }

    /// Whether a policy, in whatever mode, wants decisions recorded there.
    pub fn audits_to(&self, sink: AuditSink) -> bool {
        self.parts.iter().any(|part| part.sinks.contains(&sink))
    }

    /// The same policy for an agent that has this of its own.
    #[must_use]
    pub fn owning(self, own: Own) -> Self {
        Self { bounds: bounds(own, &self.parts), ..self }
    }

    /// The same policy, quick about these tools: what it has to say of each is looked up beforehand.
    #[must_use]
    pub fn prepared<'a>(mut self, tools: impl IntoIterator<Item = &'a ToolName>) -> Self {
        self.plans = tools.into_iter().map(|tool| (tool.clone(), self.plan(tool))).collect();
        let mut callable: Vec<_> = self.plans.keys().filter(|tool| self.lists(tool)).cloned().collect();
        callable.sort();
        self.callable = callable.into();
        self
    }

    pub(crate) fn plan(&self, tool: &ToolName) -> Plan {
        Plan::of(&self.parts, tool.as_str())
    }

    /// What permitted calls may touch.
    pub fn bounds(&self) -> &Arc<Bounds> {
        &self.bounds
    }

    /// What is looked for in the calls of a tool.
    pub fn screens(&self, tool: &ToolName) -> Arc<Screens> {
        Arc::clone(&self.plan_of(tool).screens)
    }

    /// What is looked for in what the agent is told and remembers.
    pub fn screens_of_agent(&self) -> &Arc<Screens> {
        &self.screens
    }

    /// The version of the bundle that this was compiled from.
    pub fn version(&self) -> u64 {
        self.version
    }
}

/// What the policies that are enforced set together, under the eyes of the others.
fn bounds(own: Own, parts: &[Arc<Part>]) -> Arc<Bounds> {
    let of = |mode: Mode| parts.iter().filter(move |part| part.mode == mode).map(|part| Arc::clone(&part.sections));
    Arc::new(Bounds::new(own, of(Mode::Enforce)).watched_by(of(Mode::Audit)))
}

/// Nothing where the sections of the policy have problems; other problems may be there as well.
fn compile_part(policy: &PolicyRules, problems: &mut Vec<RuleProblem>) -> Option<Part> {
    let PolicyRules { name, mode, default_action, rules, data_flow, http, fs, resources, secrets, suspicious_content, audit } =
        policy;
    let mut seen = HashSet::new();
    for (index, rule) in rules.iter().enumerate() {
        if !seen.insert(&rule.name) {
            let message = format!("`{}` is the name of an earlier rule; give each rule a name of its own", rule.name);
            problems.push(RuleProblem { path: format!("rules[{index}].name"), message });
        }
    }
    let rules: Vec<_> = rules
        .iter()
        .enumerate()
        .map(|(index, rule)| Arc::new(compile_rule(rule, &format!("rules[{index}]"), problems)))
        .collect();
    let flow = data_flow.as_ref().map(|flow| compile_flow(flow, problems));
    for (index, rule) in rules.iter().enumerate() {
        if flow.is_none() && rule.when.as_ref().is_some_and(|when| when.reads_taint) {
            let message = "`taint` is always empty where nothing is untrusted; name the tools in dataFlow.sources".to_owned();
            problems.push(RuleProblem { path: format!("rules[{index}].when"), message });
        }
    }
    let content = suspicious_content.iter().enumerate();
    let content =
        content.map(|(index, rule)| CompiledContent::compile(rule, &format!("suspiciousContent[{index}]"), problems)).collect();
    let sections = Sections::compile(name, http.as_ref(), fs.as_ref(), resources.as_ref());
    let sections = Arc::new(sections.map_err(|found| problems.extend(found)).ok()?);
    let sinks = audit.as_ref().map(|audit| audit.sinks.clone()).unwrap_or_default();
    Some(Part {
        name: name.as_str().into(),
        mode: *mode,
        default_action: *default_action,
        rules,
        flow,
        sections,
        sinks,
        secrets: secrets.clone().unwrap_or_default(),
        content,
    })
}

fn compile_flow(flow: &DataFlow, problems: &mut Vec<RuleProblem>) -> Flow {
    let DataFlow { sources, sinks, action, approval } = flow;
    let asks = *action == FlowAction::RequireApproval;
    Flow {
        sources: Patterns::compile(sources, "dataFlow.sources", problems),
        sinks: Patterns::compile(sinks, "dataFlow.sinks", problems),
        action: *action,
        approval: compile_approval(asks, *approval, "dataFlow", problems).unwrap_or_default(),
    }
}

/// What is asked of people, where it is asked at all.
fn compile_approval(
    asks: bool,
    written: Option<ApprovalTerms>,
    path: &str,
    problems: &mut Vec<RuleProblem>,
) -> Option<ApprovalTerms> {
    let terms = written.unwrap_or_default();
    let ApprovalTerms { quorum, timeout } = terms;
    let message = if written.is_some() && !asks {
        "approval is for calls that need one: write it with action RequireApproval"
    } else if !(1..=MOST_APPROVERS).contains(&quorum) || !(Duration::from_secs(1)..=LONGEST_APPROVAL).contains(&timeout.get()) {
        "write a quorum from 1 to 10, and a timeout from 1s to 24h"
    } else {
        return asks.then_some(terms);
    };
    problems.push(RuleProblem { path: format!("{path}.approval"), message: message.to_owned() });
    None
}

fn compile_rule(rule: &Rule, path: &str, problems: &mut Vec<RuleProblem>) -> CompiledRule {
    let Rule { name, tools, when, action, approval, rate_limit, max_argument_bytes, max_result_bytes, redact } = rule;
    let asks = *action == Action::RequireApproval;
    let when = when.as_ref().and_then(|text| match Condition::compile(text) {
        Ok(condition) => Some(condition),
        Err(unfit) => {
            let message = format!("line {}: {}", unfit.line, unfit.message);
            problems.push(RuleProblem { path: format!("{path}.when"), message });
            None
        }
    });
    let redact = redact.as_ref().and_then(|redact| Redactions::compile(redact, &format!("{path}.redact"), problems));
    let compiled = CompiledRule {
        name: name.as_str().into(),
        tools: Patterns::compile(tools, &format!("{path}.tools"), problems),
        when,
        action: *action,
        approval: compile_approval(asks, *approval, path, problems),
        rate_limit: *rate_limit,
        max_argument_bytes: *max_argument_bytes,
        max_result_bytes: *max_result_bytes,
        redact: redact.map(Arc::new),
    };
    if compiled.action == Action::Deny && compiled.bounds() {
        let message = "rateLimit, maxArgumentBytes, maxResultBytes and redact are for calls that run: write them in a rule with action Allow or RequireApproval";
        problems.push(RuleProblem { path: path.to_owned(), message: message.to_owned() });
    }
    if let Some(RateLimit { per: _, calls, window }) = rate_limit {
        let within = (Duration::from_secs(1)..=LONGEST_WINDOW).contains(&window.get());
        if *calls == 0 || !within {
            let message = "write at least one call, and a window from 1s to 24h".to_owned();
            problems.push(RuleProblem { path: format!("{path}.rateLimit"), message });
        }
    }
    compiled
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn problems(policy: serde_json::Value) -> Vec<String> {
        let bundle = json!({"version": 1, "policies": [policy]});
        let bundle: PolicyBundle = serde_json::from_value(bundle).unwrap();
        Policy::compile(&bundle).map(drop).err().unwrap_or_default().iter().map(ToString::to_string).collect()
    }

    fn check(policy: &str, expected: &[&str]) {
        let mut policy: serde_json::Value = serde_json::from_str(policy).unwrap();
        policy["name"] = json!("p");
        policy["mode"] = json!("Enforce");
        policy["defaultAction"] = json!("Allow");
        let found = problems(policy);
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.starts_with(expected), "{found} instead of {expected}");
        }
    }

    #[test]
    fn a_permit_brings_what_enforced_policies_bound_and_others_would_have() {
        use crate::bounds::Host;
        let policy = |name: &str, mode: &str, host: &str| json!({"name": name, "mode": mode, "defaultAction": "Allow", "http": {"deny_domains": [host]}});
        let policies = [policy("p", "Enforce", "a.example.com"), policy("q", "Audit", "b.example.com")];
        let bundle: PolicyBundle = serde_json::from_value(json!({"version": 1, "policies": policies})).unwrap();
        let (agent, tool) = (skreaver_protocol::AgentName::parse("amber").unwrap(), ToolName::parse("http_get").unwrap());
        let call = crate::Call {
            agent: &agent,
            tool: &tool,
            arguments: &serde_json::Value::Null,
            caller: &skreaver_protocol::Caller::Anonymous,
            session: None,
            read: None,
            id: "run/0",
            approved: None,
        };
        let decision = Policy::compile(&bundle).unwrap().authorize(&call);
        let permit = decision.settle(&crate::Ledger::default(), Duration::ZERO).verdict.unwrap();
        let judge = |host: &str| permit.bounds().host(&Host::parse(host).unwrap(), 443).map_err(|refusal| refusal.policy);
        assert_eq!(judge("a.example.com").map(drop), Err(Some("p".into())));
        assert!(judge("b.example.com").is_ok());
        let watched = permit.bounds().would_refuse(|alone| alone.host(&Host::parse("b.example.com").unwrap(), 443));
        assert_eq!(watched.iter().map(|refusal| refusal.policy.as_deref()).collect::<Vec<_>>(), [Some("q")]);
    }

    #[test]
    fn every_problem_is_told_with_its_path() {
        check(
            r#"{"rules": [{"name": "a", "tools": ["ok", "[x"], "action": "Deny"}, {"name": "a", "tools": ["{y"], "action": "Deny"}]}"#,
            &["rules[1].name: `a` is the name", "rules[0].tools[1]: `[x` is not a glob", "rules[1].tools[0]: `{y` is not a glob"],
        );
        check(
            r#"{"rules": [{"name": "a", "tools": ["x"], "when": "args.a == 1 &&\n argz.b", "action": "Deny"}]}"#,
            &["rules[0].when: line 2: there is no variable `argz`"],
        );
        check(
            r#"{"rules": [{"name": "a", "tools": ["x"], "when": "taint.size() > 0", "action": "Deny"}]}"#,
            &["rules[0].when: `taint` is always empty"],
        );
        check(
            r#"{"rules": [{"name": "a", "tools": ["x"], "when": "taint.size() > 0", "action": "Deny"}], "dataFlow": {"sources": ["y"]}}"#,
            &[],
        );
        check(
            r#"{"rules": [{"name": "a", "tools": ["x"], "maxResultBytes": 9, "action": "Deny"}]}"#,
            &["rules[0]: rateLimit, maxArgumentBytes"],
        );
        check(
            r#"{"rules": [{"name": "a", "tools": ["x"], "rateLimit": {"per": "Agent", "calls": 1, "window": "25h"}, "action": "Allow"}]}"#,
            &["rules[0].rateLimit: write at least one call"],
        );
        check(
            r#"{"rules": [{"name": "a", "tools": ["x"], "redact": {"result": ["a/b", "/a~2"]}, "action": "Allow"}]}"#,
            &["rules[0].redact.result[0]: ", "rules[0].redact.result[1]: "],
        );
        check(r#"{"dataFlow": {"sources": ["[x"], "sinks": ["{y"]}}"#, &["dataFlow.sources[0]", "dataFlow.sinks[0]"]);
        check(
            r#"{"rules": [{"name": "a", "tools": ["[x"], "action": "Deny"}], "fs": {"allow_paths": ["data"]}, "resources": {"max_memory_mb": 0}}"#,
            &["rules[0].tools[0]", "resources.max_memory_mb", "fs.allow_paths[0]"],
        );
    }
}
