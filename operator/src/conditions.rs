//! Conditions: made from a verdict and what stood there before, and compared.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use skreaver_crds::condition::{ConditionType, Reason};

/// What a condition says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) truth: Truth,
    pub(crate) reason: Reason,
    pub(crate) message: String,
}

/// Whether a condition holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Truth {
    True,
    False,
    Unknown,
}

impl Truth {
    const fn name(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

impl Verdict {
    pub(crate) fn yes(reason: Reason, message: impl Into<String>) -> Self {
        Self { truth: Truth::True, reason, message: message.into() }
    }

    pub(crate) fn no(reason: Reason, message: impl Into<String>) -> Self {
        Self { truth: Truth::False, reason, message: message.into() }
    }

    pub(crate) fn unknown(reason: Reason, message: impl Into<String>) -> Self {
        Self { truth: Truth::Unknown, reason, message: message.into() }
    }
}

/// The condition as it stands in status. The time of its last change stays while its truth does.
pub(crate) fn condition(
    kind: ConditionType,
    verdict: Verdict,
    generation: Option<i64>,
    before: &[Condition],
    now: Timestamp,
) -> Condition {
    let status = verdict.truth.name();
    let since = find(before, kind).filter(|old| old.status == status).map_or(Time(now), |old| old.last_transition_time.clone());
    Condition {
        type_: kind.name().into(),
        status: status.into(),
        reason: verdict.reason.name().into(),
        message: clipped(verdict.message),
        observed_generation: generation,
        last_transition_time: since,
    }
}

/// The condition of a kind.
pub(crate) fn find(conditions: &[Condition], kind: ConditionType) -> Option<&Condition> {
    conditions.iter().find(|condition| condition.type_ == kind.name())
}

/// Whether two conditions say the same, whenever they came to say it.
pub(crate) fn same(a: &Condition, b: &Condition) -> bool {
    let Condition { type_, status, reason, message, observed_generation, last_transition_time: _ } = a;
    (type_, status, reason, message, observed_generation) == (&b.type_, &b.status, &b.reason, &b.message, &b.observed_generation)
}

/// The schema of conditions ends messages at 32,768 characters.
fn clipped(mut message: String) -> String {
    const LONGEST: usize = 8192;
    if message.len() > LONGEST {
        let end = (0..=LONGEST - 4).rev().find(|end| message.is_char_boundary(*end)).unwrap_or_default();
        message.truncate(end);
        message.push_str(" ...");
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_change_moves_only_with_the_truth() {
        let (early, late) = (Timestamp::UNIX_EPOCH, Timestamp::MAX);
        let verdict = Verdict::no(Reason::Updating, "a");
        let first = condition(ConditionType::Ready, verdict, Some(1), &[], early);
        let next =
            condition(ConditionType::Ready, Verdict::no(Reason::Stalled, "b"), Some(2), std::slice::from_ref(&first), late);
        assert_eq!(next.last_transition_time, Time(early));
        let last = condition(ConditionType::Ready, Verdict::yes(Reason::Serving, "c"), Some(2), &[next], late);
        assert_eq!(last.last_transition_time, Time(late));
    }

    #[test]
    fn long_messages_end_at_a_character() {
        assert!(clipped("ü".repeat(9000)).ends_with("ü ..."));
    }
}
