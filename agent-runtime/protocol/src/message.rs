//! What is said in a conversation: between people, models and tools.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One message of a conversation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "role", rename_all = "snake_case")]
pub enum Message {
    /// What the agent was told.
    User {
        /// The text.
        text: String,
    },
    /// What the agent said.
    Assistant {
        /// The text; empty where it only asks for tools.
        text: String,
        /// The tools that it asks for.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        tool_requests: Vec<ToolRequest>,
    },
    /// What a tool answered.
    Tool {
        /// The id of the request that it answers.
        id: String,
        /// The tool.
        tool: String,
        /// What it answered, or why there is no answer.
        text: String,
        /// Whether this is no answer but the reason for there being none.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        failed: bool,
    },
}

/// A tool that a model asks for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ToolRequest {
    /// Tells the requests of one conversation apart.
    pub id: String,
    /// The tool, by the name that the model wrote.
    pub tool: String,
    /// Its arguments.
    pub arguments: Value,
}

/// Tokens as the provider counts them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tokens {
    /// Tokens of the questions.
    pub input: u64,
    /// Tokens of the answers.
    pub output: u64,
}

impl Tokens {
    /// Both together.
    pub const fn total(self) -> u64 {
        self.input.saturating_add(self.output)
    }
}

impl std::ops::AddAssign for Tokens {
    fn add_assign(&mut self, more: Self) {
        self.input = self.input.saturating_add(more.input);
        self.output = self.output.saturating_add(more.output);
    }
}
