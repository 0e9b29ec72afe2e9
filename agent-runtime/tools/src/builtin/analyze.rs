//! `analyze`: what a text is made of, in numbers.

use std::collections::HashSet;

use schemars::JsonSchema;
use serde::Serialize;
use skreaver_protocol::Builtin;

use crate::{Function, Text, ToolError};

/// See [`TextAnalyzeTool`](super::TextAnalyzeTool).
pub struct Analyze;

/// The numbers of a text.
#[derive(Serialize, JsonSchema)]
pub struct Counts {
    /// Bytes, in UTF-8.
    bytes: usize,
    /// Characters of Unicode.
    characters: usize,
    /// Words, between white space.
    words: usize,
    /// Different words, ignoring case.
    unique_words: usize,
    /// Lines.
    lines: usize,
}

impl Function for Analyze {
    const NAME: &'static str = Builtin::Analyze.name();
    const DESCRIPTION: &'static str = "Counts the bytes, characters, words, unique words (ignoring case) and lines of a text.";
    type Arguments = Text;
    type Output = Counts;

    fn compute(Text { text }: Text) -> Result<Counts, ToolError> {
        let unique: HashSet<String> = text.split_whitespace().map(str::to_lowercase).collect();
        Ok(Counts {
            bytes: text.len(),
            characters: text.chars().count(),
            words: text.split_whitespace().count(),
            unique_words: unique.len(),
            lines: text.lines().count(),
        })
    }
}
