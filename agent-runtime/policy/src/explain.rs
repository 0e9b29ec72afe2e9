//! Why a policy decides as it does, rule by rule: for people, before anything is applied.

use skreaver_protocol::policy::{Action, Mode};

use crate::authorize::Verdict;
use crate::call::Call;
use crate::compile::Policy;
use crate::condition::Undecided;
use crate::plan::Granted;

/// What one policy says of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// The ToolPolicy.
    pub policy: String,
    /// Whether its answer counts.
    pub mode: Mode,
    /// Its answer, as long as no rate limit is exhausted.
    pub verdict: Verdict,
    /// The rule that decided, if one did.
    pub rule: Option<String>,
    /// Why, in a sentence.
    pub because: String,
    /// Every rule about the tool, those that deny first.
    pub rules: Vec<ExplainedRule>,
}

/// How one rule stands to a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExplainedRule {
    /// The rule.
    pub rule: String,
    /// What it does with calls that it is about.
    pub action: Action,
    /// Its condition, if it has one.
    pub condition: Option<String>,
    /// Whether it is about the call, or why that cannot be decided.
    pub applies: Result<bool, String>,
}

impl Policy {
    /// What each policy says of a call. The answer of [`Policy::authorize`] is the strictest of those that are enforced.
    pub fn explain(&self, call: &Call<'_>) -> Vec<Explained> {
        let plan = self.plan_of(call.tool);
        let explained = |part: &crate::plan::PartPlan| {
            let mut granted = Granted::default();
            let answer =
                part.answer(call, self.agent.as_ref(), &mut granted).and_then(|()| granted.unapproved(call).map_or(Ok(()), Err));
            let rules: Vec<_> = part
                .outcomes(call, self.agent.as_ref())
                .into_iter()
                .map(|(rule, applies)| ExplainedRule {
                    rule: rule.name.to_string(),
                    action: rule.action,
                    condition: rule.when.as_ref().map(|when| when.text.clone()),
                    applies: applies.map_err(|Undecided(reason)| reason),
                })
                .collect();
            let allows = |found: &&ExplainedRule| found.action == Action::Allow && found.applies == Ok(true);
            let (verdict, rule, because) = match answer {
                Err(cause) => {
                    let denial = self.denial(call.tool, cause);
                    let verdict = if denial.needs().is_some() { Verdict::RequireApproval } else { Verdict::Deny };
                    (verdict, denial.rule().map(str::to_owned), denial.to_string())
                }
                Ok(()) => match rules.iter().find(allows) {
                    Some(ExplainedRule { rule, .. }) => (Verdict::Allow, Some(rule.clone()), format!("rule `{rule}` allows it")),
                    None => (Verdict::Allow, None, "the default action allows it, and no rule denies it".to_owned()),
                },
            };
            Explained { policy: part.part.name.to_string(), mode: part.part.mode, verdict, rule, because, rules }
        };
        plan.parts.iter().map(explained).collect()
    }
}
