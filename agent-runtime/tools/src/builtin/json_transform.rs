//! `json_transform`: a JSON document made of another one, in one of three ways that are standards or nearly so.
//!
//! `pick` makes a new object of parts that JSONPaths name: what most who reshape an answer want. `merge` (RFC 7396) says what the
//! document should look like in places, and `patch` (RFC 6902) what to do step by step. All three are data: they say nothing that
//! could run for long, which is why there is no template or expression language here.

use std::collections::BTreeMap;

use json_patch::PatchOperation;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};
use skreaver_protocol::Builtin;

use super::json::Json;
use super::json_path::Path;
use crate::nesting::{MOST_NESTED, bytes, is_deeper};
use crate::{Function, ToolError};

/// The most steps of a patch.
const MOST_STEPS: usize = 1000;
/// The most names that are picked.
const MOST_PICKED: usize = 200;
/// The largest document that a patch makes, in bytes: each `copy` may double it.
const LARGEST: usize = 4 << 20;

/// See [`JsonTransformTool`](super::JsonTransformTool).
pub struct JsonTransform;

/// What to change, and how: by `pick`, `merge` or `patch`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Arguments {
    json: Json,
    /// A new object: for each name a JSONPath into the document. A path of names and places alone gives what it names, or null;
    /// any other gives a list. Example: `{"who": "$.user.name", "tags": "$.items[*].tag"}`.
    #[serde(default)]
    pick: Option<BTreeMap<String, String>>,
    /// A merge patch (RFC 7396): what stands in it is set, and null removes. Example: `{"user": {"mail": null}}`.
    #[serde(default, deserialize_with = "given")]
    merge: Option<Value>,
    /// A JSON Patch (RFC 6902). Example: `[{"op": "add", "path": "/tags/-", "value": "new"}]`.
    #[serde(default)]
    #[schemars(with = "Option<Vec<Map<String, Value>>>")]
    patch: Option<Vec<PatchOperation>>,
}

/// A merge patch may be null, which is not the same as none.
fn given<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

impl Function for JsonTransform {
    const NAME: &'static str = Builtin::JsonTransform.name();
    const DESCRIPTION: &'static str = "Makes a JSON document of another one: `pick` takes parts by JSONPath, `merge` is a merge \
        patch (RFC 7396), `patch` a JSON Patch (RFC 6902). One of the three is given.";
    const IS_ISOLATED: bool = true;
    type Arguments = Arguments;
    type Output = Value;

    fn from_text(text: &str) -> Value {
        super::object_with(text, &["json"]).unwrap_or_else(|| serde_json::json!({ "json": text }))
    }

    fn compute(Arguments { json: Json(json), pick, merge, patch }: Arguments) -> Result<Value, ToolError> {
        match (pick, merge, patch) {
            (Some(pick), None, None) => picked(&json, pick),
            (None, Some(merge), None) => {
                let mut json = json;
                json_patch::merge(&mut json, &merge);
                Ok(json)
            }
            (None, None, Some(patch)) => patched(json, &patch),
            _ => Err(ToolError::InvalidArguments("give one of `pick`, `merge` and `patch`".to_owned())),
        }
    }
}

fn picked(json: &Value, pick: BTreeMap<String, String>) -> Result<Value, ToolError> {
    if pick.len() > MOST_PICKED {
        return Err(ToolError::InvalidArguments(format!("`pick` has more than {MOST_PICKED} names")));
    }
    let mut picked = Map::new();
    let mut size = 0;
    for (name, path) in pick {
        let path = Path::parse(&path)?;
        let found = path.find(json)?;
        let value = match path.is_singular() {
            true => found.first().map_or(Value::Null, |value| (*value).clone()),
            false => found.into_iter().cloned().collect(),
        };
        size += bytes(&value);
        if size > LARGEST {
            return Err(too_large());
        }
        picked.insert(name, value);
    }
    Ok(picked.into())
}

fn patched(mut json: Value, patch: &[PatchOperation]) -> Result<Value, ToolError> {
    if patch.len() > MOST_STEPS {
        return Err(ToolError::InvalidArguments(format!("`patch` has more than {MOST_STEPS} steps")));
    }
    for (number, step) in patch.iter().enumerate() {
        // The document is ours alone and is dropped where a step fails, so nothing needs to be undone.
        let done = json_patch::patch_unsafe(&mut json, std::slice::from_ref(step));
        done.map_err(|error| ToolError::Failed(format!("step {number} of the patch: {}", error.kind)))?;
        if matches!(step, PatchOperation::Copy(_) | PatchOperation::Move(_) | PatchOperation::Add(_)) {
            if is_deeper(&json, MOST_NESTED) {
                return Err(ToolError::Failed(format!("step {number} of the patch nests deeper than {MOST_NESTED} levels")));
            }
            if bytes(&json) > LARGEST {
                return Err(too_large());
            }
        }
    }
    Ok(json)
}

fn too_large() -> ToolError {
    ToolError::Failed(format!("what comes of it has more than {} MiB", LARGEST >> 20))
}
