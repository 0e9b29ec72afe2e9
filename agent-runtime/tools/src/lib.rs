//! What a tool is, and the built-in tools. Whoever calls one needs a permit, which only a policy makes; the door that asks it
//! is the library's `Toolbox`.

mod builtin;
mod function;

use async_trait::async_trait;
use serde_json::{Value, json};
use skreaver_policy::Permit;

pub use builtin::builtin;
pub use function::{FunctionTool, Text, schema};

/// Something that an agent can do.
#[async_trait]
pub trait Tool: Send + Sync {
    /// What it does, in a sentence for models and people.
    fn description(&self) -> &str;

    /// The JSON Schema (2020-12) of its arguments: always of type `object`.
    fn input_schema(&self) -> Value;

    /// The arguments that the text of an input `tool:text` stands for.
    fn arguments_from_text(&self, text: &str) -> Value {
        json!({ "text": text })
    }

    /// Whether doing it twice is as good as doing it once. A call whose outcome was lost with its process is made again only
    /// then; otherwise the model is told that the outcome is not known.
    fn is_idempotent(&self) -> bool {
        false
    }

    /// Does it. The permit is the proof that the policy let this call pass, and is spent by it.
    ///
    /// # Errors
    /// [`ToolError`], told to the caller word for word.
    async fn run(&self, permit: Permit, arguments: Value) -> Result<Value, ToolError>;
}

/// Why a tool gave no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ToolError {
    /// It does not take these arguments.
    #[error("{0}")]
    InvalidArguments(String),
    /// It tried and failed.
    #[error("{0}")]
    Failed(String),
}
