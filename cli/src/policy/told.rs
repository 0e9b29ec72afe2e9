//! What a simulation says, for people.

use serde_json::Value;
use skreaver::policy::{Policy, Verdict};
use skreaver::protocol::ToolName;
use skreaver::protocol::policy::{ContentAction, Mode};
use skreaver::simulate::{self, Found, Simulated};

use super::call::ResultAction;

/// A verdict as it is written in manifests.
pub(super) const fn told(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Allow => "Allow",
        Verdict::RequireApproval => "RequireApproval",
        Verdict::Deny => "Deny",
    }
}

/// What becomes of a call.
pub(super) fn verdict_of(simulated: &Simulated) -> Verdict {
    match &simulated.denial {
        Some(denial) if denial.needs().is_some() => Verdict::RequireApproval,
        Some(_) => Verdict::Deny,
        None if simulated.effect.is_some() => Verdict::Deny,
        None => Verdict::Allow,
    }
}

/// Prints why a call is refused, and what is found in its arguments.
pub(super) fn print(Simulated { denial, effect, audited, found }: &Simulated) {
    denial.iter().for_each(|denial| println!("  {denial}"));
    effect.iter().for_each(|refusal| println!("  {refusal}"));
    audited.iter().for_each(|denial| println!("  would be refused, in Audit mode: {denial}"));
    // That something is denied is told above.
    found.iter().filter(|found| found.action != ContentAction::Deny).for_each(|found| tell("arguments", found));
}

/// A result that was looked through.
pub(super) struct Screened {
    pub(super) action: ResultAction,
    found: Vec<Found>,
}

impl Screened {
    pub(super) fn of(policy: &Policy, tool: &ToolName, result: &Value) -> Self {
        let (found, withheld) = simulate::result(policy, tool, result);
        let redacts = |found: &Found| found.mode == Mode::Enforce && found.action == ContentAction::Redact;
        let action = match withheld {
            Some(_) => ResultAction::Deny,
            None if found.iter().any(redacts) => ResultAction::Redact,
            None => ResultAction::Pass,
        };
        Self { action, found }
    }

    pub(super) fn print(&self) {
        self.found.iter().for_each(|found| tell("result", found));
    }
}

fn tell(place: &str, Found { seen, pointer, policy, mode, action }: &Found) {
    let does = match (mode, action) {
        (Mode::Enforce, ContentAction::Warn) => "warns of",
        (Mode::Enforce, ContentAction::Redact) => "takes out",
        (Mode::Enforce, ContentAction::Deny) => "does not let pass",
        (Mode::Audit, ContentAction::Warn) => "would warn of",
        (Mode::Audit, ContentAction::Redact) => "would take out",
        (Mode::Audit, ContentAction::Deny) => "would not let pass",
    };
    let at = if pointer.is_empty() { String::new() } else { format!(" at `{pointer}`") };
    println!("  in its {place} is {seen}{at}, which section `{}` of ToolPolicy `{policy}` {does}", seen.section());
}
