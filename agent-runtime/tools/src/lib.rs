//! What a tool is, and the built-in tools. Whoever calls one needs a permit, which only a policy makes; the door that asks it
//! is the library's `Toolbox`.
//!
//! Most built-in tools are a [`Function`] of their arguments. Those that chew what strangers wrote say so by
//! [`Isolation::Worker`], and with the feature `workers` they run in processes of their own: see `worker`.

mod builtin;
mod function;
mod nesting;
#[cfg(feature = "workers")]
pub mod worker;

use async_trait::async_trait;
use serde_json::{Value, json};
use skreaver_policy::Permit;

pub use builtin::*;
pub use function::{Function, FunctionTool, Pure, Text, schema};

/// Something that an agent can do.
#[async_trait]
pub trait Tool: Send + Sync {
    /// What it does, in a sentence for models and people.
    fn description(&self) -> &str;

    /// The JSON Schema (2020-12) of its arguments: always of type `object`.
    fn input_schema(&self) -> Value;

    /// The JSON Schema (2020-12) of its result, where it promises one.
    fn output_schema(&self) -> Option<Value> {
        None
    }

    /// The arguments that the text of an input `tool:text` stands for.
    fn arguments_from_text(&self, text: &str) -> Value {
        json!({ "text": text })
    }

    /// Whether doing it twice is as good as doing it once. A call whose outcome was lost with its process is made again only
    /// then; otherwise the model is told that the outcome is not known.
    fn is_idempotent(&self) -> bool {
        false
    }

    /// Whether it keeps what it is given for later runs: then what policies say of memory counts for its arguments.
    fn remembers(&self) -> bool {
        false
    }

    /// Where it should run.
    fn isolation(&self) -> Isolation {
        Isolation::InProcess
    }

    /// Does it. The permit is the proof that the policy let this call pass, and is spent by it.
    ///
    /// # Errors
    /// [`ToolError`], told to the caller word for word.
    async fn run(&self, permit: Permit, arguments: Value) -> Result<Value, ToolError>;
}

/// Where a tool runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Isolation {
    /// In the process that calls it. For tools whose work is bounded by what they are.
    InProcess,
    /// In a worker process, as the function of this name: for tools that chew what strangers wrote.
    Worker(&'static str),
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
    /// What it was to touch may not be touched, as it turned out when it was about to.
    #[error("{why}")]
    Refused {
        /// The ToolPolicy that refused; nothing where the safe defaults did.
        policy: Option<String>,
        /// What it was, why not, and what is allowed.
        why: String,
    },
    /// It was stopped at a limit, and what it had done is gone.
    #[error("stopped: {0}")]
    Stopped(Limit),
}

/// What a tool was stopped at.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Limit {
    /// It had this long, from when it was called.
    #[error("it took longer than its {} ms", .0.as_millis())]
    Time(std::time::Duration),
    /// It had this many seconds of computing.
    #[error("it computed for longer than its {0} s")]
    Cpu(u64),
    /// It had this many bytes of memory.
    #[error("it needed more memory than its {} MiB", .0 >> 20)]
    Memory(u64),
    /// Its result, or what it printed, had this many bytes.
    #[error("it wrote more than its {0} bytes")]
    Output(usize),
    /// It called itself too often.
    #[error("it nested deeper than its stack")]
    Stack,
    /// So many workers were busy for as long as it had.
    #[error("all {0} workers were busy with other calls for as long as it had")]
    Busy(usize),
    /// It broke without a word, as this tells.
    #[error("its worker broke: {0}")]
    Crash(String),
}
