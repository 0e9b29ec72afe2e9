//! What the door would say of a call, with no tool behind it: rules, data flow, rate limits, secrets, suspicious content, and of the
//! built-in tools the host or the path that they are told to touch. What shows only at the effect - what a name resolves to, where a
//! redirect leads, what a link points at - is judged there alone.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;
use skreaver_policy::bounds::{Bounds, Own, Refusal};
use skreaver_policy::{Call, Denial, Ledger, Place, Policy};
use skreaver_protocol::{Builtin, ToolName};

pub use crate::screening::Found;
use crate::screening::{denied, look};
use crate::tools::judged_by_findings;

/// Where the files of an agent are in a cluster.
const FOLDER: &str = "/files";

/// What would become of a call.
#[derive(Debug)]
pub struct Simulated {
    /// Why it would not be let pass, if that is so.
    pub denial: Option<Denial>,
    /// Why it would be let pass, and its effect would not.
    pub effect: Option<Refusal>,
    /// What policies in mode Audit would have refused.
    pub audited: Vec<Denial>,
    /// What is found in its arguments, and what becomes of it.
    pub found: Vec<Found>,
}

/// A policy as it is in a cluster, for simulations.
#[must_use]
pub fn policy_of_cluster(policy: Policy) -> Policy {
    policy.owning(Own { folder: Some(PathBuf::from(FOLDER)), ..Own::default() })
}

/// What would become of a call that is made `now`, when this was drawn from rate limits before.
pub fn call(policy: &Policy, call: &Call<'_>, ledger: &Ledger, now: Duration) -> Simulated {
    let builtin = Builtin::from_name(call.tool.as_str());
    let remembers = builtin.is_some_and(|tool| tool == Builtin::Remember);
    let (settled, found) = judged_by_findings(policy.authorize(call).settle(ledger, now), call, policy, remembers);
    let found = found.into_iter().flat_map(|(_, found)| found).collect();
    let (denial, effect) = match settled.verdict {
        Err(denial) => (Some(denial), None),
        Ok(permit) => (None, builtin.and_then(|tool| at_the_effect(tool, call.arguments, permit.bounds()).err())),
    };
    Simulated { denial, effect, audited: settled.audited, found }
}

/// What would be found in a result of a tool. The second is the reason why it would be withheld, if it would.
pub fn result(policy: &Policy, tool: &ToolName, output: &Value) -> (Vec<Found>, Option<Found>) {
    let found = look(policy.screens(tool).at(Place::Results), output);
    let reason = denied(&found).cloned();
    (found, reason)
}

/// Whether a built-in tool may touch what it is told to.
fn at_the_effect(tool: Builtin, arguments: &Value, bounds: &Bounds) -> Result<(), Refusal> {
    if tool.needs_files() {
        let path = arguments["path"].as_str().unwrap_or_default();
        return bounds.path(path).map(drop);
    }
    match arguments["url"].as_str() {
        Some(url) if tool.needs_network() => bounds.foresee(url),
        Some(_) | None => Ok(()),
    }
}
