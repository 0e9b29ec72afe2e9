//! `lowercase`: a text in small letters.

use serde_json::Value;

use crate::{FunctionTool, Text};

pub(super) fn tool() -> FunctionTool<Text> {
    FunctionTool {
        description: "Lower-cases a text, by Unicode's rules.",
        from_text: Text::arguments,
        run: |Text { text }| Value::String(text.to_lowercase()),
    }
}
