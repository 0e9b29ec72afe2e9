//! What a model is asked and what it answers.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use skreaver_protocol::message::{Message, Tokens, ToolRequest};

/// What a model is asked.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    /// What the agent is told to be.
    pub instructions: Option<String>,
    /// The conversation, oldest first. It ends with what is to be answered.
    pub messages: Vec<Message>,
    /// The tools that it may ask for.
    pub tools: Vec<ToolSpec>,
    /// The JSON Schema (2020-12) that the text of the answer must have.
    pub output_schema: Option<Value>,
}

/// A tool as a model sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolSpec {
    /// Its name.
    pub name: String,
    /// What it does.
    pub description: String,
    /// The JSON Schema of its arguments.
    pub input_schema: Value,
}

/// What a model answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// Its text; empty where it only asks for tools.
    pub text: String,
    /// The tools that it asks for, in its order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tool_requests: Vec<ToolRequest>,
    /// What it took.
    pub tokens: Tokens,
    /// Why it ended.
    pub stop: StopReason,
}

/// Why an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    /// It is complete.
    Complete,
    /// It waits for the tools that it asks for.
    Tools,
    /// It is cut off at `parameters.maxOutputTokens`.
    Length,
    /// The provider's filter cut it off or refused.
    Filtered,
}
