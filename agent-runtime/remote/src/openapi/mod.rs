//! The operations of an OpenAPI document (3.0 or 3.1) as tools.
//!
//! Parameters are arguments of their names, JSON content is the argument `body` (`requestBody` where a parameter is called
//! `body`). Understood are the styles `simple` in path and header and `form` in the query, with and without `explode`. An
//! operation that needs anything else (another style, a cookie, content that is not JSON) is left out and told; the others
//! work. HEAD, OPTIONS and TRACE are no tools.

mod arguments;
mod budget;
mod document;
mod operation;
mod schema;

use std::collections::BTreeMap;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use serde_json::Value;
use skreaver_policy::bounds::{Host, shown};
use skreaver_protocol::config::{HttpMethod, OpenApiConfig};
use skreaver_protocol::{TOOL_NAME_MAX, ToolName};

use crate::headers::Headers;
use crate::http::template::{LONGEST, base};
use crate::http::{RequestTool, word};
use crate::problem::Problem;
use crate::world::World;
use operation::{Operation, Written};
use schema::Resolver;

/// The most operations of a document that are tools.
pub const MOST_OPERATIONS: usize = 256;

const METHODS: [(&str, HttpMethod); 5] = [
    ("get", HttpMethod::Get),
    ("post", HttpMethod::Post),
    ("put", HttpMethod::Put),
    ("patch", HttpMethod::Patch),
    ("delete", HttpMethod::Delete),
];

/// The tools of a document.
pub struct Compiled {
    /// Each by its name: `source/operation`.
    pub tools: Vec<(ToolName, RequestTool)>,
    /// The operations that are left out, and why.
    pub left_out: Vec<Problem>,
    /// The hosts and ports that they go to: places of the agent's own that `Own.places` takes.
    pub places: Vec<(Host, u16)>,
}

/// Makes tools of the operations of a document.
///
/// # Errors
/// All that is wrong with the configuration; or all operations, where none can be a tool.
pub fn compile(source: &ToolName, config: &OpenApiConfig, world: &World) -> Result<Compiled, Vec<Problem>> {
    let OpenApiConfig { document, server, headers, include, exclude, timeout } = config;
    let mut problems = Vec::new();
    let headers = Headers::compile(headers).map_err(|found| problems.extend(found));
    let include = globs("include", include, &mut problems);
    let exclude = globs("exclude", exclude, &mut problems);
    if let Some(Err(found)) = server.as_deref().map(base) {
        problems.extend(found.into_iter().map(|why| Problem::new("server", why)));
    }
    if timeout.get().is_zero() {
        problems.push(Problem::new("timeout", "no request takes no time: write more than 0"));
    }
    let document = document::parse(document).and_then(of_known_version);
    let document = document.map_err(|why| problems.push(Problem::new("document", why)));
    let (Ok(document), Ok(headers), true) = (document, headers, problems.is_empty()) else { return Err(problems) };

    let is_wanted = |name: &str| (include.is_empty() || include.is_match(name)) && !exclude.is_match(name);
    let read = read(source, &document, server.as_deref(), &headers, is_wanted);
    if read.count > MOST_OPERATIONS {
        let why = format!("{} operations would be tools, and {MOST_OPERATIONS} is the most: choose by `include`", read.count);
        return Err(vec![Problem::new("document", why)]);
    }
    if read.operations.is_empty() {
        let none = Problem::new("document", "none of its operations is a tool");
        return Err([vec![none], read.left_out].concat());
    }
    let mut places = Vec::new();
    for place in read.operations.values().map(|operation| operation.template.place()) {
        if !places.contains(&place) {
            places.push(place);
        }
    }
    let tool = |operation: Operation| operation.tool(world.clone(), headers.clone(), timeout.get());
    let tools = read.operations.into_iter().map(|(name, operation)| (name, tool(operation))).collect();
    Ok(Compiled { tools, left_out: read.left_out, places })
}

/// What is read of a document.
#[derive(Default)]
struct Read {
    operations: BTreeMap<ToolName, Operation>,
    left_out: Vec<Problem>,
    /// The operations that are wanted, also those that are left out.
    count: usize,
}

fn read(source: &ToolName, document: &Value, server: Option<&str>, headers: &Headers, is_wanted: impl Fn(&str) -> bool) -> Read {
    let (mut read, mut resolver) = (Read::default(), Resolver::new(document));
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        let Ok(item) = resolver.follow(item) else {
            read.left_out.push(Problem::new(place(path, None), "what it refers to is not in the document"));
            continue;
        };
        for (key, method) in METHODS {
            let Some(operation) = item.get(key) else { continue };
            let name = name(source, operation["operationId"].as_str(), method, path);
            if !is_wanted(&name) {
                continue;
            }
            read.count += 1;
            if read.count > MOST_OPERATIONS {
                continue;
            }
            let compiled = server_of(server, [operation, item, document]).and_then(|server| {
                let written = Written { server: &server, path, method, item, operation };
                add(&mut read.operations, source, &name, || Operation::compile(written, &mut resolver, headers))
            });
            if let Err(why) = compiled {
                read.left_out.push(Problem::new(place(path, Some(key)), why));
            }
        }
    }
    read
}

fn add(
    operations: &mut BTreeMap<ToolName, Operation>,
    source: &ToolName,
    name: &str,
    compile: impl FnOnce() -> Result<Operation, String>,
) -> Result<(), String> {
    let name = ToolName::parse(format!("{source}/{name}")).map_err(|error| error.to_string())?;
    if operations.contains_key(&name) {
        return Err(format!("another operation is called `{name}` as well"));
    }
    operations.insert(name, compile()?);
    Ok(())
}

fn place(path: &str, method: Option<&str>) -> String {
    let method = method.map(|method| format!(".{method}")).unwrap_or_default();
    format!("document.paths[{}]{method}", shown(path))
}

fn of_known_version(document: Value) -> Result<Value, String> {
    let version = match &document["openapi"] {
        Value::String(version) => version.clone(),
        Value::Number(version) => version.to_string(),
        _ if document.get("swagger").is_some() => return Err("it is Swagger 2: convert it to OpenAPI 3".to_owned()),
        _ => return Err("it is no OpenAPI document: it has no `openapi`".to_owned()),
    };
    match version.split('.').take(2).collect::<Vec<_>>().as_slice() {
        ["3", "0" | "1"] => Ok(document),
        _ => Err(format!("it is OpenAPI {}: 3.0 and 3.1 are understood", shown(&version))),
    }
}

/// The URL before the path: the configured one, or the first of the closest `servers`, its variables at their defaults.
fn server_of(configured: Option<&str>, places: [&Value; 3]) -> Result<String, String> {
    if let Some(server) = configured {
        return Ok(server.trim_end_matches('/').to_owned());
    }
    let server = places.iter().find_map(|place| place["servers"].get(0)).ok_or("the document names no server: set `server`")?;
    let url = url_of(server)?;
    match base(&url) {
        Ok((_, base)) => Ok(base.to_owned()),
        Err(found) => Err(format!("the server `{}` of the document: {}; set `server`", shown(&url), found.join("; "))),
    }
}

/// The URL of a server, its variables at their defaults. Each is written once: what a default says is no variable.
fn url_of(server: &Value) -> Result<String, String> {
    let (mut url, mut rest) = (String::new(), server["url"].as_str().unwrap_or_default());
    let is_long = |url: &str| url.len() > LONGEST;
    while let Some((before, (name, after))) =
        rest.split_once('{').and_then(|(before, from)| Some((before, from.split_once('}')?)))
    {
        url.push_str(before);
        match server["variables"][name]["default"].as_str() {
            Some(default) => url.push_str(default),
            None => url.push_str(&format!("{{{name}}}")),
        }
        if is_long(&url) {
            break;
        }
        rest = after;
    }
    url.push_str(rest);
    if is_long(&url) {
        return Err(format!("the server of the document is longer than {LONGEST} bytes: set `server`"));
    }
    Ok(url)
}

/// The name of an operation below its source: its id, or its method and path, in the characters that names have.
fn name(source: &ToolName, id: Option<&str>, method: HttpMethod, path: &str) -> String {
    let text = match id {
        Some(id) if !id.trim().is_empty() => id.trim().to_owned(),
        _ => format!("{}{}", word(method).to_ascii_lowercase(), path.replace(['{', '}'], "")),
    };
    let room = TOOL_NAME_MAX.saturating_sub(source.as_str().len() + 1);
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    text.chars().map(|c| if fits(c) { c } else { '_' }).take(room).collect::<String>().trim_end_matches('_').to_owned()
}

/// Globs as policies have them: `*` matches everything, and nothing is escaped.
fn globs(field: &str, patterns: &[String], problems: &mut Vec<Problem>) -> GlobSet {
    let mut set = GlobSetBuilder::new();
    for (index, pattern) in patterns.iter().enumerate() {
        match GlobBuilder::new(pattern).backslash_escape(false).build() {
            Ok(glob) => drop(set.add(glob)),
            Err(error) => problems
                .push(Problem::new(format!("{field}[{index}]"), format!("`{}` is not a glob: {}", shown(pattern), error.kind()))),
        }
    }
    set.build().unwrap_or_else(|error| {
        problems.push(Problem::new(field, format!("these globs are too large together: {error}")));
        GlobSet::empty()
    })
}
