//! A JSON Schema that values are held against.

use jsonschema::{Draft, PatternOptions, Validator};
use serde_json::{Value, json};
use skreaver_policy::bounds::shown;

/// The most things that are told of one value.
const MOST_TOLD: usize = 4;
/// The largest schema, in bytes.
const LARGEST: usize = 256 << 10;
/// The largest regular expression in a schema, in bytes of its compiled form: a short one may repeat much.
const LARGEST_PATTERN: usize = 128 << 10;

/// A JSON Schema (2020-12) that values are held against. References lead nowhere but into itself.
#[derive(Debug)]
pub(crate) struct Shape {
    schema: Value,
    validator: Validator,
}

impl Shape {
    /// Compiles a schema.
    pub(crate) fn compile(schema: Value) -> Result<Self, String> {
        if schema.to_string().len() > LARGEST {
            return Err(format!("it is larger than {} KiB", LARGEST >> 10));
        }
        let validator = jsonschema::options()
            .with_draft(Draft::Draft202012)
            .with_pattern_options(PatternOptions::fancy_regex().size_limit(LARGEST_PATTERN))
            .build(&schema)
            .map_err(|error| format!("it is no JSON Schema: {}", shown(&error.to_string())))?;
        Ok(Self { schema, validator })
    }

    /// Compiles the schema of arguments, which takes no others than it names unless it says so itself.
    pub(crate) fn of_arguments(mut schema: Value) -> Result<Self, String> {
        let Some(object) = schema.as_object_mut() else { return Err("the schema of arguments is a JSON object".into()) };
        match object.get("type") {
            None => drop(object.insert("type".into(), json!("object"))),
            Some(Value::String(name)) if name == "object" => {}
            Some(_) => return Err("arguments are an object: `type: object`".into()),
        }
        let is_said =
            ["additionalProperties", "unevaluatedProperties", "patternProperties"].iter().any(|key| object.contains_key(*key));
        if !is_said {
            // What other schemas in it name is named as well.
            let is_composed = ["$ref", "allOf", "anyOf", "oneOf", "if", "dependentSchemas", "$dynamicRef"]
                .iter()
                .any(|key| object.contains_key(*key));
            let key = if is_composed { "unevaluatedProperties" } else { "additionalProperties" };
            object.insert(key.into(), json!(false));
        }
        Self::compile(schema)
    }

    pub(crate) fn schema(&self) -> &Value {
        &self.schema
    }

    /// Whether the schema names a property at its top.
    pub(crate) fn names(&self, property: &str) -> bool {
        self.schema["properties"].get(property).is_some()
    }

    /// Whether the schema demands a property at its top.
    pub(crate) fn demands(&self, property: &str) -> bool {
        self.schema["required"].as_array().is_some_and(|names| names.iter().any(|name| name == property))
    }

    /// What is wrong with a value, each with where it stands.
    pub(crate) fn check(&self, value: &Value) -> Result<(), String> {
        let mut told = String::new();
        for error in self.validator.iter_errors(value).take(MOST_TOLD) {
            let place = shown(error.instance_path().as_str());
            let separator = if told.is_empty() { "" } else { "; " };
            let place = if place.is_empty() { "/".to_owned() } else { place };
            told.push_str(&format!("{separator}`{place}`: {}", shown(&error.to_string())));
        }
        if told.is_empty() { Ok(()) } else { Err(told) }
    }

    /// The arguments that a bare text stands for: of the one property that is demanded, or the only one there is; or those
    /// that it spells as JSON.
    pub(crate) fn meant_by(&self, text: &str) -> Value {
        if let Ok(object @ Value::Object(_)) = serde_json::from_str(text) {
            return object;
        }
        let properties: Vec<_> = self.schema["properties"].as_object().into_iter().flat_map(|all| all.keys()).collect();
        let demanded: Vec<_> = properties.iter().filter(|name| self.demands(name)).collect();
        match (demanded.as_slice(), properties.as_slice()) {
            ([only], _) => json!({ only.as_str(): text }),
            (_, [only]) => json!({ only.as_str(): text }),
            (_, []) if text.trim().is_empty() => json!({}),
            _ => json!({ "text": text }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_that_nobody_named_are_refused_and_the_place_is_told() {
        let shape = Shape::of_arguments(json!({"properties": {"n": {"type": "integer"}}})).unwrap();
        assert!(shape.check(&json!({"n": 1})).is_ok());
        assert!(shape.check(&json!({"m": 1})).unwrap_err().contains('m'));
        let why = shape.check(&json!({"n": "x"})).unwrap_err();
        assert!(why.starts_with("`/n`"), "{why}");
        let composed = json!({"allOf": [{"properties": {"n": {}}}], "properties": {"m": {}}});
        let shape = Shape::of_arguments(composed).unwrap();
        assert!(shape.check(&json!({"n": 1, "m": 1})).is_ok() && shape.check(&json!({"o": 1})).is_err());
        let open = Shape::of_arguments(json!({"additionalProperties": true})).unwrap();
        assert!(open.check(&json!({"n": 1})).is_ok());
    }

    #[test]
    fn schemas_that_lead_elsewhere_or_are_none_are_refused() {
        for schema in [
            json!({"$ref": "https://a.example/schema"}),
            json!({"$ref": "file:///etc/passwd"}),
            json!({"type": "strange"}),
            json!({"type": "array"}),
            json!([]),
            json!({"properties": {"n": {"pattern": "("}}}),
        ] {
            assert!(Shape::of_arguments(schema.clone()).is_err(), "{schema}");
        }
    }

    #[test]
    fn a_bare_text_is_the_one_argument() {
        let check = |schema: Value, text: &str, expected: Value| {
            assert_eq!(Shape::of_arguments(schema).unwrap().meant_by(text), expected);
        };
        check(json!({"properties": {"n": {}}}), "x", json!({"n": "x"}));
        check(json!({"properties": {"n": {}, "m": {}}, "required": ["m"]}), "x", json!({"m": "x"}));
        check(json!({"properties": {"n": {}, "m": {}}}), r#"{"n": 1}"#, json!({"n": 1}));
        check(json!({}), "", json!({}));
    }
}
