//! Secrets at the door: found in what goes in and in what comes out, and refused or redacted as policies say. They are never told
//! themselves, only of which kind they are and where they stand.

use std::sync::Arc;

use serde_json::Value;
use skreaver_detect::Secrets;
use skreaver_policy::{Call, Cause, Denial, Permit, SecretsRule, SecretsTerms, Settled};
use skreaver_protocol::policy::SecretsAction;

/// Where a secret stands.
pub(super) struct Found {
    pub(super) kind: &'static str,
    /// A JSON pointer (RFC 6901); empty for the whole.
    pub(super) pointer: String,
}

fn first(value: &Value) -> Option<Found> {
    let found = Secrets::all().find_in(value).into_iter().next()?;
    Some(Found { kind: found.finding.kind, pointer: found.pointer })
}

/// Refuses a call that is let pass with a secret in its arguments, or would be once people approve it, where a policy wants that;
/// tells which in mode Audit would.
pub(super) fn judged(settled: Settled, call: &Call<'_>, terms: &SecretsTerms) -> Settled {
    let Settled { verdict, mut audited } = settled;
    if verdict.as_ref().is_err_and(|denial| denial.needs().is_none()) {
        return Settled { verdict, audited };
    }
    let denying = terms.arguments.as_ref().filter(|rule| rule.action == SecretsAction::Deny);
    if denying.is_none() && terms.watching.is_empty() {
        return Settled { verdict, audited };
    }
    let Some(found) = first(call.arguments) else { return Settled { verdict, audited } };
    let denial = |policy: &String| {
        let cause = Cause::Secret { policy: policy.clone(), kind: found.kind.to_owned(), pointer: found.pointer.clone() };
        Denial { tool: call.tool.clone(), cause: Box::new(cause), callable: Arc::default() }
    };
    audited.extend(terms.watching.iter().map(denial));
    let verdict = denying.map_or(verdict, |rule| Err(denial(&rule.policy)));
    Settled { verdict, audited }
}

/// Takes secrets out of arguments, where a policy wants that. Whether there were any.
pub(super) fn redact_arguments(permit: &Permit, arguments: &mut Value) -> bool {
    let redacts = permit.secrets().arguments.as_ref().is_some_and(|rule| rule.action == SecretsAction::Redact);
    if !redacts || first(arguments).is_none() {
        return false;
    }
    Secrets::all().redact_value(arguments);
    true
}

/// A result as it may be handed on; nothing where a policy withholds it.
pub(super) fn of_result(rule: Option<&SecretsRule>, mut output: Value) -> Result<Value, (String, Found)> {
    let Some(SecretsRule { action, policy }) = rule else { return Ok(output) };
    match (action, first(&output)) {
        (_, None) => Ok(output),
        (SecretsAction::Deny, Some(found)) => Err((policy.clone(), found)),
        (SecretsAction::Redact, Some(_)) => {
            Secrets::all().redact_value(&mut output);
            Ok(output)
        }
    }
}
