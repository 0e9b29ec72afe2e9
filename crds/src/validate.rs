//! Judges a manifest without a cluster, by the schema and the CEL rules of its CustomResourceDefinition, with the verdict
//! that an API server would give to `kubectl apply`.

use std::fmt;
use std::sync::LazyLock;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::core::cel;
use serde_json::{Map, Value, json};

/// Something wrong in a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where it stands. Example: `spec.tools[0].name`.
    pub path: String,
    /// What is wrong and what to write instead.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.as_str() {
            "" => f.write_str(&self.message),
            path => write!(f, "{path}: {}", self.message),
        }
    }
}

/// Everything that is wrong with a manifest of one of our kinds; nothing when it is good.
///
/// As on the API server, rules are asked only of objects whose shape is right.
pub fn validate(manifest: &Value) -> Vec<Problem> {
    let (api_version, kind) = (text(manifest, "apiVersion"), text(manifest, "kind"));
    let Some(judge) = JUDGES.iter().find(|judge| judge.kind == kind) else {
        return vec![Problem { path: "kind".into(), message: format!("`{kind}` is not a kind of {}", crate::GROUP) }];
    };
    if api_version != judge.api_version {
        let message = format!("write `{}` instead of `{api_version}`", judge.api_version);
        return vec![Problem { path: "apiVersion".into(), message }];
    }
    if text(&manifest["metadata"], "name").is_empty() {
        return vec![Problem { path: "metadata.name".into(), message: "give the object a name".into() }];
    }
    let manifest = &as_stored(manifest);
    match judge.shape_problems(manifest) {
        problems if problems.is_empty() => judge.rule_problems(manifest),
        problems => problems,
    }
}

/// One for each kind, made once: compiling a schema takes far longer than judging by it.
static JUDGES: LazyLock<Vec<Judge>> = LazyLock::new(|| crate::all().iter().map(Judge::new).collect());

struct Judge {
    kind: String,
    api_version: String,
    schema: Value,
    shape: jsonschema::Validator,
}

/// What the API server drops before it looks: status, which is not the user's to write, and nulls.
fn as_stored(manifest: &Value) -> Value {
    let mut stored = without_nulls(manifest);
    if let Some(fields) = stored.as_object_mut() {
        fields.remove("status");
    }
    stored
}

fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(fields) => Value::Object(
            fields.iter().filter(|(_, value)| !value.is_null()).map(|(k, v)| (k.clone(), without_nulls(v))).collect(),
        ),
        Value::Array(items) => items.iter().map(without_nulls).collect(),
        other => other.clone(),
    }
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

impl Judge {
    fn new(crd: &CustomResourceDefinition) -> Self {
        let version = &crd.spec.versions[0];
        let schema = version.schema.as_ref().and_then(|schema| schema.open_api_v3_schema.as_ref());
        let schema = serde_json::to_value(schema.expect("every CRD of ours has a schema")).expect("a schema is JSON");
        let mut strict = json_schema(&schema);
        // The API server checks metadata and the type by itself.
        strict["properties"]["metadata"] = json!({"type": "object"});
        strict["properties"]["apiVersion"] = json!({"type": "string"});
        strict["properties"]["kind"] = json!({"type": "string"});
        let draft = jsonschema::options().with_draft(jsonschema::Draft::Draft202012);
        let shape = draft.build(&strict).expect("a CRD's schema translates to a JSON schema");
        let api_version = format!("{}/{}", crate::GROUP, version.name);
        Self { kind: crd.spec.names.kind.clone(), api_version, schema, shape }
    }

    fn shape_problems(&self, manifest: &Value) -> Vec<Problem> {
        let problem = |error: jsonschema::ValidationError<'_>| {
            let path = dotted(error.instance_path().as_str());
            Problem { path, message: error.to_string() }
        };
        let mut problems: Vec<_> = self.shape.iter_errors(manifest).map(problem).collect();
        problems.extend(duplicate_keys(&self.schema, manifest, ""));
        problems
    }

    fn rule_problems(&self, manifest: &Value) -> Vec<Problem> {
        match cel::Validator::new().validate(&self.schema, manifest, None) {
            Ok(()) => Vec::new(),
            Err(errors) => errors.into_vec().into_iter().map(|e| Problem { path: e.field_path, message: e.message }).collect(),
        }
    }
}

/// An OpenAPI v3 schema as a JSON schema that refuses unknown fields, as `kubectl apply` asks of the API server.
fn json_schema(openapi: &Value) -> Value {
    let Value::Object(fields) = openapi else { return openapi.clone() };
    let mut out: Map<String, Value> = fields
        .iter()
        .map(|(key, value)| match key.as_str() {
            "properties" => (key.clone(), each(value)),
            "items" | "additionalProperties" => (key.clone(), json_schema(value)),
            _ => (key.clone(), value.clone()),
        })
        .collect();
    let open =
        fields.contains_key("additionalProperties") || fields.get("x-kubernetes-preserve-unknown-fields") == Some(&json!(true));
    if fields.contains_key("properties") && !open {
        out.insert("additionalProperties".into(), json!(false));
    }
    if fields.get("x-kubernetes-int-or-string") == Some(&json!(true)) {
        out.insert("type".into(), json!(["integer", "string"]));
    }
    if fields.get("nullable") == Some(&json!(true)) {
        allow_null(&mut out);
    }
    Value::Object(out)
}

fn allow_null(schema: &mut Map<String, Value>) {
    if let Some(Value::String(kind)) = schema.get("type").cloned() {
        schema.insert("type".into(), json!([kind, "null"]));
    }
    if let Some(Value::Array(values)) = schema.get_mut("enum") {
        values.push(Value::Null);
    }
}

fn each(properties: &Value) -> Value {
    let map = properties.as_object().into_iter().flatten();
    Value::Object(map.map(|(name, schema)| (name.clone(), json_schema(schema))).collect())
}

/// Lists of type `map` and `set` may not hold a key twice.
fn duplicate_keys(schema: &Value, value: &Value, path: &str) -> Vec<Problem> {
    match value {
        Value::Object(fields) => fields
            .iter()
            .filter_map(|(name, value)| Some((name, value, schema.get("properties")?.get(name)?)))
            .flat_map(|(name, value, schema)| duplicate_keys(schema, value, &join(path, name)))
            .collect(),
        Value::Array(items) => {
            let mut problems = Vec::new();
            for (index, item) in items.iter().enumerate() {
                let key = list_key(schema, item);
                if key.is_some() && items[..index].iter().any(|earlier| list_key(schema, earlier) == key) {
                    let message = format!("stands in the list already: {}", Value::from(key));
                    problems.push(Problem { path: format!("{path}[{index}]"), message });
                }
                problems.extend(duplicate_keys(schema.get("items").unwrap_or(&Value::Null), item, &format!("{path}[{index}]")));
            }
            problems
        }
        _ => Vec::new(),
    }
}

fn list_key(schema: &Value, item: &Value) -> Option<Vec<Value>> {
    match schema.get("x-kubernetes-list-type")?.as_str()? {
        "map" => {
            let keys = schema.get("x-kubernetes-list-map-keys")?.as_array()?;
            Some(keys.iter().filter_map(|key| item.get(key.as_str()?).cloned()).collect())
        }
        "set" => Some(vec![item.clone()]),
        _ => None,
    }
}

/// `/spec/tools/0/name` as `spec.tools[0].name`.
fn dotted(pointer: &str) -> String {
    pointer.split('/').skip(1).fold(String::new(), |path, part| match part.parse::<usize>() {
        Ok(index) => format!("{path}[{index}]"),
        Err(_) => join(&path, part),
    })
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}
