//! What of an Agent no schema can judge: the check of its goal, and the shape of its answers.

use serde_json::Value;
use skreaver_crds::AgentSpec;
use skreaver_crds::condition::Reason;
use skreaver_policy::Goal;

use crate::resolve::Unresolved;
use crate::runtime_config::goal_config;

/// The longest JSON Schema of answers, in bytes.
const LONGEST_SCHEMA: usize = 64 << 10;
/// Everything that is wrong.
pub(crate) fn judge(spec: &AgentSpec) -> Vec<Unresolved> {
    let goal = spec
        .goal
        .as_ref()
        .and_then(|goal| Goal::compile(&goal_config(goal)).err())
        .map(|what| Unresolved { reason: Reason::InvalidGoal, message: format!("spec.goal.until: {what}") });
    let schema = spec
        .output_schema
        .as_ref()
        .and_then(|schema| schema_problem(schema).err())
        .map(|what| Unresolved { reason: Reason::InvalidOutputSchema, message: format!("spec.outputSchema: {what}") });
    goal.into_iter().chain(schema).collect()
}

/// Why this is no JSON Schema that a runtime could use.
pub(crate) fn schema_problem(schema: &Value) -> Result<(), String> {
    let size = schema.to_string().len();
    if size > LONGEST_SCHEMA {
        return Err(format!("the schema has {size} bytes; shorten it to {LONGEST_SCHEMA}"));
    }
    let options = jsonschema::options().with_draft(jsonschema::Draft::Draft202012);
    match options.build(schema) {
        Ok(_) => Ok(()),
        Err(error) => Err(format!("this is not a JSON Schema: {error} (at `{}`)", error.instance_path())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_shape_of_answers_is_a_json_schema() {
        assert_eq!(schema_problem(&json!({"type": "object", "properties": {"city": {"enum": ["a", null]}}})), Ok(()));
        for bad in [
            json!({"type": "thing"}),
            json!({"required": "city"}),
            json!({"pattern": "("}),
            json!({"$ref": "https://example.com/x"}),
        ] {
            assert!(schema_problem(&bad).is_err(), "{bad}");
        }
        assert!(schema_problem(&json!({"description": "x".repeat(LONGEST_SCHEMA)})).unwrap_err().contains("shorten it to"));
    }
}
