//! `uppercase`: a text in capitals.

use skreaver_protocol::Builtin;

use crate::{Function, Text, ToolError};

/// See [`TextUppercaseTool`](super::TextUppercaseTool).
pub struct Uppercase;

impl Function for Uppercase {
    const NAME: &'static str = Builtin::Uppercase.name();
    const DESCRIPTION: &'static str = "Upper-cases a text, by Unicode's rules.";
    type Arguments = Text;
    type Output = String;

    fn compute(Text { text }: Text) -> Result<String, ToolError> {
        Ok(text.to_uppercase())
    }
}
