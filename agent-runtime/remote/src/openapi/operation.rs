//! One operation of a document, as what it takes, where it goes and what it gives.

use std::time::Duration;

use serde_json::{Map, Value, json};
use skreaver_effects::http::is_ours;
use skreaver_policy::bounds::shown;
use skreaver_protocol::config::HttpMethod;

use super::arguments::Parameters;
use super::schema::{Direction, Resolver};
use crate::headers::Headers;
use crate::http::request::Request;
use crate::http::template::Template;
use crate::http::{RequestTool, is_json, word};
use crate::shape::Shape;
use crate::world::World;

/// The most parameters of an operation.
const MOST_PARAMETERS: usize = 64;

/// An operation that can be called.
pub(super) struct Operation {
    pub(super) method: HttpMethod,
    pub(super) template: Template,
    pub(super) description: String,
    pub(super) input: Shape,
    pub(super) output: Option<Shape>,
    pub(super) parameters: Parameters,
}

/// A parameter, whose argument has its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Parameter {
    pub(super) name: String,
    pub(super) place: Place,
    pub(super) explode: bool,
}

/// Where a parameter stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Path,
    Query,
    Header,
}

/// An operation as it stands in the document.
#[derive(Clone, Copy)]
pub(super) struct Written<'s, 'd> {
    pub(super) server: &'s str,
    pub(super) path: &'d str,
    pub(super) method: HttpMethod,
    /// What holds for all operations of the path.
    pub(super) item: &'d Value,
    pub(super) operation: &'d Value,
}

impl Operation {
    /// Compiles an operation. `own` are the headers that the spec sets: no argument does.
    pub(super) fn compile<'d>(written: Written<'_, 'd>, resolver: &mut Resolver<'d>, own: &Headers) -> Result<Self, String> {
        resolver.begin();
        let Written { server, path, method, item, operation } = written;
        if !path.starts_with('/') || path.contains('?') {
            return Err("its path is none: it begins with `/` and has no query".to_owned());
        }
        let template = Template::parse(&format!("{server}{path}")).map_err(|found| found.join("; "))?;
        let mut input = Input::default();
        for parameter in parameters(resolver, item, operation)? {
            input.parameter(resolver, parameter, own)?;
        }
        input.fits(&template)?;
        if let Some(body) = operation.get("requestBody") {
            input.body(resolver, body, method)?;
        }
        let output = output(resolver, operation)?.map(Shape::compile).transpose();
        let description = description(resolver, operation, method, path);
        let Input { properties, required, parameters, body } = input;
        let schema = json!({"type": "object", "properties": properties, "required": required});
        let input = Shape::of_arguments(schema).map_err(|why| format!("its arguments: {why}"))?;
        let output = output.map_err(|why| format!("its answer: {why}"))?;
        Ok(Self { method, template, description, input, output, parameters: Parameters { parameters, body } })
    }

    /// The tool that makes its request.
    pub(super) fn tool(self, world: World, headers: Headers, timeout: Duration) -> RequestTool {
        let Self { method, template, description, input, output, parameters } = self;
        let request = Request { world, method, template, headers, output, timeout };
        RequestTool { description, input, request, arguments: Box::new(parameters) }
    }
}

/// What an operation takes, as it is found out.
#[derive(Default)]
struct Input {
    properties: Map<String, Value>,
    required: Vec<String>,
    parameters: Vec<Parameter>,
    body: Option<(String, String)>,
}

impl Input {
    fn parameter<'d>(&mut self, resolver: &mut Resolver<'d>, written: &'d Value, own: &Headers) -> Result<(), String> {
        let name = written["name"].as_str().ok_or("a parameter has no name")?;
        let refuse = |why: &str| Err(format!("parameter `{}`: {why}", shown(name)));
        let is_required = written["required"] == json!(true);
        let place = match written["in"].as_str() {
            Some("path") => Place::Path,
            Some("query") => Place::Query,
            // As OpenAPI has it: these three are described elsewhere. What the spec sets is no argument either.
            Some("header") if ["accept", "content-type", "authorization"].contains(&name.to_ascii_lowercase().as_str()) => {
                return Ok(());
            }
            Some("header") if own.has(name) => return Ok(()),
            Some("header") if is_ours(&name.to_ascii_lowercase()) || name.parse::<hyper::header::HeaderName>().is_err() => {
                return refuse("it is no header that a caller may set");
            }
            Some("header") => Place::Header,
            Some("cookie") if !is_required => return Ok(()),
            Some("cookie") => return refuse("cookies are not sent"),
            _ => return refuse("`in` is one of path, query and header"),
        };
        let (usual, explodes) = match place {
            Place::Path | Place::Header => ("simple", false),
            Place::Query => ("form", true),
        };
        let style = written.get("style").map_or(usual, |style| style.as_str().unwrap_or_default());
        if style != usual {
            return refuse(&format!("the style `{}` is not understood: only `{usual}` is", shown(style)));
        }
        let Some(schema) = written.get("schema") else {
            return refuse("it has no `schema`; `content` is not understood");
        };
        let explode = written["explode"].as_bool().unwrap_or(explodes);
        let mut schema = resolver.schema(schema, Direction::Request)?;
        if let (Some(schema), Some(description)) = (schema.as_object_mut(), written["description"].as_str()) {
            schema.insert("description".to_owned(), json!(resolver.seen(description)));
        }
        if self.properties.insert(name.to_owned(), schema).is_some() {
            return refuse("two parameters have this name");
        }
        if is_required || place == Place::Path {
            self.required.push(name.to_owned());
        }
        self.parameters.push(Parameter { name: name.to_owned(), place, explode });
        Ok(())
    }

    /// Whether the variables of the path are its parameters, one for one.
    fn fits(&self, template: &Template) -> Result<(), String> {
        let variables = template.variables();
        let in_path =
            |name: &str| self.parameters.iter().any(|parameter| parameter.place == Place::Path && parameter.name == name);
        if let Some(name) = variables.iter().find(|name| !in_path(name)) {
            return Err(format!("`{{{name}}}` of its path is none of its parameters"));
        }
        let known = |parameter: &&Parameter| parameter.place != Place::Path || variables.contains(&parameter.name.as_str());
        match self.parameters.iter().find(|parameter| !known(parameter)) {
            Some(parameter) => Err(format!("parameter `{}`: its path has no such variable", shown(&parameter.name))),
            None => Ok(()),
        }
    }

    fn body<'d>(&mut self, resolver: &mut Resolver<'d>, body: &'d Value, method: HttpMethod) -> Result<(), String> {
        let body = resolver.follow(body)?;
        let is_required = body["required"] == json!(true);
        let found = body["content"].as_object().into_iter().flatten().find(|(name, _)| is_json(name));
        let (content_type, media) = match (found, method) {
            (Some(found), HttpMethod::Post | HttpMethod::Put | HttpMethod::Patch) => found,
            (Some(_) | None, _) if !is_required => return Ok(()),
            (Some(_), _) => return Err(format!("{} has no content", word(method))),
            (None, _) => return Err("its content is not JSON".to_owned()),
        };
        let schema = match media.get("schema") {
            Some(schema) => resolver.schema(schema, Direction::Request)?,
            None => json!({}),
        };
        let argument = if self.properties.contains_key("body") { "requestBody" } else { "body" };
        if self.properties.insert(argument.to_owned(), schema).is_some() {
            return Err("its parameters are called `body` and `requestBody`, and its content is one as well".to_owned());
        }
        if is_required {
            self.required.push(argument.to_owned());
        }
        self.body = Some((argument.to_owned(), content_type.clone()));
        Ok(())
    }
}

/// The parameters of an operation, and those of its path that it does not replace.
fn parameters<'d>(resolver: &Resolver<'d>, item: &'d Value, operation: &'d Value) -> Result<Vec<&'d Value>, String> {
    let lists = [operation, item].map(|place| place["parameters"].as_array());
    // Each is held against all others, so long lists are not even begun.
    if let Some(list) = lists.iter().flatten().find(|list| list.len() > MOST_PARAMETERS) {
        return Err(too_many(list.len()));
    }
    let mut found: Vec<&Value> = Vec::new();
    for parameter in lists.into_iter().flatten().flatten() {
        let parameter = resolver.follow(parameter)?;
        let is_same = |other: &&Value| other["name"] == parameter["name"] && other["in"] == parameter["in"];
        if !found.iter().any(is_same) {
            found.push(parameter);
        }
    }
    if found.len() > MOST_PARAMETERS {
        return Err(too_many(found.len()));
    }
    Ok(found)
}

fn too_many(count: usize) -> String {
    format!("it has {count} parameters, and {MOST_PARAMETERS} is the most")
}

/// The schema of what comes back when all went well: of every such answer one, or none if one of them may be anything.
fn output<'d>(resolver: &mut Resolver<'d>, operation: &'d Value) -> Result<Option<Value>, String> {
    let mut schemas: Vec<Value> = Vec::new();
    for (status, response) in operation["responses"].as_object().into_iter().flatten() {
        if !status.starts_with('2') {
            continue;
        }
        let content = resolver.follow(response)?["content"].as_object();
        let schema = match content.filter(|content| !content.is_empty()) {
            None => json!({"type": "null"}),
            Some(content) => {
                let schema = content.iter().find(|(name, _)| is_json(name)).and_then(|(_, media)| media.get("schema"));
                // Which of several types comes is the server's choice.
                let Some(schema) = schema.filter(|_| content.keys().all(|name| is_json(name))) else { return Ok(None) };
                resolver.schema(schema, Direction::Response)?
            }
        };
        if !schemas.contains(&schema) {
            schemas.push(schema);
        }
    }
    let says_nothing = schemas.iter().all(|schema| *schema == json!({"type": "null"}));
    Ok(match schemas.len() {
        _ if says_nothing => None,
        1 => schemas.pop(),
        _ => Some(json!({ "anyOf": schemas })),
    })
}

fn description(resolver: &Resolver<'_>, operation: &Value, method: HttpMethod, path: &str) -> String {
    let said = |key| operation[key].as_str().map(|text| resolver.seen(text)).unwrap_or_default();
    let [summary, description] = ["summary", "description"].map(said);
    match (summary.as_str(), description.as_str()) {
        ("", "") => format!("{} {}", word(method), shown(path)),
        (one, "") | ("", one) => one.to_owned(),
        (summary, description) if description.starts_with(summary) => description.to_owned(),
        (summary, description) => resolver.seen(&format!("{summary}\n\n{description}")),
    }
}
