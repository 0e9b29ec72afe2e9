//! `uppercase`: a text in capitals.

use serde_json::Value;

use crate::{FunctionTool, Text};

pub(super) fn tool() -> FunctionTool<Text> {
    FunctionTool {
        description: "Upper-cases a text, by Unicode's rules.",
        from_text: Text::arguments,
        run: |Text { text }| Value::String(text.to_uppercase()),
    }
}
