//! What is found at the door and around it, and what becomes of it: in arguments, results, what the agent is told and what it remembers.

use serde_json::Value;
use skreaver_policy::{Call, Cause, Denial, Place, Policy, Screen, Screens, Settled};
use skreaver_protocol::ToolName;
use skreaver_protocol::message::Message;
use skreaver_protocol::policy::Mode;
use skreaver_protocol::problem::Code;

use super::Toolbox;
use crate::audit::Findings;
use crate::coordinator::Failure;
use crate::screening::{Found, denied, look, redact, would_be_denied};
use crate::trace::{error, info};

/// What was found in the arguments of a call, by place.
pub(crate) type FoundIn = Vec<(Place, Vec<Found>)>;

/// What becomes of a call when its arguments were looked through, and what was found in them.
pub(crate) fn judged_by_findings(settled: Settled, call: &Call<'_>, policy: &Policy, remembers: bool) -> (Settled, FoundIn) {
    let found = arguments(&settled, call, &policy.screens(call.tool), remembers);
    (judged(settled, call, &found), found)
}

/// What is found in the arguments of a call that is let pass, or would be once people approve it. Of tools that keep what they are
/// given, that is memory too.
fn arguments(settled: &Settled, call: &Call<'_>, screens: &Screens, remembers: bool) -> FoundIn {
    if settled.verdict.as_ref().is_err_and(|denial| denial.needs().is_none()) {
        return Vec::new();
    }
    let places = [Place::Arguments, Place::Memory];
    let places = places.iter().take(if remembers { 2 } else { 1 });
    places.map(|place| (*place, look(screens.at(*place), call.arguments))).collect()
}

/// Refuses a call for what was found in its arguments; tells which policy in mode Audit would.
fn judged(settled: Settled, call: &Call<'_>, found: &FoundIn) -> Settled {
    let Settled { verdict, mut audited } = settled;
    let denial = |found: &Found| {
        let cause = Cause::Seen { policy: found.policy.to_string(), seen: found.seen, pointer: found.pointer.clone() };
        Denial { tool: call.tool.clone(), cause: Box::new(cause), callable: std::sync::Arc::default() }
    };
    audited.extend(found.iter().flat_map(|(_, found)| would_be_denied(found)).map(denial));
    let refused = found.iter().find_map(|(_, found)| denied(found));
    Settled { verdict: refused.map_or(verdict, |found| Err(denial(found))), audited }
}

/// Takes out of arguments what is to be taken out. Whether there was any.
pub(super) fn redact_arguments(screens: &Screens, found: &FoundIn, arguments: &mut Value) -> bool {
    found.iter().fold(false, |any, (place, found)| redact(screens.at(*place), found, arguments) || any)
}

impl Toolbox {
    /// What the agent is told, as it may be taken up.
    ///
    /// # Errors
    /// [`Code::InputDenied`], where a policy does not let it pass.
    pub(crate) fn screen_prompt(&self, run: &str, prompt: String) -> Result<String, Failure> {
        let in_force = self.in_force.load();
        let screen = in_force.policy.screens_of_agent().at(Place::Prompts);
        if screen.is_empty() {
            return Ok(prompt);
        }
        let mut value = Value::String(prompt);
        let found = look(screen, &value);
        self.report(&in_force.policy, Place::Prompts, None, run, &found);
        for found in would_be_denied(&found) {
            self.count_refusal(Mode::Audit, Some(&found.policy), None);
        }
        if let Some(Found { seen, policy, .. }) = denied(&found) {
            self.count_refusal(Mode::Enforce, Some(policy), None);
            let section = seen.section();
            let detail =
                format!("the input is denied by the {section} of ToolPolicy `{policy}`: there is {seen} in it; say it without");
            return Err(Failure { policy: Some(policy.to_string()), ..Failure::new(Code::InputDenied, detail) });
        }
        redact(screen, &found, &mut value);
        match value {
            Value::String(prompt) => Ok(prompt),
            other => Ok(other.to_string()),
        }
    }

    /// What is remembered of a run, as it may be.
    pub(crate) fn screen_memory(&self, run: &str, messages: &mut [Message], summary: Option<&mut String>) {
        let in_force = self.in_force.load();
        let screen = in_force.policy.screens_of_agent().at(Place::Memory);
        if screen.is_empty() {
            return;
        }
        let mut all = Vec::new();
        for message in messages {
            match message {
                Message::User { text } | Message::Tool { text, .. } => all.extend(screen_text(screen, text)),
                Message::Assistant { text, tool_requests } => {
                    all.extend(screen_text(screen, text));
                    all.extend(tool_requests.iter_mut().flat_map(|request| screen_value(screen, &mut request.arguments)));
                }
            }
        }
        all.extend(summary.into_iter().flat_map(|summary| screen_text(screen, summary)));
        self.report(&in_force.policy, Place::Memory, None, run, &all);
    }

    /// Logs, counts and records what was found, and what became of it.
    pub(super) fn report(&self, policy: &Policy, place: Place, tool: Option<&ToolName>, call: &str, found: &[Found]) {
        if found.is_empty() {
            return;
        }
        for Found { seen, policy, mode, action, pointer: _ } in found {
            self.metrics.found(*mode, place, seen, *action);
            let (tool, place) = (tool.map(tracing_name), place.name());
            info!(agent = %self.agent, tool, place, call, %policy, ?mode, ?action, found = %seen, "found what a policy looks for");
        }
        let findings = Findings::new(&self.agent, policy.version(), place, tool, call, found);
        if let Err(error) = self.auditor.found(findings, policy) {
            error!(agent = %self.agent, call, %error, "findings are not recorded");
        }
    }
}

fn tracing_name(tool: &ToolName) -> &str {
    tool.as_str()
}

fn screen_text(screen: &Screen, text: &mut String) -> Vec<Found> {
    let mut value = Value::String(std::mem::take(text));
    let found = screen_value(screen, &mut value);
    *text = match value {
        Value::String(text) => text,
        other => other.to_string(),
    };
    found
}

fn screen_value(screen: &Screen, value: &mut Value) -> Vec<Found> {
    let found = look(screen, value);
    match denied(&found) {
        Some(Found { seen, .. }) => *value = Value::String(format!("[withheld: {seen}]")),
        None => drop(redact(screen, &found, value)),
    }
    found
}
