//! Calls that people have to approve: what is asked of them, and the proof that they did.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use skreaver_protocol::approval::{ApprovalState, ApprovalVotes, AskedBy, tally};
use skreaver_protocol::policy::ApprovalTerms;

use crate::call::Call;
use crate::canonical::digest;
use crate::permit::Terms;

/// What a call needs before it may happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Needs {
    /// Who asks for it; at least one, by policy name.
    pub asked_by: Vec<AskedBy>,
    /// How many people have to approve: as many as the strictest says.
    pub quorum: u32,
    /// How long it may wait: as long as the strictest says.
    pub timeout: Duration,
    /// Of the exact call. Whoever approves, approves this and nothing else.
    pub digest: String,
    /// The arguments without what rules redact.
    pub shown: Value,
}

/// What one policy asks for.
#[derive(Debug, Clone)]
pub(crate) struct Demand {
    pub(crate) policy: Arc<str>,
    pub(crate) rule: Option<Arc<str>>,
    pub(crate) terms: ApprovalTerms,
}

/// The proof that people approved one call: made from what they said, and good for no other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approved {
    digest: String,
    people: BTreeSet<String>,
}

impl Approved {
    /// What was said amounts to an approval; nothing where somebody denied, or nobody approved.
    pub fn by(said: &ApprovalVotes) -> Option<Self> {
        let ApprovalVotes { name: _, digest, votes } = said;
        if tally(1, votes) != ApprovalState::Approved {
            return None;
        }
        Some(Self { digest: digest.clone(), people: votes.iter().map(|vote| vote.user.clone()).collect() })
    }

    /// Who approved it.
    pub fn people(&self) -> impl Iterator<Item = &str> {
        self.people.iter().map(String::as_str)
    }

    fn meets(&self, needs: &Needs) -> bool {
        self.digest == needs.digest && self.people.len() >= needs.quorum as usize
    }
}

impl Needs {
    /// What all demands together ask for; nothing where there are none.
    fn of(demands: &[Demand], call: &Call<'_>, terms: &Terms) -> Option<Self> {
        let quorum = demands.iter().map(|demand| demand.terms.quorum.max(1)).max()?;
        let timeout = demands.iter().map(|demand| demand.terms.timeout.get()).min()?;
        let asked_by = demands.iter().map(|Demand { policy, rule, terms: _ }| AskedBy {
            policy: policy.to_string(),
            rule: rule.as_ref().map(ToString::to_string),
        });
        let mut shown = call.arguments.clone();
        terms.redact_arguments(&mut shown);
        Some(Self { asked_by: asked_by.collect(), quorum, timeout, digest: call_digest(call), shown })
    }

    /// What is still missing of what the demands ask for.
    pub(crate) fn missing(demands: &[Demand], call: &Call<'_>, terms: &Terms) -> Option<Self> {
        let needs = Self::of(demands, call, terms)?;
        (!call.approved.is_some_and(|approved| approved.meets(&needs))).then_some(needs)
    }
}

/// The SHA-256 of who calls what, with what, and which call it is.
fn call_digest(call: &Call<'_>) -> String {
    let Call { agent, tool, arguments, caller: _, session: _, read: _, id, approved: _ } = call;
    digest(&json!({ "agent": agent, "call": id, "tool": tool, "arguments": arguments }))
}
