//! What a server says of its tools, made into what an agent may have. Pure. All of it is text of a stranger: bounded, and
//! without what nobody sees.

use rmcp::model::Tool as Announced;
use serde_json::Value;
use skreaver_detect::Content;
use skreaver_policy::bounds::shown;
use skreaver_protocol::ToolName;
use skreaver_protocol::control::FoundTool;

use super::choice::Choice;
use crate::pins::{Told, digest};
use crate::text::{cleaned, seen};

/// The most tools of one source.
pub(super) const MOST_TOOLS: usize = 256;
/// The most bytes of the schemas of one tool together.
const MOST_SCHEMA: usize = 64 << 10;

/// One tool of a server.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Listed {
    /// The name by which callers and policies know it.
    pub(super) name: ToolName,
    pub(super) description: String,
    pub(super) input_schema: Value,
    pub(super) output_schema: Option<Value>,
    /// Whether the server says that twice is as good as once. This is its word alone.
    pub(super) is_idempotent: bool,
    pub(super) found: FoundTool,
}

/// The tools of a server that an agent may have, sorted by name, and which are left out and why.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Listing {
    pub(super) tools: Vec<Listed>,
    pub(super) left_out: Vec<String>,
}

/// What is offered of what a server announces.
pub(super) fn list(source: &ToolName, choice: &Choice, content: &Content, announced: &[Announced]) -> Listing {
    let mut listing = Listing::default();
    for tool in announced.iter().filter(|tool| choice.has(&tool.name)) {
        let taken = match listing.tools.len() {
            MOST_TOOLS => Err(format!("a source has at most {MOST_TOOLS} tools")),
            _ => take(source, content, tool),
        };
        match taken {
            Ok(taken) if listing.tools.iter().any(|known| known.name == taken.name) => {
                listing.left_out.push(format!("`{}`: it is listed twice", shown(&tool.name)));
            }
            Ok(taken) => listing.tools.push(taken),
            Err(why) => listing.left_out.push(format!("`{}`: {why}", shown(&tool.name))),
        }
    }
    listing.tools.sort_by(|one, other| one.found.name.cmp(&other.found.name));
    listing
}

fn take(source: &ToolName, content: &Content, tool: &Announced) -> Result<Listed, String> {
    let name = ToolName::parse(format!("{source}/{}", tool.name))
        .map_err(|_| "its name has other characters than letters, digits, `-`, `_` and `.`, or is too long".to_owned())?;
    let input = Value::Object((*tool.input_schema).clone());
    let output = tool.output_schema.as_deref().map(|schema| Value::Object(schema.clone()));
    let size = input.to_string().len() + output.as_ref().map_or(0, |schema| schema.to_string().len());
    if size > MOST_SCHEMA {
        return Err(format!("its schemas have {size} bytes, and {MOST_SCHEMA} are the most"));
    }
    let found = FoundTool {
        name: tool.name.to_string(),
        digest: digest(Told {
            name: &tool.name,
            title: tool.title.as_deref(),
            description: tool.description.as_deref(),
            input_schema: &input,
            output_schema: output.as_ref(),
        }),
    };
    let said = tool.description.as_deref().or(tool.title.as_deref()).unwrap_or(&tool.name);
    let hints = tool.annotations.as_ref();
    Ok(Listed {
        name,
        description: seen(content, said),
        input_schema: of_objects(cleaned(content, input))?,
        output_schema: output.map(|schema| cleaned(content, schema)),
        is_idempotent: hints.is_some_and(|hints| hints.read_only_hint == Some(true) || hints.idempotent_hint == Some(true)),
        found,
    })
}

/// Arguments are always an object, whether or not the server says so.
fn of_objects(mut schema: Value) -> Result<Value, String> {
    let object = Value::from("object");
    let kind = schema.as_object_mut().map(|fields| fields.entry("type").or_insert_with(|| object.clone()).clone());
    if kind == Some(object) { Ok(schema) } else { Err("the schema of its arguments is not of type `object`".to_owned()) }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Map, json};

    use super::*;
    use crate::text::MOST_DESCRIPTION;

    fn listing(tools: &[Value]) -> Listing {
        let tools: Vec<Announced> = tools.iter().map(|tool| serde_json::from_value(tool.clone()).unwrap()).collect();
        let choice = Choice::compile(&[], &["hidden*".into()]).unwrap();
        list(&ToolName::parse("ledger").unwrap(), &choice, &Content::new(), &tools)
    }

    fn tool(name: &str) -> Value {
        json!({"name": name, "description": "Finds.", "inputSchema": {"type": "object"}})
    }

    #[test]
    fn tools_have_the_name_of_their_source_and_keep_their_own() {
        let listing = listing(&[tool("Pay.now"), tool("find"), tool("hidden_one")]);
        let names: Vec<_> = listing.tools.iter().map(|tool| (tool.name.as_str(), tool.found.name.as_str())).collect();
        assert_eq!(names, [("ledger/Pay.now", "Pay.now"), ("ledger/find", "find")]);
        assert_eq!(listing.left_out, Vec::<String>::new());
    }

    #[test]
    fn what_does_not_fit_is_left_out_and_told() {
        let large = json!({"name": "large", "inputSchema": {"type": "object", "title": "x".repeat(70_000)}});
        let array = json!({"name": "array", "inputSchema": {"type": "array"}});
        let listing = listing(&[
            tool("a b"),
            tool(""),
            tool("a/b"),
            tool(&"n".repeat(130)),
            tool("x\u{1b}[31m"),
            large,
            array,
            tool("ok"),
            tool("ok"),
        ]);
        assert_eq!(listing.tools.len(), 1);
        assert_eq!(listing.left_out.len(), 8, "{:?}", listing.left_out);
        assert!(listing.left_out.iter().all(|why| !why.contains('\u{1b}')));
        let many: Vec<_> = (0..300).map(|number| tool(&format!("t{number}"))).collect();
        assert_eq!(super::tests::listing(&many).tools.len(), MOST_TOOLS);
    }

    #[test]
    fn texts_are_what_a_person_sees_and_pins_are_of_what_was_sent() {
        let told = |description: &str| {
            let schema = json!({"properties": {"q": {"type": "string", "description": description, "pattern": "\u{200b}"}}});
            let listing = listing(&[json!({"name": "find", "description": description, "inputSchema": schema})]);
            listing.tools.into_iter().next().unwrap()
        };
        let (plain, hidden) = (told("Finds all."), told("Fi\u{200b}nds \u{1b}[31mall.\u{7}"));
        assert_eq!((&hidden.description, &plain.description), (&"Finds all.".to_owned(), &"Finds all.".to_owned()));
        assert_eq!(hidden.input_schema["properties"]["q"]["description"], "Finds all.");
        assert_eq!(hidden.input_schema["properties"]["q"]["pattern"], "\u{200b}");
        assert_eq!(hidden.input_schema["type"], "object");
        assert_ne!(hidden.found.digest, plain.found.digest);
        assert_eq!(told(&"x".repeat(9000)).description.chars().count(), MOST_DESCRIPTION + 1);
    }

    #[test]
    fn doing_it_twice_is_as_good_only_where_the_server_says_so() {
        let is = |annotations: Value| {
            let listing = listing(&[json!({"name": "t", "inputSchema": {}, "annotations": annotations})]);
            listing.tools[0].is_idempotent
        };
        assert!(is(json!({"readOnlyHint": true})) && is(json!({"idempotentHint": true})));
        assert!(!is(json!({})) && !is(json!({"destructiveHint": false})) && !is(json!({"readOnlyHint": false})));
        let bare = Announced::new("t", "d", Arc::new(Map::new()));
        assert!(bare.annotations.is_none());
    }
}
