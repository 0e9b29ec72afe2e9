//! What a run is to reach: a text for the model, and a CEL expression that says when it is reached.

use cel::{Context, Program, Value};
use skreaver_protocol::config::GoalConfig;

use super::{CallState, State};

/// The variables that an expression may use.
const VARIABLES: [&str; 4] = ["output", "turns", "toolCalls", "tools"];
/// The longest expression, in bytes.
const LONGEST: usize = 4096;

/// A goal that can be checked.
#[derive(Debug)]
pub struct Goal {
    text: String,
    until: Program,
}

/// Why an expression is no check.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("goal.until: {0}")]
pub struct GoalError(String);

impl Goal {
    /// Compiles a goal.
    ///
    /// # Errors
    /// [`GoalError`], where the expression is no CEL or uses a variable that there is not.
    pub fn compile(config: &GoalConfig) -> Result<Self, GoalError> {
        let GoalConfig { text, until } = config;
        if until.len() > LONGEST {
            return Err(GoalError(format!("the expression has {} bytes; shorten it to {LONGEST}", until.len())));
        }
        let until = Program::compile(until).map_err(|error| GoalError(error.to_string()))?;
        let unknown = until.references().variables().into_iter().find(|name| !VARIABLES.contains(name)).map(str::to_owned);
        match unknown {
            Some(name) => Err(GoalError(format!("there is no variable `{name}`; there are {}", VARIABLES.join(", ")))),
            None => Ok(Self { text: text.clone(), until }),
        }
    }

    /// The goal in words.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether this answer reaches it. An expression that cannot be evaluated is not true.
    pub(super) fn is_met(&self, output: &str, state: &State) -> bool {
        let answered = state.calls().iter().filter(|call| matches!(call.state, CallState::Ended(Ok(_))));
        let tools: Vec<String> = answered.map(|call| call.tool.clone()).collect();
        let mut context = Context::default();
        context.add_variable_from_value("output", output.to_owned());
        context.add_variable_from_value("turns", i64::from(state.spent.turns));
        context.add_variable_from_value("toolCalls", i64::try_from(state.calls().len()).unwrap_or(i64::MAX));
        context.add_variable_from_value("tools", tools);
        matches!(self.until.execute(&context), Ok(Value::Bool(true)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn goal(until: &str) -> Result<Goal, GoalError> {
        Goal::compile(&GoalConfig { text: "Find the sum.".into(), until: until.into() })
    }

    #[test]
    fn an_expression_sees_output_and_counts() {
        let state = State::default();
        for (until, met) in [
            ("output.contains('42')", true),
            ("output == '42' && turns == 0", false),
            ("size(tools) > 0", false),
            ("toolCalls < 1", true),
            // No check: neither true nor an error of the run.
            ("output", false),
            ("1 / toolCalls == 1", false),
        ] {
            assert_eq!(goal(until).unwrap().is_met("it is 42", &state), met, "{until}");
        }
    }

    #[test]
    fn what_is_no_check_is_refused_when_it_is_compiled() {
        assert!(goal("output ==").is_err());
        assert!(goal("secret == 'x'").unwrap_err().to_string().contains("no variable `secret`; there are output, turns"));
        assert!(goal(&format!("output == '{}'", "x".repeat(5000))).is_err());
    }
}
