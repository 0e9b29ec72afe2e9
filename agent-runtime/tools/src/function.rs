//! Tools that are a function of their arguments: no I/O, no waiting, no state.

use std::marker::PhantomData;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use skreaver_policy::Permit;

use crate::nesting::{self, MOST_NESTED};
use crate::{Isolation, Tool, ToolError};

/// The most bytes of arguments that an isolated function takes where it is not isolated.
const MOST_IN_PROCESS: usize = 256 << 10;

/// A function that makes a tool; [`Pure`] is that tool. Worker processes run only these, which is why one has no `self`.
pub trait Function: Send + Sync + 'static {
    /// The name under which workers know it; for a built-in tool the one by which agents list it.
    const NAME: &'static str;
    /// What it does, in a sentence for models and people.
    const DESCRIPTION: &'static str;
    /// Whether it chews what strangers wrote, and so should not do it in the process of others.
    const IS_ISOLATED: bool = false;
    /// What it takes.
    type Arguments: DeserializeOwned + JsonSchema;
    /// What it gives.
    type Output: Serialize + JsonSchema;

    /// The arguments that a bare text stands for.
    fn from_text(text: &str) -> Value {
        Text::arguments(text)
    }

    /// Computes.
    ///
    /// # Errors
    /// [`ToolError`], told to the caller word for word.
    fn compute(arguments: Self::Arguments) -> Result<Self::Output, ToolError>;
}

/// A [`Function`] as a tool.
///
/// Isolated, it runs in a worker where there are any. Where there are none it runs where it is called, and takes 256 KiB at
/// most: nothing can stop it there.
pub struct Pure<F>(PhantomData<fn() -> F>);

impl<F> Pure<F> {
    /// The tool.
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<F> Default for Pure<F> {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl<F: Function> Tool for Pure<F> {
    fn description(&self) -> &str {
        F::DESCRIPTION
    }

    fn input_schema(&self) -> Value {
        schema::<F::Arguments>()
    }

    fn output_schema(&self) -> Option<Value> {
        Some(schema::<F::Output>())
    }

    fn arguments_from_text(&self, text: &str) -> Value {
        F::from_text(text)
    }

    fn is_idempotent(&self) -> bool {
        true
    }

    fn isolation(&self) -> Isolation {
        if F::IS_ISOLATED { Isolation::Worker(F::NAME) } else { Isolation::InProcess }
    }

    async fn run(&self, _permit: Permit, arguments: Value) -> Result<Value, ToolError> {
        if F::IS_ISOLATED && nesting::bytes(&arguments) > MOST_IN_PROCESS {
            let most = MOST_IN_PROCESS >> 10;
            return Err(ToolError::InvalidArguments(format!(
                "more than {most} KiB, which takes worker processes; this program has none"
            )));
        }
        call::<F>(arguments)
    }
}

/// Calls a function by what it is given as JSON.
pub(crate) fn call<F: Function>(arguments: Value) -> Result<Value, ToolError> {
    let arguments = named(arguments)?;
    let output = F::compute(arguments)?;
    let output = serde_json::to_value(output).map_err(|error| ToolError::Failed(error.to_string()))?;
    // Whoever keeps or sends the result has to be able to read it again, with something around it.
    if nesting::is_deeper(&output, MOST_NESTED) {
        return Err(ToolError::Failed(format!("the result nests deeper than {MOST_NESTED} levels")));
    }
    Ok(output)
}

/// Arguments by name. serde would take them by place as well, which no schema says.
fn named<A: DeserializeOwned>(arguments: Value) -> Result<A, ToolError> {
    if !arguments.is_object() {
        return Err(ToolError::InvalidArguments("arguments are a JSON object".to_owned()));
    }
    serde_json::from_value(arguments).map_err(|error| ToolError::InvalidArguments(error.to_string()))
}

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
pub fn schema<T: JsonSchema>() -> Value {
    let mut schema = schemars::schema_for!(T).to_value();
    // Clients show the tool's own description; the name and text of our Rust type would only confuse.
    if let Some(fields) = schema.as_object_mut() {
        fields.remove("title");
        fields.remove("description");
    }
    drop_formats(&mut schema);
    schema
}

/// Formats of Rust's numbers are none of JSON Schema's: clients that check schemas warn of every one.
fn drop_formats(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            let is_of_numbers =
                |format: &str| format.trim_start_matches('u').starts_with("int") || format == "double" || format == "float";
            if fields.get("format").and_then(Value::as_str).is_some_and(is_of_numbers) {
                fields.remove("format");
            }
            fields.values_mut().for_each(drop_formats);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_formats),
        _ => {}
    }
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
        named(arguments).map(self.run)
    }
}
