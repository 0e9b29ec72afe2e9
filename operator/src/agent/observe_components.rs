//! What the pods of an Agent tell of their components: the model, the memory, and the rest. Pure.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use skreaver_crds::AgentStatus;
use skreaver_crds::condition::{ConditionType, Reason};
use skreaver_protocol::rest::{Component, ComponentReason, ComponentState};

use crate::conditions::{Truth, Verdict, find};
use crate::control::hub::Reports;

/// Whether something that the agent needs does not work. Told once it is stable; what was said before stands until then.
///
/// `withheld`: tools are kept back because they are not what they were.
pub(crate) fn degraded(reports: &Reports, before: &AgentStatus, withheld: Option<Verdict>) -> Verdict {
    let healthy = || Verdict::no(Reason::Healthy, "no pod tells of anything that does not work");
    if !reports.stable {
        return find(&before.conditions, ConditionType::Degraded).and_then(kept).unwrap_or_else(healthy);
    }
    let broken = broken(reports);
    let Some(first) = broken.first() else { return withheld.unwrap_or_else(healthy) };
    let sentences: Vec<_> = broken.iter().map(|component| sentence(component)).collect();
    Verdict::yes(reason(&first.name), sentences.join("; "))
}

/// Whether the agent's memory cannot keep the class that the spec asks for. Told at once: no pod will ever say otherwise.
pub(crate) fn not_durable(reports: &Reports, before: &AgentStatus, generation: Option<i64>) -> Option<Verdict> {
    let told = broken(reports).into_iter().find(|it| it.reason == Some(ComponentReason::NotDurable));
    if let Some(component) = told {
        return Some(Verdict::no(Reason::NotDurable, sentence(component)));
    }
    let said = find(&before.conditions, ConditionType::Accepted).filter(|it| it.reason == Reason::NotDurable.name())?;
    // Until the pods of this very spec have told better.
    let stands = !reports.stable && said.observed_generation == generation;
    stands.then(|| Verdict::no(Reason::NotDurable, said.message.clone()))
}

/// The components that do not work, each sentence once: memory before models, because nothing works without it.
fn broken(reports: &Reports) -> Vec<&Component> {
    let all = reports.pods.values().flat_map(|report| &report.components);
    // What the pods do by themselves is told elsewhere: by readiness, and by the condition PolicyApplied.
    let own = ["config", "policy", "server"];
    let mut broken: Vec<&Component> = Vec::new();
    for component in all.filter(|it| it.state == ComponentState::NotReady && !own.contains(&it.name.as_str())) {
        if !broken.contains(&component) {
            broken.push(component);
        }
    }
    broken.sort_by_key(|component| (component.name != "memory", component.name != "model"));
    broken
}

fn reason(component: &str) -> Reason {
    match component {
        "memory" => Reason::MemoryUnavailable,
        "model" => Reason::ModelUnavailable,
        _ => Reason::ComponentUnavailable,
    }
}

fn sentence(component: &Component) -> String {
    match &component.message {
        Some(message) => message.clone(),
        None => format!("{} does not work", component.name),
    }
}

/// What was said before.
fn kept(said: &Condition) -> Option<Verdict> {
    let words =
        [Reason::ToolChanged, Reason::Healthy, Reason::MemoryUnavailable, Reason::ModelUnavailable, Reason::ComponentUnavailable];
    let reason = words.into_iter().find(|reason| reason.name() == said.reason)?;
    let truth = if reason == Reason::Healthy { Truth::False } else { Truth::True };
    Some(Verdict { truth, reason, message: said.message.clone() })
}

/// The components that are not ready, each once, however many pods tell of it.
pub(crate) fn components(reports: &Reports, before: &[Component]) -> Vec<Component> {
    const MOST: usize = 128;
    if !reports.stable {
        return before.to_vec();
    }
    let all = reports.pods.values().flat_map(|report| &report.components);
    let mut listed: Vec<Component> = Vec::new();
    for component in all.filter(|component| component.state != ComponentState::Ready) {
        if !listed.contains(component) && listed.len() < MOST {
            listed.push(component.clone());
        }
    }
    listed
}
