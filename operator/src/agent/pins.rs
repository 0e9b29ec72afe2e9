//! What the tools of MCP servers were when they were first seen, and what has become of them since. Pure.

use std::collections::{BTreeMap, BTreeSet};

use skreaver_crds::agent::{AgentTool, McpTool, PinnedTool, PinnedTools};
use skreaver_crds::condition::{ConditionType, Reason};
use skreaver_crds::{Agent, AgentStatus};
use skreaver_protocol::ToolName;
use skreaver_protocol::config::Pin;
use skreaver_protocol::control::FoundTool;

use crate::conditions::{Truth, Verdict, find};
use crate::control::hub::Reports;

/// Of each source, the digest of each tool.
pub(crate) type Pins = BTreeMap<ToolName, BTreeMap<String, String>>;

/// The tools of each source as they were first seen. A source is seen once every pod that tells of it says the same, for a while
/// and of the newest spec; another URL, or another `pinVersion`, is another source.
pub(crate) fn pinned(agent: &Agent, before: &AgentStatus, reports: &Reports, serves_newest: bool) -> Vec<PinnedTools> {
    let mut all = Vec::new();
    for (name, server) in pinnable(agent) {
        let (url, pin_version) = (server.url.clone().unwrap_or_default(), server.pin_version);
        let known = before.tools.iter().find(|known| known.name == *name && known.url == url && known.pin_version == pin_version);
        let tools = match known {
            Some(known) => known.tools.clone(),
            None if reports.stable && serves_newest => agreed(name, reports),
            None => Vec::new(),
        };
        if !tools.is_empty() {
            all.push(PinnedTools { name: name.clone(), url, pin_version, tools });
        }
    }
    all
}

/// The sources whose tools are compared with what they were.
fn pinnable(agent: &Agent) -> impl Iterator<Item = (&String, &McpTool)> {
    let of = |tool: &AgentTool| tool.mcp.as_ref().is_some_and(|server| server.pin != Pin::Off && server.url.is_some());
    agent.spec.tools.iter().filter(move |tool| of(tool)).filter_map(|tool| Some((&tool.name, tool.mcp.as_ref()?)))
}

fn agreed(source: &str, reports: &Reports) -> Vec<PinnedTool> {
    let told: Vec<&[FoundTool]> = told(source, reports).collect();
    match told.split_first() {
        Some((first, others)) if others.iter().all(|other| other == first) => {
            first.iter().map(|FoundTool { name, digest }| PinnedTool { name: name.clone(), digest: digest.clone() }).collect()
        }
        Some(_) | None => Vec::new(),
    }
}

/// What each pod found at a source.
fn told<'a>(source: &'a str, reports: &'a Reports) -> impl Iterator<Item = &'a [FoundTool]> {
    let sources = reports.pods.values().flat_map(|report| &report.sources);
    sources.filter(move |found| found.name.as_str() == source).map(|found| found.tools.as_slice())
}

/// As the pods are told.
pub(crate) fn pins(pinned: &[PinnedTools]) -> Pins {
    let one = |source: &PinnedTools| {
        let tools = source.tools.iter().map(|tool| (tool.name.clone(), tool.digest.clone())).collect();
        Some((ToolName::parse(&source.name).ok()?, tools))
    };
    pinned.iter().filter_map(one).collect()
}

/// Whether the tools are still what they were; nothing where none are compared. Told once it is stable.
pub(crate) fn tool_drift(agent: &Agent, pinned: &[PinnedTools], reports: &Reports, before: &AgentStatus) -> Option<Verdict> {
    pinnable(agent).next()?;
    let as_pinned = || Verdict::no(Reason::AsPinned, "the tools of every server are what they were when they were first seen");
    if !reports.stable {
        let said = find(&before.conditions, ConditionType::ToolDrift).filter(|said| said.reason == Reason::ToolChanged.name());
        let kept = |message: String| Verdict { truth: Truth::True, reason: Reason::ToolChanged, message };
        return Some(said.map_or_else(as_pinned, |said| kept(said.message.clone())));
    }
    let changed: Vec<_> = pinned.iter().filter_map(|source| changed(source, reports)).collect();
    if changed.is_empty() {
        return Some(as_pinned());
    }
    let message = format!(
        "{}; look at them, and raise `pinVersion` of the source in the spec to accept them as they are now",
        changed.join("; ")
    );
    Some(Verdict::yes(Reason::ToolChanged, message))
}

/// What some pod sees otherwise than it was.
fn changed(source: &PinnedTools, reports: &Reports) -> Option<String> {
    const MOST: usize = 10;
    let was: BTreeMap<_, _> = source.tools.iter().map(|tool| (&tool.name, &tool.digest)).collect();
    let found = told(&source.name, reports).flatten();
    let differ: BTreeSet<_> = found.filter(|tool| was.get(&tool.name) != Some(&&tool.digest)).map(|tool| &tool.name).collect();
    let word =
        |name: &&String| if was.contains_key(*name) { format!("`{name}` has changed") } else { format!("`{name}` is new") };
    let named: Vec<_> = differ.iter().take(MOST).map(word).collect();
    let more = if differ.len() > MOST { ", and others" } else { "" };
    (!differ.is_empty()).then(|| format!("of the tools of `{}`, {}{more}", source.name, named.join(", ")))
}

/// Whether tools are kept from the agent because they are not what they were.
pub(crate) fn withholds(agent: &Agent, pinned: &[PinnedTools], reports: &Reports) -> bool {
    let enforced: BTreeSet<_> = pinnable(agent).filter(|(_, server)| server.pin == Pin::Enforce).map(|(name, _)| name).collect();
    reports.stable && pinned.iter().any(|source| enforced.contains(&source.name) && changed(source, reports).is_some())
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use skreaver_protocol::control::FoundSource;

    use super::*;
    use crate::control::hub::PodReport;

    fn agent(mcp: serde_json::Value) -> Agent {
        let spec = json!({"tools": [{"name": "ledger", "type": "MCP", "mcp": mcp}]});
        Agent::new("clerk", serde_json::from_value(spec).unwrap())
    }

    fn reports(stable: bool, pods: &[&[(&str, &str)]]) -> Reports {
        let report = |tools: &&[(&str, &str)]| {
            let tools = tools.iter().map(|(name, digest)| FoundTool { name: (*name).into(), digest: (*digest).into() });
            let source = FoundSource { name: ToolName::parse("ledger").unwrap(), tools: tools.collect() };
            PodReport { policy_version: 1, policy_problem: None, components: Vec::new(), sources: vec![source] }
        };
        let pods = pods.iter().enumerate().map(|(index, tools)| (format!("pod-{index}"), report(tools)));
        Reports { pods: pods.collect(), stable, settles_in: None }
    }

    fn seen(agent: &Agent, before: &[PinnedTools], reports: &Reports) -> Vec<PinnedTools> {
        pinned(agent, &AgentStatus { tools: before.to_vec(), ..AgentStatus::default() }, reports, true)
    }

    #[test]
    fn what_is_first_seen_stays_until_the_source_is_another_one() {
        let clerk = agent(json!({"url": "http://a/mcp"}));
        let (one, other) = (reports(true, &[&[("find", "1")]]), reports(true, &[&[("find", "2")]]));
        assert_eq!(seen(&clerk, &[], &reports(false, &[&[("find", "1")]])), []);
        assert_eq!(pinned(&clerk, &AgentStatus::default(), &one, false), [], "pods of an older spec tell of another server");
        assert_eq!(seen(&clerk, &[], &reports(true, &[&[("find", "1")], &[("find", "2")]])), [], "they do not agree");
        let first = seen(&clerk, &[], &one);
        assert_eq!(pins(&first)["ledger"]["find"], "1");
        assert_eq!(seen(&clerk, &first, &other), first);
        for changed in [json!({"url": "http://b/mcp"}), json!({"url": "http://a/mcp", "pinVersion": 1})] {
            assert_eq!(pins(&seen(&agent(changed), &first, &other))["ledger"]["find"], "2");
        }
        assert_eq!(seen(&agent(json!({"url": "http://a/mcp", "pin": "Off"})), &first, &other), []);
    }

    #[test]
    fn what_changes_is_told_with_how_to_accept_it_and_withheld_where_that_is_asked() {
        let before = AgentStatus::default();
        let (warn, enforce) = (agent(json!({"url": "http://a/mcp"})), agent(json!({"url": "http://a/mcp", "pin": "Enforce"})));
        let first = seen(&warn, &[], &reports(true, &[&[("find", "1"), ("gone", "1")]]));
        let same = reports(true, &[&[("find", "1")]]);
        assert_eq!(tool_drift(&warn, &first, &same, &before).unwrap().reason, Reason::AsPinned);
        let changed = reports(true, &[&[("find", "1")], &[("find", "2"), ("pay", "1")]]);
        let verdict = tool_drift(&warn, &first, &changed, &before).unwrap();
        assert!(verdict.message.contains("of the tools of `ledger`, `find` has changed, `pay` is new"), "{}", verdict.message);
        assert!(verdict.message.contains("raise `pinVersion`"));
        assert_eq!((withholds(&warn, &first, &changed), withholds(&enforce, &first, &changed)), (false, true));
        assert!(tool_drift(&Agent::new("plain", skreaver_crds::AgentSpec::default()), &[], &changed, &before).is_none());
    }
}
