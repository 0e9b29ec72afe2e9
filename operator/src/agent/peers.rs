//! Agents that have other Agents as tools, as the watch knows them: whom one reaches, and who looks again when one changes.

use std::collections::{BTreeSet, HashMap};

use kube::core::Resource;
use kube::runtime::reflector::{ObjectRef, Store};
use skreaver_render::{Peers, askers, asks};

use super::stores::Stored;

/// The Agents that are asked by one that asks these, themselves or through others, as far as they exist.
pub(crate) fn reached(asked: BTreeSet<String>, namespace: &str, agents: &Store<Stored>) -> Peers {
    let mut found = Peers::new();
    let mut open: Vec<_> = asked.into_iter().collect();
    while let Some(name) = open.pop() {
        if found.contains_key(&name) {
            continue;
        }
        if let Some(agent) = agents.get(&ObjectRef::new(&name).within(namespace)) {
            let asks = asked_by(&agent);
            open.extend(asks.iter().cloned());
            found.insert(name, asks);
        }
    }
    found
}

/// Whom an Agent wakes up that was touched: itself; and when it came, went or has another spec, all who ask it.
pub(crate) fn woken(agents: Store<Stored>) -> impl FnMut(&Stored) -> Vec<ObjectRef<Stored>> {
    let mut known = HashMap::new();
    move |touched| {
        let agent = ObjectRef::from_obj(touched);
        let spec = agents.get(&agent).map(|there| (there.meta().uid.clone(), there.meta().generation));
        let is_new = match spec {
            Some(spec) => known.insert(agent.clone(), spec.clone()) != Some(spec),
            None => {
                known.remove(&agent);
                true
            }
        };
        let namespace = agent.namespace.clone().unwrap_or_default();
        let asking = if is_new { askers(&agent.name, &here(&namespace, &agents)) } else { BTreeSet::new() };
        let asking = asking.into_iter().filter(|name| *name != agent.name).map(|name| ObjectRef::new(&name).within(&namespace));
        let asking: Vec<_> = asking.collect();
        [agent].into_iter().chain(asking).collect()
    }
}

fn here(namespace: &str, agents: &Store<Stored>) -> Peers {
    let here = agents.state_filter(|agent| agent.meta().namespace.as_deref() == Some(namespace));
    here.iter().map(|agent| (agent.meta().name.clone().unwrap_or_default(), asked_by(agent))).collect()
}

/// One that is not well-formed is there, and asks nobody.
fn asked_by(agent: &Stored) -> BTreeSet<String> {
    agent.0.as_ref().map(asks).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use kube::core::DeserializeGuard;
    use kube::runtime::reflector::store::Writer;
    use kube::runtime::watcher::Event;
    use serde_json::json;
    use skreaver_crds::Agent;

    use super::*;

    fn agent(name: &str, generation: i64, asks: &[&str]) -> Stored {
        let tools: Vec<_> = asks.iter().map(|name| json!({"name": name, "type": "Agent", "agent": {"name": name}})).collect();
        let meta = json!({"name": name, "namespace": "quarry", "uid": name, "generation": generation});
        let agent: Agent = serde_json::from_value(
            json!({"apiVersion": "skreaver.dev/v1alpha1", "kind": "Agent", "metadata": meta, "spec": {"tools": tools}}),
        )
        .unwrap();
        DeserializeGuard(Ok(agent))
    }

    #[test]
    fn another_spec_wakes_all_who_ask_and_another_status_nobody_else() {
        let mut writer = Writer::<Stored>::new(());
        let store = writer.as_reader();
        let mut woken = woken(store.clone());
        let mut check = |event: Event<Stored>, expected: &str| {
            writer.apply_watcher_event(&event);
            let (Event::Apply(touched) | Event::Delete(touched)) = event else { panic!("{event:?}") };
            let names: Vec<_> = woken(&touched).iter().map(|agent| agent.name.clone()).collect();
            assert_eq!(names.join(" "), expected);
        };
        check(Event::Apply(agent("a", 1, &["b"])), "a");
        check(Event::Apply(agent("b", 1, &["c"])), "b a");
        check(Event::Apply(agent("x", 1, &[])), "x");
        check(Event::Apply(agent("c", 1, &["a"])), "c a b");
        check(Event::Apply(agent("c", 1, &["a"])), "c");
        check(Event::Apply(agent("c", 2, &[])), "c a b");
        check(Event::Delete(agent("c", 2, &[])), "c a b");
        check(Event::Apply(agent("c", 2, &[])), "c a b");
        let reached = reached(BTreeSet::from(["b".to_owned(), "gone".to_owned()]), "quarry", &store);
        assert_eq!(reached.into_keys().collect::<Vec<_>>().join(" "), "b c");
    }
}
