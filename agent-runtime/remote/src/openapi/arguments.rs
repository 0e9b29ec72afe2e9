//! The arguments of an operation, written as its parameters say.

use serde_json::{Map, Value};
use skreaver_policy::bounds::shown;
use skreaver_tools::ToolError;

use super::operation::{Parameter, Place};
use crate::http::Arguments;
use crate::http::request::{Given, Request, text};

/// What an operation takes.
pub(super) struct Parameters {
    pub(super) parameters: Vec<Parameter>,
    /// The argument that is the content, and the type that it is sent as.
    pub(super) body: Option<(String, String)>,
}

impl Arguments for Parameters {
    fn given(&self, _: &Request, mut arguments: Map<String, Value>) -> Result<Given, ToolError> {
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
