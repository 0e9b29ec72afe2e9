//! What the pods of an Agent tell of their policies. Pure.

use skreaver_crds::AgentStatus;
use skreaver_crds::condition::{ConditionType, Reason};

use skreaver_render::fits_together;

use super::observe::Policies;
use crate::conditions::{Truth, Verdict, find};
use crate::control::hub::{PodReport, Reports};

/// Whether the pods enforce the policies that select the Agent. Good news is told at once, bad news once it is stable.
pub(crate) fn policy_applied(policies: Option<&Policies>, reports: &Reports, before: &AgentStatus) -> Verdict {
    let Some(Policies { in_force, bundle }) = policies else {
        return not_reported("the newest policies could not be handed to the pods");
    };
    if !fits_together(in_force) {
        let message =
            format!("the {} policies that select the Agent are too large together: every call is refused", in_force.len());
        return Verdict::no(Reason::TooLarge, message);
    }
    let never: Vec<_> = in_force.iter().filter(|policy| policy.generation == 0).map(|policy| policy.name.as_str()).collect();
    if !never.is_empty() {
        let message = format!("no rules of ToolPolicy {} were ever accepted: every call is refused", never.join(", "));
        return Verdict::no(Reason::NotAccepted, message);
    }
    match (in_force.is_empty(), bundle.required) {
        (true, false) => return Verdict::yes(Reason::NoPolicy, "no ToolPolicy selects the Agent: it may use the tools it lists"),
        (true, true) => {
            return Verdict::yes(Reason::NoPolicy, "no ToolPolicy selects the Agent and one is required: every call is refused");
        }
        (false, _) => {}
    }
    let same_version = before.policy_version == i64::try_from(bundle.version).ok();
    match (told(reports, bundle.version), same_version, reports.stable) {
        (Told::All, _, _) => Verdict::yes(Reason::Applied, "every pod runs with the newest policies"),
        (_, true, false) => kept(before).unwrap_or_else(|| not_reported("no pod has told what it runs with")),
        (Told::None, _, _) => not_reported("no pod has told what it runs with"),
        (Told::Some(message), _, _) => Verdict::no(Reason::RollingOut, message),
    }
}

enum Told {
    All,
    Some(String),
    None,
}

fn told(reports: &Reports, version: u64) -> Told {
    let behind: Vec<_> = reports.pods.iter().filter(|(_, report)| report.policy_version < version).collect();
    match (reports.pods.is_empty(), behind.as_slice()) {
        (true, _) => Told::None,
        (false, []) => Told::All,
        (false, [(pod, PodReport { policy_problem: Some(problem), .. }), ..]) => {
            Told::Some(format!("pod `{pod}` does not take version {version}: {problem}"))
        }
        (false, [..]) => Told::Some(format!("some pod still runs with policies older than version {version}")),
    }
}

fn not_reported(message: &str) -> Verdict {
    Verdict::unknown(Reason::NotReported, message)
}

/// What was said before.
fn kept(before: &AgentStatus) -> Option<Verdict> {
    let old = find(&before.conditions, ConditionType::PolicyApplied)?;
    let said = [
        (Reason::NoPolicy, Truth::True),
        (Reason::Applied, Truth::True),
        (Reason::RollingOut, Truth::False),
        (Reason::NotAccepted, Truth::False),
        (Reason::NotReported, Truth::Unknown),
    ];
    let (reason, truth) = said.into_iter().find(|(reason, _)| reason.name() == old.reason)?;
    Some(Verdict { truth, reason, message: old.message.clone() })
}
