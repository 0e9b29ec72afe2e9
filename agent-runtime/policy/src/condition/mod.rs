//! When a rule is about a call: a CEL expression over what is known of it.
//!
//! Expressions are parsed by the crate `cel`, as an API server's are in tests, and evaluated here: without copying arguments, with
//! every regular expression compiled once, in a bounded number of steps, and so that whatever is not clearly true or false is
//! [`Undecided`]. The crate's own evaluator has no bound, and takes a field of what has no fields for `false`.

mod evaluate;
mod expr;
mod functions;
mod translate;
mod types;
mod value;

#[cfg(test)]
mod tests;

use cel::parser::Parser;
use serde_json::Value as Json;
use skreaver_protocol::Caller;
use skreaver_protocol::policy::AgentFacts;

use self::evaluate::Evaluation;
use self::expr::Expr;
use self::translate::translate;
use self::value::Value;
use crate::stack::{apart, bounded};

/// A condition that can be asked.
#[derive(Debug, Clone)]
pub(crate) struct Condition {
    pub(crate) text: String,
    expr: Expr,
    /// Whether it asks what the run has read.
    pub(crate) reads_taint: bool,
}

/// What a condition sees of a call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Facts<'a> {
    pub(crate) arguments: &'a Json,
    /// Its name, and what the operator told of it.
    pub(crate) agent: (&'a str, Option<&'a AgentFacts>),
    pub(crate) session: Option<&'a str>,
    pub(crate) caller: &'a Caller,
    pub(crate) tool: &'a str,
    /// The untrusted sources that the run has read; nothing where that is not known.
    pub(crate) taint: Option<&'a [&'a str]>,
}

/// Why a condition is neither true nor false of a call. It tells of the condition, and nothing of the arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Undecided(pub(crate) String);

type Evaluated<'a> = Result<Value<'a>, Undecided>;

fn undecided<T>(why: impl Into<String>) -> Result<T, Undecided> {
    Err(Undecided(why.into()))
}

/// Why an expression is no condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unfit {
    /// The line of the expression, from 1.
    pub(crate) line: usize,
    pub(crate) message: String,
}

impl Condition {
    /// Compiles an expression.
    pub(crate) fn compile(text: &str) -> Result<Self, Unfit> {
        bounded(text).map_err(|message| Unfit { line: 1, message })?;
        let expr = apart(|| parse(text)).unwrap_or_else(|| Err(Unfit { line: 1, message: "this is not CEL".into() }))?;
        let reads_taint = expr.reads_taint();
        Ok(Self { text: text.to_owned(), expr, reads_taint })
    }

    /// Whether it is true of a call.
    pub(crate) fn holds(&self, facts: &Facts<'_>) -> Result<bool, Undecided> {
        Evaluation::new(facts).decide(&self.expr)
    }
}

fn parse(text: &str) -> Result<Expr, Unfit> {
    let parsed = Parser::new().parse(text).map_err(|errors| {
        let first = errors.errors.first();
        let line = first.and_then(|error| usize::try_from(error.pos.0).ok()).unwrap_or(1).max(1);
        let said = first.map(|error| error.msg.lines().next().unwrap_or_default()).unwrap_or_default();
        Unfit { line, message: format!("this is not CEL: {said}") }
    })?;
    translate(&parsed).map_err(|(word, message)| Unfit { line: line_of(text, &word), message })
}

/// The line on which a word stands first.
fn line_of(text: &str, word: &str) -> usize {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let whole = |at: &usize| {
        let (before, behind) = (text[..*at].chars().next_back(), text[at + word.len()..].chars().next());
        !before.is_some_and(is_part) && !behind.is_some_and(is_part)
    };
    let found = text.match_indices(word).map(|(at, _)| at).find(whole).unwrap_or(0);
    text[..found].matches('\n').count() + 1
}
