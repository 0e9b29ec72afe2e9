//! What comes out of the door: as large, and as much of it, as policies let pass.

use serde_json::Value;
use skreaver_policy::{ResultLimit, Terms, is_larger};

use crate::tools::ToolError;

/// A result as it may be handed on.
pub(super) fn within(terms: &Terms, mut output: Value) -> Result<Value, ResultLimit> {
    terms.redact_result(&mut output);
    match terms.result_limit() {
        Some(limit) if is_larger(&output, limit.most) => Err(limit.clone()),
        Some(_) | None => Ok(output),
    }
}

/// Why a tool gave no result, as it may be handed on: that can be as long, and tell as much, as a result.
pub(super) fn error_within(terms: &Terms, error: ToolError) -> Result<ToolError, ResultLimit> {
    let told = error.to_string();
    match within(terms, Value::String(told.clone()))? {
        Value::String(text) if text != told => Ok(ToolError::Failed(text)),
        _ => Ok(error),
    }
}
