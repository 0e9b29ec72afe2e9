//! The tools that every runtime image carries. The operator reads this list to resolve references; the runtime must
//! implement each variant, or it does not compile.

use serde::{Deserialize, Serialize};

/// A built-in tool, bounded by the size of its input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Builtin {
    /// Upper-cases a text.
    Uppercase,
    /// Lower-cases a text.
    Lowercase,
    /// Reverses the characters of a text.
    Reverse,
    /// Splits a text into parts.
    Split,
    /// Counts characters, words and lines of a text.
    Analyze,
    /// Finds a pattern in a text.
    Search,
    /// Adds numbers, exactly.
    Add,
    /// Keeps a text for later. Needs memory.
    Remember,
    /// Finds texts that were kept. Needs memory.
    Recall,
}

impl Builtin {
    /// Every built-in tool.
    pub const ALL: [Self; 9] = [
        Self::Uppercase,
        Self::Lowercase,
        Self::Reverse,
        Self::Split,
        Self::Analyze,
        Self::Search,
        Self::Add,
        Self::Remember,
        Self::Recall,
    ];

    /// The name under which agents list the tool.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Uppercase => "uppercase",
            Self::Lowercase => "lowercase",
            Self::Reverse => "reverse",
            Self::Split => "split",
            Self::Analyze => "analyze",
            Self::Search => "search",
            Self::Add => "add",
            Self::Remember => "remember",
            Self::Recall => "recall",
        }
    }

    /// Whether it keeps anything, which only an agent with memory can.
    pub const fn needs_memory(self) -> bool {
        match self {
            Self::Uppercase | Self::Lowercase | Self::Reverse | Self::Split | Self::Analyze | Self::Search | Self::Add => false,
            Self::Remember | Self::Recall => true,
        }
    }

    /// The built-in tool of this name, if there is one.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|builtin| builtin.name() == name)
    }
}
