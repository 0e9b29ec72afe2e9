//! The tools of agents. They run only through [`Toolbox::call`], and only with a permit.

#[cfg(feature = "network")]
mod bridge;
#[cfg(any(feature = "io", feature = "network"))]
mod effects;
#[cfg(not(any(feature = "io", feature = "network")))]
#[path = "no_effects.rs"]
mod effects;
mod note;
#[cfg(any(feature = "io", feature = "network"))]
mod public_effects;
mod registry;
#[cfg(feature = "network")]
pub(crate) mod remote;
#[cfg(not(feature = "network"))]
#[path = "no_remote.rs"]
pub(crate) mod remote;
mod toolbox;
mod wire_name;

use std::sync::Arc;

use skreaver_protocol::Builtin;

#[cfg(feature = "network")]
pub use bridge::{BridgeError, McpBridge};
#[cfg(feature = "io")]
pub use public_effects::{
    DirectoryCreateTool, DirectoryListTool, FileAppendTool, FileDeleteTool, FileReadTool, FileStatTool, FileWriteTool,
};
#[cfg(feature = "network")]
pub use public_effects::{HttpDeleteTool, HttpGetTool, HttpPatchTool, HttpPostTool, HttpPutTool};
pub use registry::{InMemoryToolRegistry, RegisterError};
#[cfg(feature = "workers")]
pub use skreaver_tools::worker;
pub use skreaver_tools::{
    AddTool, Base64DecodeTool, Base64EncodeTool, DivideTool, Function, FunctionTool, HashTool, HtmlToTextTool, Isolation,
    JsonFormatTool, JsonParseTool, JsonQueryTool, JsonTransformTool, Limit, MultiplyTool, Pure, SubtractTool, Text,
    TextAnalyzeTool, TextLowercaseTool, TextReverseTool, TextSearchTool, TextSplitTool, TextUppercaseTool, TimeTool, Tool,
    ToolError, XmlParseTool,
};
pub(crate) use toolbox::judged_by_findings;
pub use toolbox::{CallError, Decided, Input, ToolCall, ToolResult, Toolbox};

pub(crate) use effects::Effects;
pub(crate) use wire_name::wire_name;

use crate::agent::Slot;

/// How a tool call ends, seen from its caller.
pub type ExecutionResult = Result<ToolResult, CallError>;

/// The tool behind a built-in name, for an agent with this memory.
///
/// # Panics
/// For a tool that needs memory, without any: the builder refuses such an agent before.
pub(crate) fn builtin(builtin: Builtin, memory: Option<&Arc<Slot>>) -> Arc<dyn Tool> {
    let memory = || Arc::clone(memory.expect("an agent with this tool has memory"));
    match builtin {
        Builtin::Remember => Arc::new(note::Remember(memory())),
        Builtin::Recall => Arc::new(note::Recall(memory())),
        other => skreaver_tools::builtin(other).expect("it needs no memory"),
    }
}
