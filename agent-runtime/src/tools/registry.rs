//! Tools by name, for a runtime that is built in code.

use std::collections::BTreeMap;
use std::sync::Arc;

use skreaver_protocol::{NameError, ToolName};

use super::Tool;

/// Tools by name, in the process. [`Builder::tools`](crate::Builder::tools) takes it.
///
/// ```
/// use skreaver::tools::{FunctionTool, InMemoryToolRegistry, Text};
///
/// let shout = FunctionTool { description: "Shouts.", from_text: Text::arguments, run: |Text { text }| (text + "!").into() };
/// let mut tools = InMemoryToolRegistry::new();
/// tools.register("shout", shout)?;
/// assert!(tools.get("shout").is_some());
/// # Ok::<(), skreaver::tools::RegisterError>(())
/// ```
#[derive(Clone, Default)]
pub struct InMemoryToolRegistry(BTreeMap<ToolName, Arc<dyn Tool>>);

/// Why a tool is not registered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegisterError {
    /// Its name is none.
    #[error(transparent)]
    Name(#[from] NameError),
    /// Another one has it.
    #[error("a tool `{0}` is registered already")]
    Taken(ToolName),
}

impl InMemoryToolRegistry {
    /// A registry without tools.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a tool.
    ///
    /// # Errors
    /// [`RegisterError`]; what was registered before stays.
    pub fn register(&mut self, name: &str, tool: impl Tool + 'static) -> Result<(), RegisterError> {
        let name = ToolName::parse(name)?;
        if self.0.contains_key(&name) {
            return Err(RegisterError::Taken(name));
        }
        self.0.insert(name, Arc::new(tool));
        Ok(())
    }

    /// The tool of this name.
    pub fn get(&self, name: &str) -> Option<&Arc<dyn Tool>> {
        self.0.get(name)
    }

    /// All tools, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&ToolName, &Arc<dyn Tool>)> {
        self.0.iter()
    }

    /// Puts a tool in the place of whatever has its name.
    pub(crate) fn replace(&mut self, name: ToolName, tool: Arc<dyn Tool>) {
        self.0.insert(name, tool);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::{FunctionTool, Text};

    fn tool() -> FunctionTool<Text> {
        FunctionTool { description: "Echoes.", from_text: Text::arguments, run: |Text { text }| text.into() }
    }

    #[test]
    fn a_name_is_taken_once_and_has_to_be_one() {
        let mut tools = InMemoryToolRegistry::new();
        tools.register("echo", tool()).unwrap();
        assert_eq!(tools.register("echo", tool()), Err(RegisterError::Taken(ToolName::parse("echo").unwrap())));
        assert!(matches!(tools.register("no name", tool()), Err(RegisterError::Name(_))));
        assert_eq!(tools.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["echo"]);
    }
}
