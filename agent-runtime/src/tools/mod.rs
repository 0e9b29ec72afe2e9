//! What a tool is. Tools run only through [`Toolbox::call`], and only with a permit.

mod builtin;
mod function;
mod registry;
mod toolbox;

use async_trait::async_trait;
use serde_json::{Value, json};
use skreaver_policy::Permit;

pub(crate) use builtin::builtin;
pub use function::{FunctionTool, Text};
pub use registry::{InMemoryToolRegistry, RegisterError};
pub use toolbox::{CallError, Decided, Input, ToolCall, ToolResult, Toolbox};

/// How a tool call ends, seen from its caller.
pub type ExecutionResult = Result<ToolResult, CallError>;

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
