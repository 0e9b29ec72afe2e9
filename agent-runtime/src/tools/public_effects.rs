//! Tools that do something to the world, for registries of one's own. Behind a [`Toolbox`](super::Toolbox) they touch what its policy
//! lets a call touch, as those of agents do.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;
use skreaver_policy::Permit;
use skreaver_protocol::Builtin;

use super::effects::unwatched;
use super::{Tool, ToolError};

macro_rules! tools {
    ($($feature:literal: $($name:ident = $builtin:ident),+;)+) => {
        $($(
            #[doc = concat!("The built-in tool [`", stringify!($builtin), "`](Builtin::", stringify!($builtin), ").")]
            #[cfg(feature = $feature)]
            #[derive(Clone)]
            pub struct $name(Arc<dyn Tool>);

            #[cfg(feature = $feature)]
            impl $name {
                /// The tool.
                pub fn new() -> Self {
                    Self(unwatched(Builtin::$builtin))
                }
            }

            #[cfg(feature = $feature)]
            impl Default for $name {
                fn default() -> Self {
                    Self::new()
                }
            }

            #[cfg(feature = $feature)]
            #[async_trait]
            impl Tool for $name {
                fn description(&self) -> &str {
                    self.0.description()
                }

                fn input_schema(&self) -> Value {
                    self.0.input_schema()
                }

                fn output_schema(&self) -> Option<Value> {
                    self.0.output_schema()
                }

                fn arguments_from_text(&self, text: &str) -> Value {
                    self.0.arguments_from_text(text)
                }

                fn is_idempotent(&self) -> bool {
                    self.0.is_idempotent()
                }

                async fn run(&self, permit: Permit, arguments: Value) -> Result<Value, ToolError> {
                    self.0.run(permit, arguments).await
                }
            }
        )+)+
    };
}

tools! {
    "network":
        HttpGetTool = HttpGet,
        HttpPostTool = HttpPost,
        HttpPutTool = HttpPut,
        HttpPatchTool = HttpPatch,
        HttpDeleteTool = HttpDelete;
    "io":
        FileReadTool = FileRead,
        FileWriteTool = FileWrite,
        FileAppendTool = FileAppend,
        FileDeleteTool = FileDelete,
        FileStatTool = FileStat,
        DirectoryListTool = DirectoryList,
        DirectoryCreateTool = DirectoryCreate;
}
