//! What a ToolPolicy's status should say. Pure.

use jiff::Timestamp;
use skreaver_crds::condition::{ConditionType, Reason};
use skreaver_crds::{ToolPolicy, ToolPolicyStatus};

use super::keep::KeepError;
use crate::conditions::{Verdict, condition, same};

/// `judged` is the verdict on the rules; `kept` the generation in force, unless that could not be kept.
pub(crate) fn judge(
    policy: &ToolPolicy,
    judged: &Result<(), Vec<String>>,
    kept: Result<Option<i64>, &KeepError>,
    before: &ToolPolicyStatus,
    now: Timestamp,
) -> ToolPolicyStatus {
    let generation = policy.metadata.generation;
    let in_force = kept.as_ref().copied().unwrap_or(before.accepted_generation);
    let verdict = match (judged, kept) {
        (Err(problems), _) => {
            let rest = match in_force {
                Some(last) => format!("the rules of generation {last} stay in force"),
                None => "no rules were ever accepted: every call of the Agents it selects is refused".into(),
            };
            Verdict::no(Reason::InvalidRules, format!("{}; {rest}", problems.join("; ")))
        }
        (Ok(()), Err(error)) => Verdict::unknown(Reason::ApiError, error.to_string()),
        (Ok(()), Ok(_)) => Verdict::yes(Reason::Valid, "the rules are in force"),
    };
    ToolPolicyStatus {
        observed_generation: generation,
        accepted_generation: in_force,
        conditions: vec![condition(ConditionType::Accepted, verdict, generation, &before.conditions, now)],
    }
}

/// Whether a status says something that the one before did not.
pub(crate) fn is_news(before: &ToolPolicyStatus, after: &ToolPolicyStatus) -> bool {
    let ToolPolicyStatus { observed_generation, accepted_generation, conditions } = after;
    (observed_generation, accepted_generation) != (&before.observed_generation, &before.accepted_generation)
        || conditions.iter().any(|new| !before.conditions.iter().any(|old| same(old, new)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn status(judged: Result<(), Vec<String>>, kept: Result<Option<i64>, &KeepError>) -> ToolPolicyStatus {
        let policy = json!({"apiVersion": "skreaver.dev/v1alpha1", "kind": "ToolPolicy", "spec": {},
            "metadata": {"name": "chalk", "generation": 5}});
        let policy = serde_json::from_value(policy).unwrap();
        judge(&policy, &judged, kept, &ToolPolicyStatus::default(), Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn broken_rules_are_all_told_with_what_holds_instead() {
        let status = status(Err(vec!["spec.rules[0]: a".into(), "spec.rules[1]: b".into()]), Ok(Some(4)));
        assert_eq!((status.observed_generation, status.accepted_generation), (Some(5), Some(4)));
        assert_eq!(status.conditions[0].reason, "InvalidRules");
        assert_eq!(status.conditions[0].message, "spec.rules[0]: a; spec.rules[1]: b; the rules of generation 4 stay in force");
    }

    #[test]
    fn rules_that_could_not_be_kept_are_not_called_accepted() {
        let taken = KeepError::Taken("x".into());
        let status = status(Ok(()), Err(&taken));
        assert_eq!((status.accepted_generation, status.conditions[0].status.as_str()), (None, "Unknown"));
    }

    #[test]
    fn the_same_verdict_is_no_news() {
        let accepted = status(Ok(()), Ok(Some(5)));
        assert!(is_news(&ToolPolicyStatus::default(), &accepted));
        assert!(!is_news(&accepted, &accepted));
    }
}
