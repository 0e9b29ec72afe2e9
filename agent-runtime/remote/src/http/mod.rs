//! A declared HTTP request as a tool.

mod answer;
pub(crate) mod request;
pub(crate) mod template;
mod tool;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use skreaver_policy::bounds::{Host, shown};
use skreaver_protocol::config::{HttpMethod, HttpToolConfig};
use skreaver_tools::ToolError;

pub(crate) use answer::is_json;
use request::{Given, Request, text};
use template::Template;
pub(crate) use tool::Arguments;
pub use tool::RequestTool;

use crate::headers::Headers;
use crate::problem::Problem;
use crate::shape::Shape;
use crate::world::World;

/// The host and port that the spec names: the place of the agent's own that `Own.places` takes. Nothing where its URL is none.
pub fn places(config: &HttpToolConfig) -> Vec<(Host, u16)> {
    Template::parse(&config.url).map(|template| template.place()).into_iter().collect()
}

/// Compiles a declaration.
///
/// # Errors
/// All that is wrong with it.
pub fn compile(config: &HttpToolConfig, world: &World) -> Result<RequestTool, Vec<Problem>> {
    let HttpToolConfig { description, method, url, headers, input_schema, output_schema, timeout } = config;
    let mut problems = Vec::new();
    let template = Template::parse(url).map_err(|found| problems.extend(found.into_iter().map(|why| Problem::new("url", why))));
    let headers = Headers::compile(headers).map_err(|found| problems.extend(found));
    let output = output_schema.clone().map(Shape::compile).transpose();
    let output = output.map_err(|why| problems.push(Problem::new("outputSchema", why)));
    let input = template.as_ref().ok().map(|template| input(template, input_schema.clone()));
    let input = input.transpose().map_err(|found| problems.extend(found));
    if timeout.get().is_zero() {
        problems.push(Problem::new("timeout", "no request takes no time: write more than 0"));
    }
    match (template, headers, output, input) {
        (Ok(template), Ok(headers), Ok(output), Ok(Some(input))) if problems.is_empty() => {
            let description = description.clone().unwrap_or_else(|| format!("{} {url}", word(*method)));
            let request = Request { world: world.clone(), method: *method, template, headers, output, timeout: timeout.get() };
            Ok(RequestTool { description, input, request, arguments: Box::new(Declared) })
        }
        _ => Err(problems),
    }
}

/// Arguments as a spec declares them: the variables of the URL, and all others as query or body.
struct Declared;

impl Arguments for Declared {
    fn given(&self, request: &Request, mut arguments: Map<String, Value>) -> Result<Given, ToolError> {
        let mut values = BTreeMap::new();
        for name in request.template.variables() {
            match arguments.remove(name) {
                None | Some(Value::Null) => {}
                Some(value) => {
                    let text = text(&value).ok_or_else(|| unfit(name, "it stands in the URL: a text, a number or a boolean"))?;
                    values.insert(name.to_owned(), vec![text]);
                }
            }
        }
        let (query, body) = match request.method {
            HttpMethod::Get | HttpMethod::Delete => (query(arguments)?, None),
            HttpMethod::Post | HttpMethod::Put | HttpMethod::Patch => {
                (Vec::new(), Some(arguments).filter(|rest| !rest.is_empty()))
            }
        };
        Ok(Given { values, query, body: body.map(Value::Object), headers: BTreeMap::new() })
    }
}

/// The schema of the arguments: the declared one, which has to name every variable, or one text for each.
fn input(template: &Template, declared: Option<Value>) -> Result<Shape, Vec<Problem>> {
    let variables = template.variables();
    let Some(declared) = declared else {
        let texts: Map<_, _> = variables.iter().map(|name| ((*name).to_owned(), json!({"type": "string"}))).collect();
        let schema = json!({"type": "object", "properties": texts, "required": variables});
        return Shape::of_arguments(schema).map_err(|why| vec![Problem::new("url", why)]);
    };
    let shape = Shape::of_arguments(declared).map_err(|why| vec![Problem::new("inputSchema", why)])?;
    let problem = |name: &&str| {
        let missing = match (shape.names(name), template.is_in_path(name) && !shape.demands(name)) {
            (false, _) => format!("`{name}`, a variable of the URL, is none of its `properties`"),
            (true, true) => format!("`{name}` stands in the path of the URL and is not `required`"),
            (true, false) => return None,
        };
        Some(Problem::new("inputSchema", missing))
    };
    let problems: Vec<_> = variables.iter().filter_map(problem).collect();
    if problems.is_empty() { Ok(shape) } else { Err(problems) }
}

/// Arguments as parameters of a query: a list is one parameter for each of its items, and null is none.
fn query(arguments: Map<String, Value>) -> Result<Vec<(String, Vec<String>)>, ToolError> {
    let mut query = Vec::new();
    for (name, value) in arguments {
        let items = match value {
            Value::Null => continue,
            Value::Array(items) => items,
            one => vec![one],
        };
        for item in items {
            let text = text(&item)
                .ok_or_else(|| unfit(&name, "it stands in the query: a text, number or boolean, or a list of them"))?;
            query.push((name.clone(), vec![text]));
        }
    }
    Ok(query)
}

fn unfit(name: &str, why: &str) -> ToolError {
    ToolError::InvalidArguments(format!("`/{}`: {why}", shown(name)))
}

pub(crate) const fn word(method: HttpMethod) -> &'static str {
    match method {
        HttpMethod::Get => "GET",
        HttpMethod::Post => "POST",
        HttpMethod::Put => "PUT",
        HttpMethod::Patch => "PATCH",
        HttpMethod::Delete => "DELETE",
    }
}
