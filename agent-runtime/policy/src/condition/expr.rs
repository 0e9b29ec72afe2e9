//! A condition as it is evaluated: every name is resolved, every function known, every regular expression compiled.

use regex::Regex;

/// An expression.
#[derive(Debug, Clone)]
pub(super) enum Expr {
    Literal(Literal),
    Fact(Fact),
    /// A variable of a macro, by its place among those that are visible.
    Local(usize),
    /// A field; with `test` whether there is one.
    Select {
        of: Box<Expr>,
        field: String,
        test: bool,
    },
    Index {
        of: Box<Expr>,
        at: Box<Expr>,
    },
    Not(Box<Expr>),
    Negate(Box<Expr>),
    And(Box<Expr>, Box<Expr>),
    Or(Box<Expr>, Box<Expr>),
    /// What is not false counts as true, errors too: how macros say that they go on.
    NotFalse(Box<Expr>),
    If(Box<Expr>, Box<Expr>, Box<Expr>),
    Compare(Comparison, Box<Expr>, Box<Expr>),
    Calculate(Operator, Box<Expr>, Box<Expr>),
    List(Vec<Expr>),
    Call(Function, Vec<Expr>),
    Fold(Box<Fold>),
}

/// A value that stands in the expression.
#[derive(Debug, Clone)]
pub(super) enum Literal {
    Null,
    Bool(bool),
    Integer(i128),
    Number(f64),
    Text(String),
}

/// Something that is known of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fact {
    Arguments,
    AgentName,
    AgentNamespace,
    AgentLabels,
    Session,
    CallerType,
    CallerName,
    CallerGroups,
    Tool,
    Taint,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

/// A function; where it is written as a method, the text or list is its first argument.
#[derive(Debug, Clone)]
pub(super) enum Function {
    Size,
    Contains,
    StartsWith,
    EndsWith,
    Matches(Regex),
    ToText,
    ToInteger,
    ToNumber,
}

/// What the macros `all`, `exists`, `exists_one`, `map` and `filter` become. Two variables are visible in it: what was found so
/// far, and the item.
#[derive(Debug, Clone)]
pub(super) struct Fold {
    pub(super) range: Expr,
    pub(super) start: Expr,
    pub(super) go_on: Expr,
    pub(super) step: Expr,
    pub(super) result: Expr,
}

impl Expr {
    /// Whether it asks what the run has read.
    pub(super) fn reads_taint(&self) -> bool {
        match self {
            Self::Fact(fact) => *fact == Fact::Taint,
            Self::Literal(_) | Self::Local(_) => false,
            Self::Select { of, .. } | Self::Not(of) | Self::Negate(of) | Self::NotFalse(of) => of.reads_taint(),
            Self::Index { of: a, at: b }
            | Self::And(a, b)
            | Self::Or(a, b)
            | Self::Compare(_, a, b)
            | Self::Calculate(_, a, b) => a.reads_taint() || b.reads_taint(),
            Self::If(a, b, c) => a.reads_taint() || b.reads_taint() || c.reads_taint(),
            Self::List(items) | Self::Call(_, items) => items.iter().any(Self::reads_taint),
            Self::Fold(fold) => {
                let Fold { range, start, go_on, step, result } = &**fold;
                [range, start, go_on, step, result].into_iter().any(Self::reads_taint)
            }
        }
    }
}
