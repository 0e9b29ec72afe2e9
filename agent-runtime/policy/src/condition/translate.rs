//! From what the parser read to what is evaluated. What can be seen to be wrong without a call is refused here.

use cel::common::ast::{CallExpr, ComprehensionExpr, Expr as Parsed, IdedExpr, LiteralValue, SelectExpr, operators};
use regex::RegexBuilder;

use super::expr::{Comparison, Expr, Fact, Fold, Function, Literal, Operator};
use super::types::{Type, alike, expect};

/// How deep an expression may be nested.
const DEEPEST: usize = 96;
/// How large a compiled regular expression may be, in bytes.
const LARGEST_REGEX: usize = 256 << 10;

const VARIABLES: &str = "args, agent, session, caller, tool and taint";
const FUNCTIONS: &str =
    "size, contains, startsWith, endsWith, matches, string, int, double, has, all, exists, exists_one, map and filter";

/// A word of the expression, and what is wrong there.
pub(super) type Problem = (String, String);

type Typed = (Expr, Type);

/// The expression, if it can be true or false.
pub(super) fn translate(parsed: &IdedExpr) -> Result<Expr, Problem> {
    match (Translation { locals: Vec::new(), depth: 0 }).expr(parsed)? {
        (expr, Type::Bool | Type::Any) => Ok(expr),
        (_, other) => {
            Err(wrong(format!("this is {}, and a condition is true or false; compare it with something", other.name())))
        }
    }
}

fn wrong(message: impl Into<String>) -> Problem {
    (String::new(), message.into())
}

struct Translation {
    /// The variables of macros that are visible, the innermost last.
    locals: Vec<(String, Type)>,
    depth: usize,
}

impl Translation {
    fn expr(&mut self, parsed: &IdedExpr) -> Result<Typed, Problem> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(wrong("the expression is nested too deeply; write a flatter one"));
        }
        let typed = match &parsed.expr {
            Parsed::Literal(value) => literal(value),
            Parsed::Ident(name) => self.variable(name),
            Parsed::Select(select) => self.select(select),
            Parsed::Call(call) => self.call(call),
            Parsed::Comprehension(comprehension) => self.fold(comprehension),
            Parsed::List(list) => {
                let items = list.elements.iter().map(|item| Ok(self.expr(item)?.0)).collect::<Result<_, Problem>>()?;
                Ok((Expr::List(items), Type::List))
            }
            Parsed::Map(_) | Parsed::Struct(_) => Err(wrong("an object cannot be written here; use a list")),
            Parsed::Unspecified => Err(wrong("this is not CEL")),
        };
        self.depth -= 1;
        typed
    }

    fn boxed(&mut self, parsed: &IdedExpr) -> Result<(Box<Expr>, Type), Problem> {
        let (expr, kind) = self.expr(parsed)?;
        Ok((Box::new(expr), kind))
    }

    fn variable(&self, name: &str) -> Result<Typed, Problem> {
        if let Some((place, (_, kind))) = self.locals.iter().enumerate().rev().find(|(_, (local, _))| local == name) {
            return Ok((Expr::Local(place), *kind));
        }
        let fact = match name {
            "args" => Fact::Arguments,
            "session" => Fact::Session,
            "tool" => Fact::Tool,
            "taint" => Fact::Taint,
            "agent" => return Err((name.into(), "write agent.name, agent.namespace or agent.labels".into())),
            "caller" => return Err((name.into(), "write caller.type, caller.name or caller.groups".into())),
            _ => return Err((name.into(), format!("there is no variable `{name}`; there are {VARIABLES}"))),
        };
        Ok((Expr::Fact(fact), type_of(fact)))
    }

    fn select(&mut self, SelectExpr { operand, field, test }: &SelectExpr) -> Result<Typed, Problem> {
        if let Parsed::Ident(name) = &operand.expr
            && !self.locals.iter().any(|(local, _)| local == name)
            && let Some(known) = own_field(name, field)
        {
            let fact = known?;
            let kind = type_of(fact);
            return Ok(if *test { (Expr::Literal(Literal::Bool(true)), Type::Bool) } else { (Expr::Fact(fact), kind) });
        }
        let (of, kind) = self.boxed(operand)?;
        expect(kind, &[Type::Map], field, "has no fields")?;
        Ok((Expr::Select { of, field: field.clone(), test: *test }, if *test { Type::Bool } else { Type::Any }))
    }

    fn call(&mut self, call: &CallExpr) -> Result<Typed, Problem> {
        let CallExpr { func_name: name, target, args } = call;
        match (name.as_str(), target, args.as_slice()) {
            (operators::CONDITIONAL, None, [test, yes, no]) => {
                let (test, kind) = self.boxed(test)?;
                expect(kind, &[Type::Bool], "?", "is no condition")?;
                let ((yes, a), (no, b)) = (self.boxed(yes)?, self.boxed(no)?);
                Ok((Expr::If(test, yes, no), if a == b { a } else { Type::Any }))
            }
            (operators::LOGICAL_NOT, None, [of]) => Ok((Expr::Not(self.truth(of, "!")?), Type::Bool)),
            (operators::NOT_STRICTLY_FALSE, None, [of]) => Ok((Expr::NotFalse(self.truth(of, "!")?), Type::Bool)),
            (operators::NEGATE, None, [of]) => {
                let (of, kind) = self.boxed(of)?;
                expect(kind, &[Type::Number], "-", "cannot be negated")?;
                Ok((Expr::Negate(of), Type::Number))
            }
            (operators::LOGICAL_AND, None, [a, b]) => Ok((Expr::And(self.truth(a, "&&")?, self.truth(b, "&&")?), Type::Bool)),
            (operators::LOGICAL_OR, None, [a, b]) => Ok((Expr::Or(self.truth(a, "||")?, self.truth(b, "||")?), Type::Bool)),
            (operators::INDEX, None, [of, at]) => {
                let ((of, kind), (at, _)) = (self.boxed(of)?, self.boxed(at)?);
                expect(kind, &[Type::List, Type::Map], "[", "has no items")?;
                Ok((Expr::Index { of, at }, Type::Any))
            }
            (_, None, [a, b]) if comparison(name).is_some() => self.compare(name, a, b),
            (_, None, [a, b]) if operator(name).is_some() => self.calculate(name, a, b),
            _ => self.function(name, target.as_deref().into_iter().chain(args).collect()),
        }
    }

    fn truth(&mut self, parsed: &IdedExpr, word: &str) -> Result<Box<Expr>, Problem> {
        let (expr, kind) = self.boxed(parsed)?;
        expect(kind, &[Type::Bool], word, "is neither true nor false")?;
        Ok(expr)
    }

    fn compare(&mut self, name: &str, a: &IdedExpr, b: &IdedExpr) -> Result<Typed, Problem> {
        let Some((how, word)) = comparison(name) else { return Err(wrong("this is not CEL")) };
        let ((a, left), (b, right)) = (self.boxed(a)?, self.boxed(b)?);
        match how {
            Comparison::In => expect(right, &[Type::List, Type::Map], word, "holds nothing")?,
            Comparison::Equal | Comparison::Unequal if left == Type::Null || right == Type::Null => {}
            Comparison::Equal | Comparison::Unequal => alike(left, right, word)?,
            Comparison::Less | Comparison::LessOrEqual | Comparison::Greater | Comparison::GreaterOrEqual => {
                let ordered = [Type::Number, Type::Text, Type::Bool];
                expect(left, &ordered, word, "has no order")?;
                expect(right, &ordered, word, "has no order")?;
                alike(left, right, word)?;
            }
        }
        Ok((Expr::Compare(how, a, b), Type::Bool))
    }

    fn calculate(&mut self, name: &str, a: &IdedExpr, b: &IdedExpr) -> Result<Typed, Problem> {
        let Some((how, word)) = operator(name) else { return Err(wrong("this is not CEL")) };
        let ((a, left), (b, right)) = (self.boxed(a)?, self.boxed(b)?);
        let numbers: &[Type] = if how == Operator::Add { &[Type::Number, Type::Text, Type::List] } else { &[Type::Number] };
        expect(left, numbers, word, "cannot be reckoned with")?;
        expect(right, numbers, word, "cannot be reckoned with")?;
        alike(left, right, word)?;
        Ok((Expr::Calculate(how, a, b), if left == Type::Any { right } else { left }))
    }

    fn function(&mut self, name: &str, given: Vec<&IdedExpr>) -> Result<Typed, Problem> {
        let (text, both) = (&[Type::Text][..], &[Type::Text, Type::List, Type::Map][..]);
        let (takes, gives): (&[&[Type]], _) = match name {
            "size" => (&[both], Type::Number),
            "contains" | "startsWith" | "endsWith" | "matches" => (&[text, text], Type::Bool),
            "string" => (&[&[Type::Text, Type::Number, Type::Bool]], Type::Text),
            "int" | "double" => (&[&[Type::Text, Type::Number]], Type::Number),
            _ => return Err((name.into(), format!("there is no function `{name}`; there are {FUNCTIONS}"))),
        };
        if given.len() != takes.len() {
            let (wanted, found) = (takes.len(), given.len());
            return Err((
                name.into(),
                format!("`{name}` takes {wanted} arguments, the text before the dot among them, and has {found}"),
            ));
        }
        let mut arguments = Vec::with_capacity(given.len());
        for (parsed, wanted) in given.iter().zip(takes) {
            let (argument, kind) = self.expr(parsed)?;
            expect(kind, wanted, name, "is not what the function takes")?;
            arguments.push(argument);
        }
        Ok((Expr::Call(known(name, &mut arguments)?, arguments), gives))
    }

    fn fold(&mut self, parsed: &ComprehensionExpr) -> Result<Typed, Problem> {
        if parsed.iter_var2.is_some() {
            return Err((parsed.iter_var.clone(), "macros with two variables are not known here".into()));
        }
        let (range, kind) = self.expr(&parsed.iter_range)?;
        expect(kind, &[Type::List, Type::Map], &parsed.iter_var, "has no items")?;
        let (start, found) = self.expr(&parsed.accu_init)?;
        let visible = self.locals.len();
        self.locals.extend([(parsed.accu_var.clone(), found), (parsed.iter_var.clone(), Type::Any)]);
        let (go_on, _) = self.expr(&parsed.loop_cond)?;
        let (step, _) = self.expr(&parsed.loop_step)?;
        let (result, kind) = self.expr(&parsed.result)?;
        self.locals.truncate(visible);
        Ok((Expr::Fold(Box::new(Fold { range, start, go_on, step, result })), kind))
    }
}

fn literal(value: &LiteralValue) -> Result<Typed, Problem> {
    Ok(match value {
        LiteralValue::Null => (Expr::Literal(Literal::Null), Type::Null),
        LiteralValue::Boolean(value) => (Expr::Literal(Literal::Bool(*value.inner())), Type::Bool),
        LiteralValue::Int(value) => (Expr::Literal(Literal::Integer((*value.inner()).into())), Type::Number),
        LiteralValue::UInt(value) => (Expr::Literal(Literal::Integer((*value.inner()).into())), Type::Number),
        LiteralValue::Double(value) => (Expr::Literal(Literal::Number(*value.inner())), Type::Number),
        LiteralValue::String(value) => (Expr::Literal(Literal::Text(value.inner().to_owned())), Type::Text),
        LiteralValue::Bytes(_) => return Err(wrong("arguments have no bytes; write a text")),
    })
}

/// A field of the variables that have a few of them.
fn own_field(variable: &str, field: &str) -> Option<Result<Fact, Problem>> {
    let unknown = |there: &str| Err((field.to_owned(), format!("there is no `{variable}.{field}`; there is {there}")));
    match (variable, field) {
        ("agent", "name") => Some(Ok(Fact::AgentName)),
        ("agent", "namespace") => Some(Ok(Fact::AgentNamespace)),
        ("agent", "labels") => Some(Ok(Fact::AgentLabels)),
        ("agent", _) => Some(unknown("agent.name, agent.namespace and agent.labels")),
        ("caller", "type") => Some(Ok(Fact::CallerType)),
        ("caller", "name") => Some(Ok(Fact::CallerName)),
        ("caller", "groups") => Some(Ok(Fact::CallerGroups)),
        ("caller", _) => Some(unknown("caller.type, caller.name and caller.groups")),
        _ => None,
    }
}

const fn type_of(fact: Fact) -> Type {
    match fact {
        Fact::Arguments => Type::Any,
        Fact::AgentLabels => Type::Map,
        Fact::CallerGroups | Fact::Taint => Type::List,
        Fact::AgentName | Fact::AgentNamespace | Fact::Session | Fact::CallerType | Fact::CallerName | Fact::Tool => Type::Text,
    }
}

fn known(name: &str, arguments: &mut Vec<Expr>) -> Result<Function, Problem> {
    Ok(match name {
        "size" => Function::Size,
        "contains" => Function::Contains,
        "startsWith" => Function::StartsWith,
        "endsWith" => Function::EndsWith,
        "string" => Function::ToText,
        "int" => Function::ToInteger,
        "double" => Function::ToNumber,
        _ => {
            let Some(Expr::Literal(Literal::Text(pattern))) = arguments.pop() else {
                return Err((name.into(), "`matches` takes its pattern as a text that stands there".into()));
            };
            let regex = RegexBuilder::new(&pattern).size_limit(LARGEST_REGEX).build();
            let last = |error: regex::Error| error.to_string().lines().last().unwrap_or_default().to_owned();
            Function::Matches(regex.map_err(|error| (name.into(), format!("`{pattern}` is not a pattern: {}", last(error))))?)
        }
    })
}

fn comparison(name: &str) -> Option<(Comparison, &'static str)> {
    Some(match name {
        operators::EQUALS => (Comparison::Equal, "=="),
        operators::NOT_EQUALS => (Comparison::Unequal, "!="),
        operators::LESS => (Comparison::Less, "<"),
        operators::LESS_EQUALS => (Comparison::LessOrEqual, "<="),
        operators::GREATER => (Comparison::Greater, ">"),
        operators::GREATER_EQUALS => (Comparison::GreaterOrEqual, ">="),
        operators::IN => (Comparison::In, "in"),
        _ => return None,
    })
}

fn operator(name: &str) -> Option<(Operator, &'static str)> {
    Some(match name {
        operators::ADD => (Operator::Add, "+"),
        operators::SUBSTRACT => (Operator::Subtract, "-"),
        operators::MULTIPLY => (Operator::Multiply, "*"),
        operators::DIVIDE => (Operator::Divide, "/"),
        operators::MODULO => (Operator::Remainder, "%"),
        _ => return None,
    })
}
