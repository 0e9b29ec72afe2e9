//! What a panic said.

use std::any::Any;

/// The text of a panic's payload, for the log.
pub(crate) fn text(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<String>().map(String::as_str).or_else(|| payload.downcast_ref::<&str>().copied());
    text.unwrap_or("unknown")
}
