//! `reverse`: a text backwards, by what a reader sees as one character (UAX #29 grapheme clusters).

use serde_json::Value;
use unicode_segmentation::UnicodeSegmentation;

use crate::{FunctionTool, Text};

pub(super) fn tool() -> FunctionTool<Text> {
    FunctionTool {
        description: "Reverses a text, character by character as a reader sees them.",
        from_text: Text::arguments,
        run: |Text { text }| Value::String(text.graphemes(true).rev().collect()),
    }
}
