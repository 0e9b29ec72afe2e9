//! `xml_parse`: an XML text as JSON, of which nothing is lost but comments and the order of differently named siblings.
//!
//! An element is a text where it has nothing else; otherwise an object: `@name` for attributes, a member for each name among its
//! children, whose value is an array where the name stands more than once, and `#text` for its text. Where text and children are
//! mixed, `#mixed` has them all in order. Prefixes of namespaces stay as they are written.
//!
//! No document type is read, so that no entity is ever defined: neither bombs nor files of others are within reach.

use quick_xml::Reader;
use quick_xml::XmlVersion;
use quick_xml::escape::resolve_xml_entity;
use quick_xml::events::{BytesRef, BytesStart, Event};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use skreaver_protocol::Builtin;

use crate::{Function, Text, ToolError};

/// The most elements within each other.
const MOST_NESTED: usize = 64;
/// The most elements and attributes.
const MOST_NODES: usize = 100_000;
/// The most attributes of an element: that none stands twice is found by comparing all.
const MOST_ATTRIBUTES: usize = 256;

/// See [`XmlParseTool`](super::XmlParseTool).
pub struct XmlParse;

/// What to read.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Arguments {
    /// The XML text.
    text: String,
    /// Names of elements that are arrays even where they stand once. Example: `["item"]`.
    #[serde(default)]
    arrays: Vec<String>,
}

impl Function for XmlParse {
    const NAME: &'static str = Builtin::XmlParse.name();
    const DESCRIPTION: &'static str = "Reads an XML text into JSON: attributes as `@name`, repeated elements as arrays, text as \
        `#text` beside them, and as `#mixed` where text and elements are mixed. Document types (DTDs) are refused.";
    const IS_ISOLATED: bool = true;
    type Arguments = Arguments;
    type Output = Map<String, Value>;

    fn from_text(text: &str) -> Value {
        Text::arguments(text)
    }

    fn compute(Arguments { text, arrays }: Arguments) -> Result<Map<String, Value>, ToolError> {
        Document { arrays: &arrays, open: Vec::new(), root: None, nodes: 0 }.read(&text).map_err(ToolError::InvalidArguments)
    }
}

/// A document that is being read.
struct Document<'a> {
    arrays: &'a [String],
    open: Vec<Element>,
    root: Option<(String, Value)>,
    nodes: usize,
}

/// An element whose end has not come.
struct Element {
    name: String,
    attributes: Map<String, Value>,
    parts: Vec<Part>,
}

enum Part {
    Text(String),
    Child(String, Value),
}

impl Document<'_> {
    fn read(mut self, text: &str) -> Result<Map<String, Value>, String> {
        let mut reader = Reader::from_str(text.strip_prefix('\u{feff}').unwrap_or(text));
        reader.config_mut().check_comments = true;
        loop {
            let event = reader.read_event();
            let place = reader.error_position();
            let done = event.map_err(|error| error.to_string()).and_then(|event| self.take(event));
            match done.map_err(|why| format!("this is no XML that can be read: {why}, at byte {place}"))? {
                false => {}
                true => return self.root.map(|root| Map::from_iter([root])).ok_or_else(|| "there is no XML element".to_owned()),
            }
        }
    }

    /// Whether that was all.
    fn take(&mut self, event: Event<'_>) -> Result<bool, String> {
        match event {
            Event::Start(start) => self.start(&start)?,
            Event::Empty(start) => {
                self.start(&start)?;
                self.end()?;
            }
            Event::End(_) => self.end()?,
            Event::Text(text) => self.text(&text.xml10_content())?,
            Event::CData(text) => self.text(&text.xml10_content())?,
            Event::GeneralRef(reference) => self.text(&resolved(&reference)?)?,
            Event::DocType(_) => return Err("it has a document type (DTD), and those are not read".to_owned()),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            Event::Eof if self.open.is_empty() => return Ok(true),
            Event::Eof => return Err(format!("the element `{}` has no end", self.open.last().map_or("", |open| &open.name))),
        }
        Ok(false)
    }

    fn start(&mut self, start: &BytesStart<'_>) -> Result<(), String> {
        if self.open.is_empty() && self.root.is_some() {
            return Err("a second element stands beside the first".to_owned());
        }
        if self.open.len() == MOST_NESTED {
            return Err(format!("it nests deeper than {MOST_NESTED} elements"));
        }
        self.count()?;
        let mut attributes = Map::new();
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|error| error.to_string())?;
            if attributes.len() == MOST_ATTRIBUTES {
                return Err(format!("an element has more than {MOST_ATTRIBUTES} attributes"));
            }
            self.count()?;
            let value = attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|error| error.to_string())?;
            attributes.insert(format!("@{}", name(attribute.key.as_ref())?), printable(&value)?.into());
        }
        self.open.push(Element { name: name(start.name().as_ref())?.to_owned(), attributes, parts: Vec::new() });
        Ok(())
    }

    fn end(&mut self) -> Result<(), String> {
        let Some(element) = self.open.pop() else { return Err("an end has no beginning".to_owned()) };
        let (name, value) = element.closed(self.arrays);
        match self.open.last_mut() {
            Some(parent) => parent.parts.push(Part::Child(name, value)),
            None => self.root = Some((name, value)),
        }
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<(), String> {
        printable(text)?;
        match self.open.last_mut() {
            Some(Element { parts, .. }) => match parts.last_mut() {
                Some(Part::Text(before)) => before.push_str(text),
                _ => parts.push(Part::Text(text.to_owned())),
            },
            None if text.trim().is_empty() => {}
            None => return Err("text stands outside of the element".to_owned()),
        }
        Ok(())
    }

    fn count(&mut self) -> Result<(), String> {
        self.nodes += 1;
        if self.nodes > MOST_NODES { Err(format!("it has more than {MOST_NODES} elements and attributes")) } else { Ok(()) }
    }
}

impl Element {
    fn closed(self, arrays: &[String]) -> (String, Value) {
        let Self { name, attributes: mut members, parts } = self;
        let has_children = parts.iter().any(|part| matches!(part, Part::Child(..)));
        let has_words = parts.iter().any(|part| matches!(part, Part::Text(text) if !text.trim().is_empty()));
        if has_children && has_words {
            let mixed = parts.into_iter().map(|part| match part {
                Part::Text(text) => text.into(),
                Part::Child(name, value) => json!({ name: value }),
            });
            members.insert("#mixed".to_owned(), mixed.collect());
            return (name, members.into());
        }
        let mut words = String::new();
        for part in parts {
            match part {
                Part::Text(text) if !has_children => words.push_str(&text),
                Part::Text(_) => {}
                Part::Child(name, value) => add(&mut members, name, value, arrays),
            }
        }
        if members.is_empty() {
            return (name, words.into());
        }
        if !words.is_empty() {
            members.insert("#text".to_owned(), words.into());
        }
        (name, members.into())
    }
}

/// A child is never an array itself, so that an array is always one of siblings.
fn add(members: &mut Map<String, Value>, name: String, value: Value, arrays: &[String]) {
    match members.get_mut(&name) {
        Some(Value::Array(siblings)) => siblings.push(value),
        Some(first) => *first = Value::Array(vec![first.take(), value]),
        None if arrays.contains(&name) => {
            members.insert(name, Value::Array(vec![value]));
        }
        None => {
            members.insert(name, value);
        }
    }
}

/// `&amp;` and `&#x41;`; there is no document type that could define another.
fn resolved(reference: &BytesRef<'_>) -> Result<String, String> {
    if let Some(found) = reference.resolve_char_ref().map_err(|error| error.to_string())? {
        return Ok(found.into());
    }
    let entity = reference.xml10_content();
    resolve_xml_entity(&entity)
        .map(str::to_owned)
        .ok_or_else(|| format!("nothing defines the entity `{}`", entity.escape_debug()))
}

fn name(name: &str) -> Result<&str, String> {
    let starts = |c: char| c.is_alphabetic() || c == '_' || c == ':';
    let goes_on =
        |c: char| starts(c) || c.is_numeric() || matches!(c, '-' | '.' | '\u{b7}') || (!c.is_ascii() && !c.is_whitespace());
    let is_one = name.chars().next().is_some_and(starts) && name.chars().all(goes_on);
    if is_one { Ok(name) } else { Err(format!("`{}` is no name", name.escape_debug())) }
}

/// XML has no control characters but white space, in whatever way they are written.
fn printable(text: &str) -> Result<&str, String> {
    match text.chars().find(|c| c.is_ascii_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{7f}')) {
        Some(c) => Err(format!("it has the control character {}", c.escape_debug())),
        None => Ok(text),
    }
}
