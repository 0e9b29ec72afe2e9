//! Asks a condition about one call, in a bounded number of steps.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::rc::Rc;

use skreaver_protocol::Caller;

use super::expr::{Comparison, Expr, Fact, Fold, Function, Operator};
use super::functions::{item, negate, size, to_integer, to_number, to_text, whole};
use super::value::{List, Value};
use super::{Evaluated, Facts, Undecided, undecided};

/// The most steps: some milliseconds. An operation is one, and so are 64 bytes of a text that it looks at.
const MOST_STEPS: usize = 50_000;
/// How many bytes of a text are a step.
const BYTES: usize = 64;
/// How deep two values are compared.
const DEEPEST: usize = 128;

/// One condition, asked about one call.
pub(super) struct Evaluation<'a> {
    facts: &'a Facts<'a>,
    left: usize,
    /// The variables of macros, the innermost last.
    locals: Vec<Value<'a>>,
}

impl<'a> Evaluation<'a> {
    pub(super) fn new(facts: &'a Facts<'a>) -> Self {
        Self { facts, left: MOST_STEPS, locals: Vec::new() }
    }

    pub(super) fn decide(mut self, expr: &'a Expr) -> Result<bool, Undecided> {
        self.truth(expr)
    }

    fn spend(&mut self, steps: usize) -> Result<(), Undecided> {
        match self.left.checked_sub(steps) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => undecided("it takes too long on these arguments"),
        }
    }

    fn truth(&mut self, expr: &'a Expr) -> Result<bool, Undecided> {
        match self.value(expr)? {
            Value::Bool(value) => Ok(value),
            _ => undecided("something is neither true nor false where it has to be"),
        }
    }

    fn value(&mut self, expr: &'a Expr) -> Evaluated<'a> {
        self.spend(1)?;
        match expr {
            Expr::Literal(literal) => Ok(literal.into()),
            Expr::Fact(fact) => self.fact(*fact),
            Expr::Local(place) => self.local(*place),
            Expr::Select { of, field, test } => self.select(of, field, *test),
            Expr::Index { of, at } => {
                let (of, at) = (self.value(of)?, self.value(at)?);
                item(&of, &at)
            }
            Expr::Not(of) => Ok(Value::Bool(!self.truth(of)?)),
            Expr::Negate(of) => negate(&self.value(of)?),
            Expr::And(a, b) => self.both(a, b, false),
            Expr::Or(a, b) => self.both(a, b, true),
            Expr::NotFalse(of) => Ok(Value::Bool(self.truth(of).unwrap_or(true))),
            Expr::If(test, yes, no) => {
                if self.truth(test)? {
                    self.value(yes)
                } else {
                    self.value(no)
                }
            }
            Expr::Compare(how, a, b) => {
                let (a, b) = (self.value(a)?, self.value(b)?);
                self.compare(*how, &a, &b).map(Value::Bool)
            }
            Expr::Calculate(how, a, b) => {
                let (a, b) = (self.value(a)?, self.value(b)?);
                self.calculate(*how, a, b)
            }
            Expr::List(items) => {
                let items = items.iter().map(|item| self.value(item)).collect::<Result<_, _>>()?;
                Ok(Value::List(List::Made(Rc::new(items))))
            }
            Expr::Call(function, arguments) => self.call(function, arguments),
            Expr::Fold(fold) => self.fold(fold),
        }
    }

    fn fact(&mut self, fact: Fact) -> Evaluated<'a> {
        let Facts { arguments, agent: (name, agent), session, caller, tool, taint } = *self.facts;
        let known = || agent.ok_or_else(|| Undecided("nothing is known of the agent but its name".into()));
        Ok(match fact {
            Fact::Arguments => arguments.into(),
            Fact::AgentName => Value::text(name),
            Fact::AgentNamespace => Value::text(&known()?.namespace),
            Fact::AgentLabels => Value::Labels(&known()?.labels),
            Fact::Session => Value::text(session.unwrap_or_default()),
            Fact::CallerType => Value::text(caller.kind()),
            Fact::CallerName => Value::Text(caller.name()),
            Fact::CallerGroups => self.groups(caller)?,
            Fact::Tool => Value::text(tool),
            Fact::Taint => match taint {
                Some(read) => Value::List(List::Texts(read)),
                None => return undecided("it is not known what the caller has read"),
            },
        })
    }

    fn groups(&mut self, caller: &'a Caller) -> Evaluated<'a> {
        let groups = caller.groups();
        self.spend(groups.len())?;
        Ok(Value::List(List::Made(Rc::new(groups.into_iter().map(Value::Text).collect()))))
    }

    fn local(&self, place: usize) -> Evaluated<'a> {
        self.locals.get(place).cloned().ok_or_else(|| Undecided("a variable has no value".into()))
    }

    fn select(&mut self, of: &'a Expr, field: &str, test: bool) -> Evaluated<'a> {
        match self.value(of)?.field(field) {
            Ok(found) if test => Ok(Value::Bool(found.is_some())),
            Ok(Some(found)) => Ok(found),
            Ok(None) => undecided(format!("there is no `{field}`")),
            Err(()) => undecided(format!("`{field}` is asked of what has no fields")),
        }
    }

    /// `&&` and `||`: one side that settles it makes up for another that cannot be decided.
    fn both(&mut self, a: &'a Expr, b: &'a Expr, settles: bool) -> Evaluated<'a> {
        let first = self.truth(a);
        if first == Ok(settles) {
            return Ok(Value::Bool(settles));
        }
        let second = self.truth(b);
        if second == Ok(settles) {
            return Ok(Value::Bool(settles));
        }
        first.and(second).map(|_| Value::Bool(!settles))
    }

    fn compare(&mut self, how: Comparison, a: &Value<'a>, b: &Value<'a>) -> Result<bool, Undecided> {
        let ordered = |wanted: fn(Ordering) -> bool| match a.order(b) {
            Some(order) => Ok(wanted(order)),
            None => undecided("two values are compared that have no order"),
        };
        match how {
            Comparison::Equal => self.equal(a, b, 0),
            Comparison::Unequal => self.equal(a, b, 0).map(|equal| !equal),
            Comparison::In => self.holds(b, a),
            Comparison::Less => ordered(Ordering::is_lt),
            Comparison::LessOrEqual => ordered(Ordering::is_le),
            Comparison::Greater => ordered(Ordering::is_gt),
            Comparison::GreaterOrEqual => ordered(Ordering::is_ge),
        }
    }

    /// Values of different kinds are not equal, and that is no error.
    fn equal(&mut self, a: &Value<'a>, b: &Value<'a>, depth: usize) -> Result<bool, Undecided> {
        self.spend(1)?;
        if depth > DEEPEST {
            return undecided("values are compared that are nested too deeply");
        }
        match (a, b) {
            (Value::Null, Value::Null) => Ok(true),
            (Value::Text(a), Value::Text(b)) => {
                self.spend(a.len().min(b.len()) / BYTES)?;
                Ok(a == b)
            }
            (Value::List(a), Value::List(b)) => {
                if a.len() != b.len() {
                    return Ok(false);
                }
                self.all(a.iter().zip(b.iter()), |this, (a, b)| this.equal(&a, &b, depth + 1))
            }
            (Value::Object(a), Value::Object(b)) => {
                if a.len() != b.len() {
                    return Ok(false);
                }
                self.all(a.iter(), |this, (key, value)| match b.get(key) {
                    Some(other) => this.equal(&value.into(), &other.into(), depth + 1),
                    None => Ok(false),
                })
            }
            (Value::Labels(a), Value::Labels(b)) => Ok(a == b),
            _ => Ok(a.order(b) == Some(Ordering::Equal)),
        }
    }

    fn all<T>(
        &mut self,
        items: impl Iterator<Item = T>,
        mut holds: impl FnMut(&mut Self, T) -> Result<bool, Undecided>,
    ) -> Result<bool, Undecided> {
        for item in items {
            if !holds(self, item)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn holds(&mut self, holder: &Value<'a>, wanted: &Value<'a>) -> Result<bool, Undecided> {
        match (holder, wanted) {
            (Value::List(items), _) => {
                for item in items.iter() {
                    if self.equal(&item, wanted, 0)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            (Value::Object(_) | Value::Labels(_), Value::Text(key)) => Ok(holder.field(key).is_ok_and(|found| found.is_some())),
            _ => undecided("`in` is asked of what holds nothing"),
        }
    }

    fn calculate(&mut self, how: Operator, a: Value<'a>, b: Value<'a>) -> Evaluated<'a> {
        match (how, a, b) {
            (Operator::Add, Value::Text(a), Value::Text(b)) => {
                self.spend((a.len() + b.len()) / BYTES)?;
                Ok(Value::Text(Cow::Owned(a.into_owned() + &b)))
            }
            (Operator::Add, Value::List(a), Value::List(b)) => {
                self.spend(a.len() + b.len())?;
                Ok(Value::List(List::Made(Rc::new(a.iter().chain(b.iter()).collect()))))
            }
            (_, Value::Integer(a), Value::Integer(b)) => whole(match how {
                Operator::Add => a.checked_add(b),
                Operator::Subtract => a.checked_sub(b),
                Operator::Multiply => a.checked_mul(b),
                Operator::Divide => a.checked_div(b),
                Operator::Remainder => a.checked_rem(b),
            }),
            (_, Value::Number(a), Value::Number(b)) => match how {
                Operator::Add => Ok(Value::Number(a + b)),
                Operator::Subtract => Ok(Value::Number(a - b)),
                Operator::Multiply => Ok(Value::Number(a * b)),
                Operator::Divide => Ok(Value::Number(a / b)),
                Operator::Remainder => undecided("`%` is asked of a number with a fraction"),
            },
            _ => undecided("values are reckoned with that do not go together"),
        }
    }

    fn call(&mut self, function: &'a Function, arguments: &'a [Expr]) -> Evaluated<'a> {
        let mut given = arguments.iter().map(|argument| self.value(argument)).collect::<Result<Vec<_>, _>>()?.into_iter();
        let (first, second) = (given.next(), given.next());
        let seen = |value: &Option<Value<'_>>| if let Some(Value::Text(text)) = value { text.len() / BYTES } else { 0 };
        self.spend(seen(&first) + seen(&second))?;
        match (function, first, second) {
            (Function::Size, Some(value), _) => size(&value),
            (Function::Contains, Some(Value::Text(text)), Some(Value::Text(part))) => Ok(Value::Bool(text.contains(&*part))),
            (Function::StartsWith, Some(Value::Text(text)), Some(Value::Text(part))) => Ok(Value::Bool(text.starts_with(&*part))),
            (Function::EndsWith, Some(Value::Text(text)), Some(Value::Text(part))) => Ok(Value::Bool(text.ends_with(&*part))),
            (Function::Matches(pattern), Some(Value::Text(text)), _) => Ok(Value::Bool(pattern.is_match(&text))),
            (Function::ToText, Some(value), _) => to_text(value),
            (Function::ToInteger, Some(value), _) => to_integer(&value),
            (Function::ToNumber, Some(value), _) => to_number(&value),
            _ => undecided("a function is given something that it does not take"),
        }
    }

    fn fold(&mut self, fold: &'a Fold) -> Evaluated<'a> {
        let items = self.items(&fold.range)?;
        let start = self.value(&fold.start)?;
        let visible = self.locals.len();
        self.locals.extend([start, Value::Null]);
        let result = self.fold_over(items, fold, visible);
        // Also where it is undecided: another side of `||` may settle that, and has variables of its own.
        self.locals.truncate(visible);
        result
    }

    fn items(&mut self, range: &'a Expr) -> Result<Vec<Value<'a>>, Undecided> {
        let items: Vec<_> = match self.value(range)? {
            Value::List(items) => items.iter().collect(),
            Value::Object(fields) => fields.keys().map(|key| Value::text(key)).collect(),
            Value::Labels(labels) => labels.keys().map(|key| Value::text(key)).collect(),
            _ => return undecided("something is gone through that has no items"),
        };
        self.spend(items.len())?;
        Ok(items)
    }

    fn fold_over(&mut self, items: Vec<Value<'a>>, fold: &'a Fold, found: usize) -> Evaluated<'a> {
        for item in items {
            if !self.truth(&fold.go_on)? {
                break;
            }
            self.locals[found + 1] = item;
            // An item of which the condition cannot be decided is none to pass over.
            self.locals[found] = self.value(&fold.step)?;
        }
        self.value(&fold.result)
    }
}
