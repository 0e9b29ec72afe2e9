//! The decision over one call.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use skreaver_protocol::ToolName;

use crate::approval::Needs;
use crate::call::Call;
use crate::compile::Policy;
use crate::denial::{Cause, Denial, Why};
use crate::ledger::{Draw, Exhausted, Ledger};
use crate::permit::{Permit, Terms};
use crate::plan::{Granted, Plan, bytes_up_to};
use crate::screen::Screens;

/// What becomes of a call, from the mildest answer to the strictest: of several the greatest counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// It may happen.
    Allow,
    /// It may happen once people approve it.
    RequireApproval,
    /// It may not.
    Deny,
}

/// The answer about one call, before its rate limits are looked at: it depends on nothing but policy and call.
#[derive(Debug)]
#[must_use]
pub struct Decision {
    verdict: Result<Grant, Denial>,
    audited: Vec<Denial>,
    /// What policies in Audit mode would draw from their limits.
    audit_draws: Vec<Vec<Draw>>,
}

#[derive(Debug)]
struct Grant {
    permit: Permit,
    draws: Vec<Draw>,
}

/// The answer about one call.
#[derive(Debug)]
#[must_use]
pub struct Settled {
    /// What counts: the permit, or the first of the strictest refusals by policy name.
    pub verdict: Result<Permit, Denial>,
    /// What policies in Audit mode would have refused.
    pub audited: Vec<Denial>,
}

impl Policy {
    /// Decides over one call.
    pub fn authorize(&self, call: &Call<'_>) -> Decision {
        let plan = self.plan_of(call.tool);
        let (mut granted, mut audited, mut audit_draws) = (Granted::default(), Vec::new(), Vec::new());
        let mut refused = None;
        let mut enforced = false;
        for part in &plan.parts {
            if !part.is_enforced() {
                let mut own = Granted::default();
                let answer = part.answer(call, self.agent.as_ref(), &mut own);
                match answer.err().or_else(|| own.unapproved(call)) {
                    None => audit_draws.push(own.draws),
                    Some(cause) => audited.push(self.denial(call.tool, cause)),
                }
                continue;
            }
            enforced = true;
            // The first that refuses is told; what the others say is asked no more.
            if refused.is_none() {
                refused = part.answer(call, self.agent.as_ref(), &mut granted).err();
            }
        }
        if self.required && !enforced {
            refused = Some(Cause::NoPolicy);
        }
        let verdict = match refused.or_else(|| granted.unapproved(call)) {
            Some(cause) => Err(self.denial(call.tool, cause)),
            None => Ok(Grant { permit: self.permit(call, granted.terms, &plan.screens), draws: granted.draws }),
        };
        Decision { verdict, audited, audit_draws }
    }

    /// Whether there may be a call of the tool that passes: a tool of which every call is denied need not be told of.
    pub fn lists(&self, tool: &ToolName) -> bool {
        let plan = self.plan_of(tool);
        let mut enforced = plan.parts.iter().filter(|part| part.is_enforced()).peekable();
        let is_missing = self.required && enforced.peek().is_none();
        !is_missing && enforced.all(|part| part.lists())
    }

    pub(crate) fn plan_of(&self, tool: &ToolName) -> Cow<'_, Plan> {
        self.plans.get(tool).map_or_else(|| Cow::Owned(self.plan(tool)), Cow::Borrowed)
    }

    fn permit(&self, call: &Call<'_>, terms: Terms, screens: &Arc<Screens>) -> Permit {
        Permit {
            tool: call.tool.clone(),
            id: call.id.to_owned(),
            caller: call.caller.clone(),
            terms,
            bounds: Arc::clone(&self.bounds),
            screens: Arc::clone(screens),
        }
    }

    pub(crate) fn denial(&self, tool: &ToolName, cause: Cause) -> Denial {
        Denial { tool: tool.clone(), cause: Box::new(cause), callable: Arc::clone(&self.callable) }
    }
}

impl Granted {
    /// That people have to approve the call, as long as they have not.
    pub(crate) fn unapproved(&self, call: &Call<'_>) -> Option<Cause> {
        Needs::missing(&self.demands, call, &self.terms).map(|needs| Cause::Unapproved(Box::new(needs)))
    }
}

impl Decision {
    /// What becomes of the call, as long as no rate limit is exhausted.
    pub fn verdict(&self) -> Verdict {
        match &self.verdict {
            Ok(_) => Verdict::Allow,
            Err(denial) if denial.needs().is_some() => Verdict::RequireApproval,
            Err(_) => Verdict::Deny,
        }
    }

    /// Why it may not happen.
    pub fn denial(&self) -> Option<&Denial> {
        self.verdict.as_ref().err()
    }

    /// Draws the call from its rate limits: from all of them or, where one is exhausted, from none. `now` is the time since a
    /// moment that stays the same for the ledger.
    pub fn settle(self, ledger: &Ledger, now: Duration) -> Settled {
        let Self { verdict, mut audited, audit_draws } = self;
        let Grant { permit, draws } = match verdict {
            Ok(grant) => grant,
            Err(denial) => return Settled { verdict: Err(denial), audited },
        };
        let refused = |Exhausted { bucket, limit, pause }: Exhausted| Denial {
            tool: permit.tool.clone(),
            cause: Box::new(Cause::Rule {
                policy: bucket.policy.to_string(),
                rule: bucket.rule.to_string(),
                why: Why::Rate { limit, pause },
            }),
            callable: Arc::default(),
        };
        if let Err(exhausted) = ledger.take(&draws, now) {
            return Settled { verdict: Err(refused(exhausted)), audited };
        }
        audited.extend(audit_draws.iter().filter_map(|draws| ledger.take(draws, now).err()).map(refused));
        Settled { verdict: Ok(permit), audited }
    }
}

/// Whether a value is larger than so many bytes as JSON.
pub fn is_larger(value: &serde_json::Value, most: u64) -> bool {
    bytes_up_to(value, most).is_none()
}
