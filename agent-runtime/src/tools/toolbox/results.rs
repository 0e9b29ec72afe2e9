//! What comes out of the door: as large, and as much of it, as policies let pass.

use serde_json::Value;
use skreaver_policy::{ResultLimit, SecretsTerms, Terms, is_larger};

use super::secrets;
use crate::tools::ToolError;

/// Why a result is not handed on.
pub(super) enum Withheld {
    /// It is larger than this.
    TooLarge(ResultLimit),
    /// There is a secret in it.
    Secret {
        /// The ToolPolicy that denies it.
        policy: String,
        /// What kind of secret.
        kind: &'static str,
    },
}

/// A result as it may be handed on.
pub(super) fn within(terms: &Terms, secrets: &SecretsTerms, mut output: Value) -> Result<Value, Withheld> {
    terms.redact_result(&mut output);
    // Its size first: what is too large is not looked into.
    if let Some(limit) = terms.result_limit().filter(|limit| is_larger(&output, limit.most)) {
        return Err(Withheld::TooLarge(limit.clone()));
    }
    let of_result = secrets::of_result(secrets.results.as_ref(), output);
    of_result.map_err(|(policy, found)| Withheld::Secret { policy, kind: found.kind })
}

/// Why a tool gave no result, as it may be handed on: that can be as long, and tell as much, as a result.
pub(super) fn error_within(terms: &Terms, secrets: &SecretsTerms, error: ToolError) -> Result<ToolError, Withheld> {
    let told = error.to_string();
    match within(terms, secrets, Value::String(told.clone()))? {
        Value::String(text) if text != told => Ok(ToolError::Failed(text)),
        _ => Ok(error),
    }
}
