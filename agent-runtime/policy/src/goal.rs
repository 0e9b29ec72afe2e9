//! What a run is to reach: a text for the model, and a CEL expression that says when it is reached.

use cel::{Context, ExecutionError, Program, Value};
use skreaver_protocol::config::GoalConfig;

use crate::stack::{apart, bounded};

/// A goal that can be checked.
#[derive(Debug)]
pub struct Goal {
    text: String,
    until: Program,
}

/// What a check sees of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GoalFacts {
    /// The answer, as the variable `output`.
    pub output: String,
    /// Questions to the model so far, as `turns`.
    pub turns: u32,
    /// Tool calls so far, as `toolCalls`.
    pub tool_calls: u32,
    /// The tools that answered, in order, as `tools`.
    pub tools: Vec<String>,
}

/// Why an expression is no check.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct GoalError(String);

impl Goal {
    /// Compiles a goal.
    ///
    /// # Errors
    /// [`GoalError`], where the expression is no CEL, is too large, uses a name that there is not, or is neither true nor false.
    pub fn compile(GoalConfig { text, until }: &GoalConfig) -> Result<Self, GoalError> {
        bounded(until).map_err(GoalError)?;
        let compiled = apart(|| compile(until)).unwrap_or_else(|| Err(GoalError("this is not CEL".into())));
        compiled.map(|until| Self { text: text.clone(), until })
    }

    /// The goal in words.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether a run with this answer has reached it. An expression that cannot be evaluated is not true.
    pub fn is_met(&self, facts: GoalFacts) -> bool {
        apart(|| matches!(self.until.execute(&context(facts)), Ok(Value::Bool(true)))).unwrap_or(false)
    }
}

fn compile(until: &str) -> Result<Program, GoalError> {
    let told = |error: cel::ParseErrors| {
        let text = error.to_string();
        let line = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
        GoalError(format!("this is not CEL: {line}"))
    };
    let program = Program::compile(until).map_err(told)?;
    // As after a first turn. These values may be an error where others are not; another type than bool, or a name that there is
    // not, is one always. What a `&&` leaves unread here is read by the run.
    match program.execute(&context(GoalFacts { turns: 1, ..GoalFacts::default() })) {
        Ok(Value::Bool(_)) => Ok(program),
        Ok(_) => Err(GoalError("this is neither true nor false; compare it with something".into())),
        Err(ExecutionError::UndeclaredReference(name)) => {
            Err(GoalError(format!("there is no variable or function `{name}`; there are output, turns, toolCalls and tools")))
        }
        Err(_) => Ok(program),
    }
}

fn context(GoalFacts { output, turns, tool_calls, tools }: GoalFacts) -> Context<'static> {
    let mut context = Context::default();
    context.add_variable_from_value("output", output);
    context.add_variable_from_value("turns", i64::from(turns));
    context.add_variable_from_value("toolCalls", i64::from(tool_calls));
    context.add_variable_from_value("tools", tools);
    context
}

#[cfg(test)]
mod tests {
    use super::*;

    fn goal(until: &str) -> Result<Goal, GoalError> {
        Goal::compile(&GoalConfig { text: "Find the sum.".into(), until: until.into() })
    }

    fn problem(until: &str) -> Option<String> {
        goal(until).err().map(|error| error.to_string())
    }

    #[test]
    fn a_check_sees_the_answer_and_counts() {
        let facts = GoalFacts { output: "it is 42".into(), turns: 2, tool_calls: 1, tools: vec!["find".into()] };
        for (until, met) in [
            ("output.contains('42')", true),
            ("output == '42' && turns == 2", false),
            ("output.matches('[0-9]+$')", true),
            ("'find' in tools && toolCalls == 1", true),
            // An error of the check is none of the run.
            ("tools[5] == 'find'", false),
        ] {
            assert_eq!(goal(until).unwrap().is_met(facts.clone()), met, "{until}");
        }
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
            assert_eq!(problem(good), None, "{good}");
        }
        for (bad, told) in [
            ("turns >", "not CEL"),
            ("", "not CEL"),
            ("turns", "neither true nor false"),
            ("answer == 'x'", "no variable or function `answer`"),
            ("done(output)", "no variable or function `done`"),
        ] {
            let told_of = problem(bad).unwrap_or_else(|| panic!("{bad} is accepted"));
            assert!(told_of.contains(told), "{bad}: {told_of}");
        }
    }

    #[test]
    fn no_check_ends_the_process() {
        // An overflow is no panic: it would end the test with all others.
        for text in crate::stack::worst_expressions() {
            problem(&text);
        }
    }
}
