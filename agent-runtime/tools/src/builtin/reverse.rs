//! `reverse`: a text backwards, by what a reader sees as one character (UAX #29 grapheme clusters).

use skreaver_protocol::Builtin;
use unicode_segmentation::UnicodeSegmentation;

use crate::{Function, Text, ToolError};

/// See [`TextReverseTool`](super::TextReverseTool).
pub struct Reverse;

impl Function for Reverse {
    const NAME: &'static str = Builtin::Reverse.name();
    const DESCRIPTION: &'static str = "Reverses a text, character by character as a reader sees them.";
    type Arguments = Text;
    type Output = String;

    fn compute(Text { text }: Text) -> Result<String, ToolError> {
        Ok(text.graphemes(true).rev().collect())
    }
}
