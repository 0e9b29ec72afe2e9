//! What comes out of the door: as large, and as much of it, as policies let pass.

use serde_json::Value;
use skreaver_policy::{ResultLimit, Screen, Terms, is_larger};

use crate::screening::{Found, denied, look, redact};
use crate::tools::ToolError;

/// Why a result is not handed on.
pub(super) enum Withheld {
    /// It is larger than this.
    TooLarge(ResultLimit),
    /// This is in it.
    Found(Found),
}

/// A result as it may be handed on, and what was found in it in any case.
pub(super) fn within(terms: &Terms, screen: &Screen, mut output: Value) -> (Result<Value, Withheld>, Vec<Found>) {
    terms.redact_result(&mut output);
    // Its size first: what is too large is not looked into.
    if let Some(limit) = terms.result_limit().filter(|limit| is_larger(&output, limit.most)) {
        return (Err(Withheld::TooLarge(limit.clone())), Vec::new());
    }
    let found = look(screen, &output);
    if let Some(reason) = denied(&found) {
        return (Err(Withheld::Found(reason.clone())), found);
    }
    redact(screen, &found, &mut output);
    (Ok(output), found)
}

/// Why a tool gave no result, as it may be handed on: that can be as long, and tell as much, as a result.
pub(super) fn error_within(terms: &Terms, screen: &Screen, error: ToolError) -> (Result<ToolError, Withheld>, Vec<Found>) {
    let told = error.to_string();
    let (text, found) = within(terms, screen, Value::String(told.clone()));
    let error = text.map(|text| match text {
        Value::String(text) if text != told => ToolError::Failed(text),
        _ => error,
    });
    (error, found)
}
