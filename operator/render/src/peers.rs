//! Agents that have other Agents as tools: who asks whom, and whether that comes back.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use kube::ResourceExt;
use skreaver_crds::agent::{Agent, AgentTool};
use skreaver_crds::condition::Reason;

use crate::resolve::Unresolved;

/// Agents of one namespace, each with those that it asks.
pub type Peers = BTreeMap<String, BTreeSet<String>>;

/// The Agents that are tools of this one.
pub fn asks(agent: &Agent) -> BTreeSet<String> {
    agent.spec.tools.iter().filter_map(|tool| Some(tool.agent.as_ref()?.name.clone())).collect()
}

/// All who ask an Agent, themselves or through others.
pub fn askers(of: &str, peers: &Peers) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open = vec![of];
    while let Some(asked) = open.pop() {
        let asking = peers.iter().filter(|(_, asks)| asks.contains(asked)).map(|(name, _)| name);
        open.extend(asking.filter(|name| found.insert((*name).clone())).map(String::as_str));
    }
    found
}

/// Each tool of an Agent through which the Agent would ask itself.
pub(crate) fn circles(agent: &Agent, peers: &Peers) -> Vec<Unresolved> {
    let name = agent.name_any();
    let one = |(index, tool): (usize, &AgentTool)| {
        let back = way(&tool.agent.as_ref()?.name, &name, peers)?.join(" -> ");
        let message = format!(
            "spec.tools[{index}].agent.name: these Agents would ask each other in a circle: {name} -> {back}; remove such a tool from one of them"
        );
        Some(Unresolved { reason: Reason::AgentCycle, message })
    };
    agent.spec.tools.iter().enumerate().filter_map(one).collect()
}

/// The shortest way from one Agent to another, with both ends.
fn way<'a>(from: &'a str, to: &str, peers: &'a Peers) -> Option<Vec<&'a str>> {
    let mut before = BTreeMap::from([(from, None)]);
    let mut open = VecDeque::from([from]);
    while let Some(here) = open.pop_front() {
        if here == to {
            let mut way: Vec<_> = std::iter::successors(Some(here), |name| before[name]).collect();
            way.reverse();
            return Some(way);
        }
        for next in peers.get(here).into_iter().flatten() {
            before.entry(next).or_insert_with(|| {
                open.push_back(next);
                Some(here)
            });
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Written as `a>b,c b>a`.
    fn peers(text: &str) -> Peers {
        let one = |part: &str| {
            let (name, asks) = part.split_once('>').unwrap();
            (name.to_owned(), asks.split(',').filter(|name| !name.is_empty()).map(ToOwned::to_owned).collect())
        };
        text.split(' ').map(one).collect()
    }

    #[test]
    fn the_shortest_way_back_is_told_from_either_end() {
        let check = |text: &str, from, to, expected: Option<&str>| {
            assert_eq!(way(from, to, &peers(text)).map(|way| way.join(" ")).as_deref(), expected, "{text}");
        };
        check("a>b b>a", "b", "a", Some("b a"));
        check("a>b b>c c>a", "b", "a", Some("b c a"));
        check("a>b b>c c>a", "a", "c", Some("a b c"));
        check("a>b b>c,d c>a d>c", "b", "a", Some("b c a"));
        check("a>a", "a", "a", Some("a"));
        check("a>b b>c c>b", "b", "a", None);
        check("a>b", "b", "a", None);
    }

    #[test]
    fn who_asks_through_others_asks_too() {
        let askers = |of| askers(of, &peers("a>b b>c c> d>c e>d f>a x>y y>x")).into_iter().collect::<Vec<_>>().join(" ");
        assert_eq!(askers("c"), "a b d e f");
        assert_eq!(askers("f"), "");
        assert_eq!(askers("gone"), "");
        assert_eq!(askers("x"), "x y");
    }
}
