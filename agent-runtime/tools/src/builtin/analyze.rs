//! `analyze`: what a text is made of, in numbers.

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::{FunctionTool, Text};

pub(super) fn tool() -> FunctionTool<Text> {
    FunctionTool {
        description: "Counts the bytes, characters, words, unique words (ignoring case) and lines of a text.",
        from_text: Text::arguments,
        run: |Text { text }| analyze(&text),
    }
}

fn analyze(text: &str) -> Value {
    let unique: HashSet<String> = text.split_whitespace().map(str::to_lowercase).collect();
    json!({
        "bytes": text.len(),
        "characters": text.chars().count(),
        "words": text.split_whitespace().count(),
        "unique_words": unique.len(),
        "lines": text.lines().count(),
    })
}
