//! `lowercase`: a text in small letters.

use skreaver_protocol::Builtin;

use crate::{Function, Text, ToolError};

/// See [`TextLowercaseTool`](super::TextLowercaseTool).
pub struct Lowercase;

impl Function for Lowercase {
    const NAME: &'static str = Builtin::Lowercase.name();
    const DESCRIPTION: &'static str = "Lower-cases a text, by Unicode's rules.";
    type Arguments = Text;
    type Output = String;

    fn compute(Text { text }: Text) -> Result<String, ToolError> {
        Ok(text.to_lowercase())
    }
}
