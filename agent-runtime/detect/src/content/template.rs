//! Templates that compute or reach for something when an engine gets them. That a value stands in braces is how everybody writes
//! templates, documentation and code: `{{ user.name }}`, `${HOME}`, `<%= link %>` are not found. That it calculates with constants,
//! climbs through classes or runs something is.

use super::text::Text;
use super::{Class, Finding};
use crate::Confidence;

const REACH: usize = 512;

/// What opens an expression, and what closes it.
const BRACES: [(&str, &str); 8] =
    [("{{", "}}"), ("{%", "%}"), ("${", "}"), ("#{", "}"), ("<%", "%>"), ("<?", "?>"), ("<#", ">"), ("{#", "#}")];

/// What loggers and their like look up by themselves.
const LOOKUPS: [&str; 8] = ["${jndi:", "${lower:", "${upper:", "${::-", "${env:", "${sys:", "${java:", "${script:"];

/// Names that lead from a value to the machine.
const REACHES: [&str; 38] = [
    "__class__",
    "__globals__",
    "__mro__",
    "__subclasses__",
    "__builtins__",
    "__import__",
    "__init__",
    ".constructor",
    "['constructor']",
    "popen(",
    "system(",
    "exec(",
    "eval(",
    "passthru(",
    "shell_exec",
    "getruntime",
    "java.lang",
    "processbuilder",
    "subprocess",
    "os.environ",
    "lipsum",
    "cycler.",
    "joiner.",
    "config.items",
    "config.__",
    "request.application",
    "_self.env",
    "child_process",
    "process.env",
    "file.read",
    "file.open",
    "io.popen",
    "io.read",
    "freemarker.template",
    "?new()",
    "t(java",
    "import os",
    "/etc/passwd",
];

pub(super) fn find(text: &Text<'_>, at: usize) -> Option<Finding> {
    let ahead = text.ahead(at, REACH);
    let finding = |length: usize, reason| {
        let mut end = at + length;
        while !text.text.is_char_boundary(end) {
            end += 1;
        }
        Some(Finding { class: Class::Template, range: at..end, reason, confidence: Confidence::High })
    };
    if starts_with_any_case(ahead, "${${") || LOOKUPS.iter().any(|lookup| starts_with_any_case(ahead, lookup)) {
        return finding(closing(ahead), "a lookup");
    }
    let (open, close) = BRACES.iter().find(|(open, _)| ahead.starts_with(open.as_bytes()))?;
    let inside = &ahead[open.len()..];
    let length = inside.windows(close.len()).position(|window| window == close.as_bytes())?;
    let expression = String::from_utf8_lossy(&inside[..length]).to_lowercase();
    let whole = open.len() + length + close.len();
    if REACHES.iter().any(|name| expression.contains(name)) {
        return finding(whole, "an expression that reaches out of its template");
    }
    if calculates(expression.trim_matches(|c: char| c.is_whitespace() || "=-%".contains(c))) {
        return finding(whole, "an expression that tries out an engine");
    }
    None
}

fn starts_with_any_case(text: &[u8], beginning: &str) -> bool {
    text.get(..beginning.len()).is_some_and(|text| text.eq_ignore_ascii_case(beginning.as_bytes()))
}

/// Where the braces that open first are closed, or the end.
fn closing(text: &[u8]) -> usize {
    let mut depth = 0_usize;
    let close = text.iter().position(|byte| {
        match byte {
            b'{' => depth += 1,
            b'}' => depth = depth.saturating_sub(1),
            _ => return false,
        }
        depth == 0
    });
    close.map_or(text.len(), |at| at + 1)
}

/// Constants and nothing else, with an operator between them: `7*7`, `7*'7'`.
fn calculates(expression: &str) -> bool {
    let sides = expression.split_once(['*', '+', '-', '/']);
    let constant = |side: &str| {
        let side = side.trim().trim_matches(['"', '\'']);
        !side.is_empty() && side.bytes().all(|byte| byte.is_ascii_digit())
    };
    sides.is_some_and(|(left, right)| constant(left) && constant(right))
}
