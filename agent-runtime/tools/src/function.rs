//! Tools that are a function of their arguments: no I/O, no waiting.

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use skreaver_policy::Permit;

use super::{Tool, ToolError};

/// A tool made of a plain function. Its schema is that of the argument type.
pub struct FunctionTool<A> {
    /// What it does, in a sentence.
    pub description: &'static str,
    /// The arguments that a bare text stands for.
    pub from_text: fn(&str) -> Value,
    /// The function.
    pub run: fn(A) -> Value,
}

/// The arguments of a tool that takes one text.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Text {
    /// The text.
    pub text: String,
}

impl Text {
    /// A bare text as arguments.
    pub fn arguments(text: &str) -> Value {
        json!({ "text": text })
    }
}

/// The JSON Schema of a type, as clients are shown it.
pub fn schema<A: JsonSchema>() -> Value {
    let mut schema = schemars::schema_for!(A).to_value();
    // Clients show the tool's own description; the name and text of our Rust type would only confuse.
    if let Some(fields) = schema.as_object_mut() {
        fields.remove("title");
        fields.remove("description");
    }
    schema
}

#[async_trait]
impl<A: DeserializeOwned + JsonSchema> Tool for FunctionTool<A> {
    fn description(&self) -> &str {
        self.description
    }

    fn input_schema(&self) -> Value {
        schema::<A>()
    }

    fn arguments_from_text(&self, text: &str) -> Value {
        (self.from_text)(text)
    }

    fn is_idempotent(&self) -> bool {
        true
    }

    async fn run(&self, _permit: Permit, arguments: Value) -> Result<Value, ToolError> {
        let arguments = serde_json::from_value(arguments).map_err(|error| ToolError::InvalidArguments(error.to_string()))?;
        Ok((self.run)(arguments))
    }
}
