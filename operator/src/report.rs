//! One place where an outcome becomes log, metric and Event.

use std::time::Duration;

use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::Client;
use kube::runtime::events::{Event, EventType, Recorder, Reporter as Source};
use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, IntGauge, Opts, Registry};
use skreaver_crds::condition::ConditionType;
use skreaver_protocol::approval::ApprovalState;

use crate::agent::approval_reason;
use crate::conditions::{find, same};

/// Where outcomes go.
pub struct Reporter {
    events: Recorder,
    reconciles: IntCounterVec,
    duration: HistogramVec,
    /// 1 in the process that acts.
    pub is_leader: IntGauge,
    /// Open streams of the control channel.
    pub control_streams: IntGauge,
}

impl Reporter {
    /// Registers the metrics. `pod` is named in Events.
    ///
    /// # Errors
    /// If a metric of that name is registered already.
    pub fn new(client: Client, pod: &str, registry: &Registry) -> Result<Self, prometheus::Error> {
        let source = Source { controller: "skreaver.dev/operator".into(), instance: Some(pod.to_owned()) };
        let reconciles = Opts::new("skreaver_operator_reconciles_total", "Reconciles by controller and how they ended.");
        let duration = HistogramOpts::new("skreaver_operator_reconcile_duration_seconds", "How long a reconcile takes.");
        let reporter = Self {
            events: Recorder::new(client, source),
            reconciles: IntCounterVec::new(reconciles, &["controller", "outcome"])?,
            duration: HistogramVec::new(duration, &["controller"])?,
            is_leader: IntGauge::new("skreaver_operator_is_leader", "1 in the process that acts, 0 where it stands by.")?,
            control_streams: IntGauge::new("skreaver_operator_control_streams", "Open streams of the control channel.")?,
        };
        registry.register(Box::new(reporter.reconciles.clone()))?;
        registry.register(Box::new(reporter.duration.clone()))?;
        registry.register(Box::new(reporter.is_leader.clone()))?;
        registry.register(Box::new(reporter.control_streams.clone()))?;
        Ok(reporter)
    }

    /// Counts a reconcile. The outcome is a reason, so that the label is bounded.
    pub fn count(&self, controller: &'static str, outcome: &'static str, took: Duration) {
        self.reconciles.with_label_values(&[controller, outcome]).inc();
        self.duration.with_label_values(&[controller]).observe(took.as_secs_f64());
    }

    /// Tells the change of a status that was just written. Events follow the status, so there are never more of them.
    pub async fn changed(&self, object: &ObjectReference, before: &[Condition], after: &[Condition]) {
        for change in changes(before, after) {
            let (namespace, name) = (object.namespace.as_deref(), object.name.as_deref());
            tracing::info!(
                kind = object.kind,
                namespace,
                name,
                condition = change.type_,
                status = change.status,
                reason = change.reason,
                "condition changed"
            );
            let event = event(change);
            if let Err(error) = self.events.publish(&event, object).await {
                tracing::warn!(%error, namespace, name, reason = event.reason, "event not published");
            }
        }
    }

    /// Tells how a ToolApproval stands since just now.
    pub async fn approval(&self, object: &ObjectReference, tool: &str, state: ApprovalState) {
        let (namespace, name) = (object.namespace.as_deref(), object.name.as_deref());
        let reason = approval_reason(state);
        tracing::info!(kind = object.kind, namespace, name, tool, reason, "approval changed");
        let note = match state {
            ApprovalState::Waiting => format!("a call of the tool `{tool}` waits for approval"),
            ApprovalState::Approved => format!("the call of the tool `{tool}` is approved"),
            ApprovalState::Denied => format!("the call of the tool `{tool}` is denied"),
            ApprovalState::Expired => format!("nobody has decided about the call of the tool `{tool}` in time"),
            ApprovalState::Withdrawn => format!("the run no longer asks for the call of the tool `{tool}`"),
        };
        let event = Event {
            type_: EventType::Normal,
            reason: reason.into(),
            note: Some(note),
            action: "Approval".into(),
            secondary: None,
        };
        if let Err(error) = self.events.publish(&event, object).await {
            tracing::warn!(%error, namespace, name, reason, "event not published");
        }
    }
}

/// The conditions that say something new, and that somebody waits for: what is wrong, that it no longer is, and that it is ready.
fn changes<'a>(before: &[Condition], after: &'a [Condition]) -> Vec<&'a Condition> {
    let judged = [
        ConditionType::Accepted,
        ConditionType::ResolvedRefs,
        ConditionType::PolicyApplied,
        ConditionType::Degraded,
        ConditionType::ToolDrift,
        ConditionType::AuthReady,
        ConditionType::Ready,
    ];
    let mut told: Vec<&Condition> = Vec::new();
    for new in judged.into_iter().filter_map(|kind| find(after, kind)) {
        let old = before.iter().find(|old| old.type_ == new.type_);
        let (is_ready, is_final) = (new.type_ == ConditionType::Ready.name(), is_good(new));
        let is_news = match old {
            Some(old) if is_final => old.status != new.status,
            Some(old) => !same(&Condition { observed_generation: old.observed_generation, ..new.clone() }, old),
            None => !is_final || is_ready,
        };
        let is_step = new.status == "Unknown" || matches!(new.reason.as_str(), "Updating" | "RollingOut");
        let is_told = told.iter().any(|other| other.reason == new.reason && other.message == new.message);
        if is_news && !is_step && !is_told {
            told.push(new);
        }
    }
    told
}

/// Degraded and ToolDrift are good news when they are False.
fn is_good(condition: &Condition) -> bool {
    let bad = [ConditionType::Degraded.name(), ConditionType::ToolDrift.name()];
    let good = if bad.contains(&condition.type_.as_str()) { "False" } else { "True" };
    condition.status == good
}

fn event(change: &Condition) -> Event {
    const LONGEST: usize = 1024;
    let end = change.message.char_indices().map(|(at, _)| at).take_while(|at| *at < LONGEST - 3).last();
    let note = match change.message.len() {
        0..=LONGEST => change.message.clone(),
        _ => format!("{}...", &change.message[..end.unwrap_or_default()]),
    };
    Event {
        type_: if is_good(change) || change.reason == "Suspended" || change.status == "Unknown" {
            EventType::Normal
        } else {
            EventType::Warning
        },
        reason: change.reason.clone(),
        note: Some(note),
        action: change.type_.clone(),
        secondary: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conditions::{Verdict, condition};
    use jiff::Timestamp;
    use skreaver_crds::condition::Reason;

    fn conditions(resolved: Verdict, ready: Verdict) -> Vec<Condition> {
        let make = |kind, verdict| condition(kind, verdict, None, &[], Timestamp::UNIX_EPOCH);
        vec![make(ConditionType::ResolvedRefs, resolved), make(ConditionType::Ready, ready)]
    }

    fn told(before: &[Condition], after: &[Condition]) -> Vec<String> {
        changes(before, after).iter().map(|change| format!("{}/{}", change.type_, change.reason)).collect()
    }

    #[test]
    fn what_is_wrong_is_told_once_and_its_end_too() {
        let missing = Verdict::no(Reason::SecretNotFound, "gone");
        let bad = conditions(missing.clone(), missing);
        let updating = conditions(Verdict::yes(Reason::Valid, ""), Verdict::no(Reason::Updating, ""));
        let good = conditions(Verdict::yes(Reason::Valid, ""), Verdict::yes(Reason::Serving, ""));
        assert_eq!(told(&[], &bad), ["ResolvedRefs/SecretNotFound"]);
        assert!(told(&bad, &bad).is_empty());
        assert_eq!(told(&bad, &updating), ["ResolvedRefs/Valid"]);
        assert!(told(&[], &updating).is_empty());
        assert_eq!(told(&updating, &good), ["Ready/Serving"]);
        assert!(told(&good, &good).is_empty());
    }

    #[test]
    fn a_note_fits_into_an_event() {
        let long = conditions(Verdict::no(Reason::SecretNotFound, "ü".repeat(2000)), Verdict::yes(Reason::Serving, ""));
        let note = event(&long[0]).note.unwrap();
        assert!(note.len() <= 1024 && note.ends_with("ü..."), "{}", note.len());
    }
}
