//! A tool that makes one request, whoever declared it.

use async_trait::async_trait;
use serde_json::{Map, Value};
use skreaver_policy::Permit;
use skreaver_tools::{Tool, ToolError};

use super::request::{Given, Request};
use crate::shape::Shape;

/// A tool that makes one request: a spec declares it, or a document.
pub struct RequestTool {
    pub(crate) description: String,
    pub(crate) input: Shape,
    pub(crate) request: Request,
    pub(crate) arguments: Box<dyn Arguments>,
}

/// What becomes of the arguments of a call, which are as their schema says.
pub(crate) trait Arguments: Send + Sync {
    /// Where each of them stands in the request.
    fn given(&self, request: &Request, arguments: Map<String, Value>) -> Result<Given, ToolError>;
}

#[async_trait]
impl Tool for RequestTool {
    fn description(&self) -> &str {
        &self.description
    }

    fn input_schema(&self) -> Value {
        self.input.schema().clone()
    }

    fn output_schema(&self) -> Option<Value> {
        self.request.output.as_ref().map(|shape| shape.schema().clone())
    }

    fn arguments_from_text(&self, text: &str) -> Value {
        self.input.meant_by(text)
    }

    fn is_idempotent(&self) -> bool {
        self.request.is_idempotent()
    }

    async fn run(&self, permit: Permit, arguments: Value) -> Result<Value, ToolError> {
        self.input.check(&arguments).map_err(ToolError::InvalidArguments)?;
        let Value::Object(arguments) = arguments else {
            return Err(ToolError::InvalidArguments("arguments are a JSON object".to_owned()));
        };
        let given = self.arguments.given(&self.request, arguments)?;
        self.request.make(&permit, given).await
    }
}
