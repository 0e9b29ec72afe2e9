//! What of an Agent no schema can judge: the check of its goal, and the shape of its answers.

use kube::core::cel::cel::{Context, ExecutionError, Program, Value as CelValue};
use serde_json::Value;
use skreaver_crds::AgentSpec;
use skreaver_crds::condition::Reason;

use crate::resolve::Unresolved;

/// The longest JSON Schema of answers, in bytes.
const LONGEST_SCHEMA: usize = 64 << 10;
/// The longest check of a goal, in bytes. The schema says the same, in characters.
const LONGEST_CHECK: usize = 1024;
/// How many operators and brackets a check may have: parser and evaluation descend for each.
const MOST_OPERATORS: usize = 128;
/// What the deepest check that is let through needs of the stack, several times over, in bytes: a stack that overflows ends the
/// process.
const STACK: usize = 64 << 20;

/// Everything that is wrong.
pub(crate) fn judge(spec: &AgentSpec) -> Vec<Unresolved> {
    let goal = spec
        .goal
        .as_ref()
        .and_then(|goal| goal_problem(&goal.until).err())
        .map(|what| Unresolved { reason: Reason::InvalidGoal, message: format!("spec.goal.until: {what}") });
    let schema = spec
        .output_schema
        .as_ref()
        .and_then(|schema| schema_problem(schema).err())
        .map(|what| Unresolved { reason: Reason::InvalidOutputSchema, message: format!("spec.outputSchema: {what}") });
    goal.into_iter().chain(schema).collect()
}

fn goal_problem(until: &str) -> Result<(), String> {
    let operators = until.chars().filter(|character| "!-+*/%?:.|&<>=([{,".contains(*character)).count();
    if until.len() > LONGEST_CHECK || operators > MOST_OPERATORS {
        return Err(format!(
            "the expression has more than {LONGEST_CHECK} bytes or {MOST_OPERATORS} operators, brackets and commas; write a shorter one"
        ));
    }
    // A thread of its own, for its stack, and because the parser panics on some texts that are not CEL.
    std::thread::scope(|scope| {
        let judge = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, || check_problem(until));
        let judged = judge.map_err(|error| format!("there is no thread to judge the expression: {error}"))?.join();
        judged.unwrap_or_else(|_| Err("this is not CEL".into()))
    })
}

fn check_problem(until: &str) -> Result<(), String> {
    let program = Program::compile(until).map_err(|error| format!("this is not CEL: {}", first_line(&error.to_string())))?;
    // As after a first turn. These values may be an error where others are not; another type than bool, or a name that there is
    // not, is one always. What a `&&` leaves unread here is read by the run.
    let mut context = Context::default();
    context.add_variable_from_value("output", String::new());
    context.add_variable_from_value("turns", 1_i64);
    context.add_variable_from_value("toolCalls", 0_i64);
    context.add_variable_from_value("tools", Vec::<String>::new());
    match program.execute(&context) {
        Ok(CelValue::Bool(_)) => Ok(()),
        Ok(_) => Err("this is neither true nor false; compare it with something".into()),
        Err(ExecutionError::UndeclaredReference(name)) => {
            Err(format!("there is no variable or function `{name}`; there are output, turns, toolCalls and tools"))
        }
        Err(_) => Ok(()),
    }
}

fn first_line(text: &str) -> &str {
    text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default()
}

fn schema_problem(schema: &Value) -> Result<(), String> {
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

    fn goal(until: &str) -> Option<String> {
        goal_problem(until).err()
    }

    #[test]
    fn a_check_is_cel_over_what_a_run_knows() {
        for good in [
            "true",
            "turns > 2",
            "output.contains('total:') && 'find' in tools",
            "tools.exists(tool, tool.startsWith('find_'))",
            "size(tools) > 0 && tools[0] == 'find'",
            "tools[0] == 'find'",
        ] {
            assert_eq!(goal(good), None, "{good}");
        }
        for (bad, told) in [
            ("turns >", "not CEL"),
            ("", "not CEL"),
            ("turns", "neither true nor false"),
            ("answer == 'x'", "no variable or function `answer`"),
            ("done(output)", "no variable or function `done`"),
        ] {
            let problem = goal(bad).unwrap_or_else(|| panic!("{bad} is accepted"));
            assert!(problem.contains(told), "{bad}: {problem}");
        }
    }

    #[test]
    fn no_check_ends_the_process() {
        let most = |part: &str| part.repeat(MOST_OPERATORS);
        let texts = [
            most("("),
            most("["),
            most("{"),
            most("!") + "true",
            most("-"),
            most("a?b:"),
            "1".to_owned() + &most("+1") + " > 2",
            "true".to_owned() + &"||true".repeat(MOST_OPERATORS / 2),
            "output".to_owned() + &most(".x"),
            "(".repeat(MOST_OPERATORS) + "1" + &")".repeat(MOST_OPERATORS),
            "!".repeat(LONGEST_CHECK),
            "(".repeat(LONGEST_CHECK),
            "\u{10ffff}".repeat(LONGEST_CHECK / 4),
        ];
        // An overflow is no panic: it would end the test with all others.
        for text in texts {
            goal(&text);
        }
    }

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
