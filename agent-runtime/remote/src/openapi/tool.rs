//! An operation as a tool: its arguments written as its parameters say.

use async_trait::async_trait;
use serde_json::{Map, Value};
use skreaver_policy::Permit;
use skreaver_policy::bounds::shown;
use skreaver_tools::{Tool, ToolError};

use super::operation::{Operation, Parameter, Place};
use crate::headers::Headers;
use crate::http::request::{Given, Request, text};
use crate::shape::Shape;
use crate::world::World;

/// A tool that is one operation of an OpenAPI document.
pub struct OperationTool {
    description: String,
    input: Shape,
    parameters: Vec<Parameter>,
    body: Option<(String, String)>,
    request: Request,
}

impl OperationTool {
    pub(super) fn new(operation: Operation, world: World, headers: Headers, timeout: std::time::Duration) -> Self {
        let Operation { method, template, description, input, output, parameters, body } = operation;
        let request = Request { world, method, template, headers, output, timeout };
        Self { description, input, parameters, body, request }
    }

    fn given(&self, arguments: Value) -> Result<Given, ToolError> {
        self.input.check(&arguments).map_err(ToolError::InvalidArguments)?;
        let Value::Object(mut arguments) = arguments else {
            return Err(ToolError::InvalidArguments("arguments are a JSON object".to_owned()));
        };
        let mut given = Given::default();
        for parameter in &self.parameters {
            match arguments.remove(&parameter.name) {
                None | Some(Value::Null) => {}
                Some(value) => write(parameter, value, &mut given)
                    .map_err(|why| ToolError::InvalidArguments(format!("`/{}`: {why}", shown(&parameter.name))))?,
            }
        }
        if let Some((argument, content_type)) = &self.body {
            given.body = arguments.remove(argument);
            if given.body.is_some() {
                given.headers.insert("content-type".to_owned(), content_type.clone());
            }
        }
        Ok(given)
    }
}

/// Writes an argument where its parameter stands: simple in path and header, form in the query.
fn write(parameter: &Parameter, value: Value, given: &mut Given) -> Result<(), &'static str> {
    let Parameter { name, place, explode } = parameter;
    let texts = match value {
        Value::Array(items) => items.iter().map(text).collect::<Option<Vec<_>>>(),
        Value::Object(members) if *place == Place::Query && *explode => {
            given.query.extend(pairs(members)?);
            return Ok(());
        }
        one => text(&one).map(|text| vec![text]),
    };
    let texts = texts.ok_or("it is written as a text, a number or a boolean, or as a list of them")?;
    match place {
        Place::Path => drop(given.values.insert(name.clone(), texts)),
        Place::Header => drop(given.headers.insert(name.clone(), texts.join(","))),
        Place::Query if *explode => given.query.extend(texts.into_iter().map(|text| (name.clone(), vec![text]))),
        Place::Query if texts.is_empty() => {}
        Place::Query => given.query.push((name.clone(), texts)),
    }
    Ok(())
}

/// The members of an object, each as a parameter of its own.
fn pairs(members: Map<String, Value>) -> Result<Vec<(String, Vec<String>)>, &'static str> {
    let pair = |(name, value): (String, Value)| Some((name, vec![text(&value)?]));
    let pairs = members.into_iter().filter(|(_, value)| !value.is_null()).map(pair).collect::<Option<_>>();
    pairs.ok_or("each member of it is a text, a number or a boolean")
}

#[async_trait]
impl Tool for OperationTool {
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
        let given = self.given(arguments)?;
        self.request.make(&permit, given).await
    }
}
