//! Schemas of OpenAPI as JSON Schema 2020-12 that stands by itself: references replaced by what they mean, circles cut.

use serde_json::{Map, Value, json};
use skreaver_detect::Content;
use skreaver_policy::bounds::shown;

use super::budget::Budget;
use crate::text::{cleaned, seen};

/// The most references that lead to one another.
const MOST_REFERENCES: usize = 32;
/// The longest reference, in bytes.
const LONGEST_REFERENCE: usize = 1024;
/// The most levels of a schema: what carries it has a limit as well.
const DEEPEST: usize = 48;

/// Keywords whose value is a schema, a list of schemas, or schemas by name.
const ONE: [&str; 10] = [
    "additionalProperties",
    "contains",
    "else",
    "if",
    "items",
    "not",
    "propertyNames",
    "then",
    "unevaluatedItems",
    "unevaluatedProperties",
];
const LIST: [&str; 4] = ["allOf", "anyOf", "oneOf", "prefixItems"];
const BY_NAME: [&str; 3] = ["dependentSchemas", "patternProperties", "properties"];
/// Keywords that are kept as they are. All others say nothing that is checked.
const PLAIN: [&str; 23] = [
    "const",
    "default",
    "deprecated",
    "dependentRequired",
    "description",
    "enum",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "format",
    "maxContains",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minContains",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "multipleOf",
    "pattern",
    "type",
    "uniqueItems",
];

/// Which way what a schema describes goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    /// To the server: `readOnly` properties stay away.
    Request,
    /// From the server: `writeOnly` properties do not come.
    Response,
}

impl Direction {
    const fn absent(self) -> &'static str {
        match self {
            Self::Request => "readOnly",
            Self::Response => "writeOnly",
        }
    }
}

/// Resolves the references of one document.
pub(super) struct Resolver<'d> {
    document: &'d Value,
    budget: Budget,
    content: Content,
}

impl<'d> Resolver<'d> {
    pub(super) fn new(document: &'d Value) -> Self {
        Self { document, budget: Budget::new(), content: Content::new() }
    }

    /// Begins an operation, which has a budget of its own.
    pub(super) fn begin(&mut self) {
        self.budget.begin();
    }

    /// What stands at a place that may be a reference: a parameter, a body, a response.
    pub(super) fn follow(&self, value: &'d Value) -> Result<&'d Value, String> {
        let mut value = value;
        for _ in 0..MOST_REFERENCES {
            match value.get("$ref").and_then(Value::as_str) {
                Some(reference) => value = self.target(reference)?,
                None => return Ok(value),
            }
        }
        Err("references lead in a circle".to_owned())
    }

    /// A schema that stands by itself, its texts as people see them.
    pub(super) fn schema(&mut self, schema: &'d Value, direction: Direction) -> Result<Value, String> {
        let unfolded = self.unfold(schema, direction, &mut Vec::new(), 0)?;
        Ok(cleaned(&self.content, unfolded))
    }

    /// A text of the document as people see it.
    pub(super) fn seen(&self, text: &str) -> String {
        seen(&self.content, text.trim())
    }

    fn target(&self, reference: &str) -> Result<&'d Value, String> {
        if reference.len() > LONGEST_REFERENCE {
            return Err(format!("`$ref: {}` is longer than {LONGEST_REFERENCE} bytes", shown(reference)));
        }
        let Some(pointer) = reference.strip_prefix('#').filter(|pointer| pointer.is_empty() || pointer.starts_with('/')) else {
            return Err(format!("`$ref: {}` leads out of the document: copy what it means into it", shown(reference)));
        };
        let decoded = percent_encoding::percent_decode_str(pointer).decode_utf8_lossy();
        self.document.pointer(&decoded).ok_or_else(|| format!("`$ref: {}` leads nowhere", shown(reference)))
    }

    /// `open` holds the references that are being unfolded: one that comes again is a circle, and means any value.
    fn unfold(
        &mut self,
        schema: &'d Value,
        direction: Direction,
        open: &mut Vec<&'d str>,
        depth: usize,
    ) -> Result<Value, String> {
        self.budget.value()?;
        if depth > DEEPEST {
            return Err(format!("its schemas nest deeper than {DEEPEST} levels"));
        }
        let schema = match schema {
            Value::Bool(_) => return Ok(schema.clone()),
            Value::Object(schema) => schema,
            _ => return Err("a schema is an object".to_owned()),
        };
        let mut unfolded = self.keywords(schema, direction, open, depth)?;
        if let Some(reference) = schema.get("$ref") {
            let reference = reference.as_str().ok_or("`$ref` is a text")?;
            let meant = self.referred(reference, direction, open, depth)?;
            unfolded = joined(meant, unfolded);
        }
        if schema.contains_key("$dynamicRef") {
            return Err("`$dynamicRef` is not understood: use `$ref`".to_owned());
        }
        Ok(Value::Object(unfolded))
    }

    fn referred(
        &mut self,
        reference: &'d str,
        direction: Direction,
        open: &mut Vec<&'d str>,
        depth: usize,
    ) -> Result<Map<String, Value>, String> {
        if open.contains(&reference) {
            return Ok(Map::new());
        }
        if open.len() >= MOST_REFERENCES {
            return Err("references lead to references too often".to_owned());
        }
        let target = self.target(reference)?;
        open.push(reference);
        let meant = self.unfold(target, direction, open, depth + 1);
        open.pop();
        match meant? {
            Value::Object(meant) => Ok(meant),
            Value::Bool(true) => Ok(Map::new()),
            _ => Ok(Map::from_iter([("not".to_owned(), json!({}))])),
        }
    }

    fn keywords(
        &mut self,
        schema: &'d Map<String, Value>,
        direction: Direction,
        open: &mut Vec<&'d str>,
        depth: usize,
    ) -> Result<Map<String, Value>, String> {
        let mut unfolded = Map::new();
        for (keyword, value) in schema {
            let value = match (keyword.as_str(), value) {
                (one, _) if ONE.contains(&one) => self.unfold(value, direction, open, depth + 1)?,
                (list, Value::Array(items)) if LIST.contains(&list) => {
                    let items = items.iter().map(|item| self.unfold(item, direction, open, depth + 1));
                    Value::Array(items.collect::<Result<_, _>>()?)
                }
                (named, Value::Object(members)) if BY_NAME.contains(&named) => {
                    let mut object = Map::new();
                    for (name, member) in members {
                        self.budget.text(name)?;
                        if named == "patternProperties" {
                            self.budget.pattern()?;
                        }
                        if named != "properties" || !self.is_absent(member, direction) {
                            object.insert(name.clone(), self.unfold(member, direction, open, depth + 1)?);
                        }
                    }
                    Value::Object(object)
                }
                ("required", Value::Array(names)) => {
                    self.spend_on(value)?;
                    Value::Array(self.present(schema, names, direction))
                }
                (plain, _) if PLAIN.contains(&plain) => {
                    self.spend_on(value)?;
                    if plain == "pattern" {
                        self.budget.pattern()?;
                    }
                    value.clone()
                }
                _ => continue,
            };
            unfolded.insert(keyword.clone(), value);
        }
        modernise(schema, &mut unfolded);
        Ok(unfolded)
    }

    fn spend_on(&mut self, value: &Value) -> Result<(), String> {
        self.budget.value()?;
        match value {
            Value::Array(items) => items.iter().try_for_each(|item| self.spend_on(item)),
            Value::Object(members) => members.iter().try_for_each(|(name, member)| {
                self.budget.text(name)?;
                self.spend_on(member)
            }),
            Value::String(text) => self.budget.text(text),
            Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
        }
    }

    fn is_absent(&self, property: &'d Value, direction: Direction) -> bool {
        let says = |schema: &Value| schema.get(direction.absent()) == Some(&Value::Bool(true));
        says(property) || self.follow(property).is_ok_and(says)
    }

    /// The required properties that go this way.
    fn present(&self, schema: &'d Map<String, Value>, names: &[Value], direction: Direction) -> Vec<Value> {
        let is_absent = |name: &&Value| {
            let property = schema.get("properties").and_then(|properties| properties.get(name.as_str()?));
            property.is_some_and(|property| self.is_absent(property, direction))
        };
        names.iter().filter(|name| !is_absent(name)).cloned().collect()
    }
}

/// What OpenAPI 3.0 says in words of its own: `nullable`, and bounds that are excluded by a boolean.
fn modernise(schema: &Map<String, Value>, unfolded: &mut Map<String, Value>) {
    for (flag, bound) in [("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")] {
        match schema.get(flag) {
            Some(Value::Bool(true)) => {
                unfolded.remove(flag);
                if let Some(number) = unfolded.remove(bound) {
                    unfolded.insert(flag.to_owned(), number);
                }
            }
            Some(Value::Bool(false)) => drop(unfolded.remove(flag)),
            _ => {}
        }
    }
    if schema.get("nullable") != Some(&Value::Bool(true)) {
        return;
    }
    let is_composed = ["allOf", "anyOf", "oneOf"].iter().any(|keyword| unfolded.contains_key(*keyword));
    match unfolded.get_mut("type") {
        Some(Value::String(name)) => {
            let types = json!([name, "null"]);
            unfolded.insert("type".to_owned(), types);
            if let Some(Value::Array(values)) = unfolded.get_mut("enum")
                && !values.contains(&Value::Null)
            {
                values.push(Value::Null);
            }
        }
        Some(_) => {}
        // Without a type `nullable` has no meaning in 3.0.3; those who write it beside `allOf` mean it.
        None if is_composed => {
            let meant = std::mem::take(unfolded);
            unfolded.insert("anyOf".to_owned(), json!([meant, {"type": "null"}]));
        }
        None => {}
    }
}

/// What a reference means, and what stands beside it: descriptions are replaced, and all else holds as well.
fn joined(mut meant: Map<String, Value>, mut beside: Map<String, Value>) -> Map<String, Value> {
    for word in ["description", "default", "deprecated"] {
        if let Some(value) = beside.remove(word) {
            meant.insert(word.to_owned(), value);
        }
    }
    if beside.is_empty() {
        return meant;
    }
    let both = vec![Value::Object(meant), Value::Object(beside)];
    Map::from_iter([("allOf".to_owned(), Value::Array(both))])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(document: &Value, direction: Direction) -> Result<Value, String> {
        let mut resolver = Resolver::new(document);
        resolver.begin();
        resolver.schema(&document["s"], direction)
    }

    fn check(document: Value, expected: Value) {
        assert_eq!(resolved(&document, Direction::Request).unwrap(), expected, "{document}");
    }

    #[test]
    fn references_are_what_they_mean_and_circles_are_cut() {
        check(json!({"s": {"$ref": "#/a"}, "a": {"type": "string"}}), json!({"type": "string"}));
        check(json!({"s": {"$ref": "#/a~1b%20c"}, "a/b c": {"type": "string"}}), json!({"type": "string"}));
        check(
            json!({"s": {"$ref": "#/a", "description": "x"}, "a": {"type": "string", "description": "y"}}),
            json!({"type": "string", "description": "x"}),
        );
        let tree = json!({"s": {"$ref": "#/t"}, "t": {"properties": {"value": {"type": "integer"}, "children": {"items": {"$ref": "#/t"}}}}});
        check(tree, json!({"properties": {"value": {"type": "integer"}, "children": {"items": {}}}}));
        check(json!({"s": {"$ref": "#/s"}}), json!({}));
        let (a, b) = (json!({"properties": {"b": {"$ref": "#/b"}}}), json!({"properties": {"a": {"$ref": "#/a"}}}));
        check(json!({"s": {"$ref": "#/a"}, "a": a, "b": b}), json!({"properties": {"b": {"properties": {"a": {}}}}}));
    }

    #[test]
    fn words_of_old_versions_are_those_of_the_new() {
        check(
            json!({"s": {"type": "string", "nullable": true, "enum": ["a"]}}),
            json!({"type": ["string", "null"], "enum": ["a", null]}),
        );
        check(json!({"s": {"minimum": 1, "exclusiveMinimum": true}}), json!({"exclusiveMinimum": 1}));
        check(json!({"s": {"maximum": 1, "exclusiveMaximum": false}}), json!({"maximum": 1}));
        check(json!({"s": {"exclusiveMaximum": 5}}), json!({"exclusiveMaximum": 5}));
        check(
            json!({"s": {"nullable": true, "allOf": [{"$ref": "#/a"}]}, "a": {"type": "object"}}),
            json!({"anyOf": [{"allOf": [{"type": "object"}]}, {"type": "null"}]}),
        );
        check(
            json!({"s": {"type": "string", "example": "x", "x-y": 1, "xml": {}, "discriminator": {}}}),
            json!({"type": "string"}),
        );
    }

    #[test]
    fn properties_go_the_way_that_they_are_for() {
        let document = json!({"s": {"properties": {"id": {"$ref": "#/id"}, "key": {"writeOnly": true}, "name": {}}, "required": ["id", "key", "name"]},
            "id": {"readOnly": true}});
        check(document.clone(), json!({"properties": {"key": {}, "name": {}}, "required": ["key", "name"]}));
        let back = resolved(&document, Direction::Response).unwrap();
        assert_eq!(back, json!({"properties": {"id": {}, "name": {}}, "required": ["id", "name"]}));
    }

    #[test]
    fn references_that_lead_out_nowhere_or_everywhere_are_refused() {
        for reference in
            ["https://a.example/s.json", "other.yaml#/a", "file:///etc/passwd", "#anchor", "#/missing", "//a.example/x"]
        {
            assert!(resolved(&json!({"s": {"$ref": reference}}), Direction::Request).is_err(), "{reference}");
        }
        let mut doubling = json!({"s": {"$ref": "#/a0"}, "a30": {"type": "string"}});
        for level in 0..30 {
            let next = format!("#/a{}", level + 1);
            doubling[format!("a{level}")] = json!({"properties": {"l": {"$ref": next}, "r": {"$ref": next}}});
        }
        assert!(resolved(&doubling, Direction::Request).is_err());
        let mut chain = json!({"a99": {}});
        for level in 0..99 {
            chain[format!("a{level}")] = json!({"$ref": format!("#/a{}", level + 1)});
        }
        chain["s"] = json!({"$ref": "#/a0"});
        assert!(resolved(&chain, Direction::Request).is_err());
        for schema in [json!({"$dynamicRef": "#a"}), json!([]), json!({"items": 1}), json!({"$ref": 1})] {
            assert!(resolved(&json!({"s": schema}), Direction::Request).is_err(), "{schema}");
        }
    }
}
