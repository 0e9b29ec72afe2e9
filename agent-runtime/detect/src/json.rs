//! Both detectors on JSON. Nothing here recurs, so that no depth of a value is too deep.

use std::rc::Rc;

use serde_json::{Map, Value};

use crate::secrets::redacted;
use crate::{Content, Finding, Secret, Secrets};

/// A finding, and the string in which it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located<F> {
    /// Where the string is, as a JSON pointer (RFC 6901). Example: `/steps/0/env/TOKEN`.
    pub pointer: String,
    /// Whether it is the last key of the pointer, and not the value under it.
    pub in_key: bool,
    /// What was found; its range counts in the string.
    pub finding: F,
}

impl Secrets {
    /// Every secret in the strings and keys of a value.
    pub fn find_in(&self, value: &Value) -> Vec<Located<Secret>> {
        walk(value, |key, text| self.find_under(key, text))
    }

    /// Puts `[redacted:KIND]` in the place of every secret in the strings and keys of a value.
    pub fn redact_value(&self, value: &mut Value) {
        rewrite(value, |key, text| match self.find_under(key, text) {
            found if found.is_empty() => None,
            found => Some(redacted(text, &found).into_owned()),
        });
    }

    fn find_under(&self, key: Option<&str>, text: &str) -> Vec<Secret> {
        match key {
            Some(key) => self.find_named(key, text),
            None => self.find(text),
        }
    }
}

impl Content {
    /// Everything suspicious in the strings and keys of a value.
    pub fn find_in(&self, value: &Value) -> Vec<Located<Finding>> {
        walk(value, |_, text| self.find(text))
    }

    /// Puts `[removed:CLASS]` in the place of everything suspicious in the strings and keys of a value.
    pub fn redact_value(&self, value: &mut Value) {
        self.redact_value_if(value, |_| true);
    }

    /// Puts `[removed:CLASS]` in the place of those findings in the strings and keys of a value for which this holds.
    pub fn redact_value_if(&self, value: &mut Value, wanted: impl Fn(&Finding) -> bool) {
        rewrite(value, |_, text| match self.redact_if(text, &wanted) {
            std::borrow::Cow::Borrowed(_) => None,
            std::borrow::Cow::Owned(text) => Some(text),
        });
    }
}

/// A value that is still to be looked at: where it is, and the key that it stands under. What is in an array stands under the
/// array's key: `"tokens": ["..."]`.
struct Open<'v> {
    pointer: String,
    key: Option<&'v str>,
    is_field: bool,
    value: &'v Value,
}

/// What `look` finds in every string, given its key, and in every key, in the order of the document.
fn walk<F>(value: &Value, mut look: impl FnMut(Option<&str>, &str) -> Vec<F>) -> Vec<Located<F>> {
    let mut found = Vec::new();
    let mut open = vec![Open { pointer: String::new(), key: None, is_field: false, value }];
    while let Some(Open { pointer, key, is_field, value }) = open.pop() {
        let mut keep = |in_key, findings: Vec<F>| {
            found.extend(findings.into_iter().map(|finding| Located { pointer: pointer.clone(), in_key, finding }));
        };
        if let Some(key) = key.filter(|_| is_field) {
            keep(true, look(None, key));
        }
        match value {
            Value::String(text) => keep(false, look(key, text)),
            Value::Array(items) => open.extend(items.iter().enumerate().rev().map(|(index, value)| {
                let pointer = below(&pointer, &index.to_string());
                Open { pointer, key, is_field: false, value }
            })),
            Value::Object(fields) => {
                let from = open.len();
                open.extend(fields.iter().map(|(key, value)| {
                    let pointer = below(&pointer, &key.replace('~', "~0").replace('/', "~1"));
                    Open { pointer, key: Some(key), is_field: true, value }
                }));
                open[from..].reverse();
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
    found
}

/// The pointer to what is below another. Where nobody would read it to its end it grows no more.
fn below(pointer: &str, name: &str) -> String {
    match pointer.len() {
        0..4096 => format!("{pointer}/{name}"),
        _ => pointer.to_owned(),
    }
}

/// Puts what `instead` gives in the place of strings, given their keys, and of keys.
fn rewrite(value: &mut Value, instead: impl Fn(Option<&str>, &str) -> Option<String>) {
    let mut open: Vec<(Option<Rc<str>>, &mut Value)> = vec![(None, value)];
    while let Some((key, value)) = open.pop() {
        match value {
            Value::String(text) => {
                if let Some(new) = instead(key.as_deref(), text) {
                    *text = new;
                }
            }
            Value::Array(items) => open.extend(items.iter_mut().map(|item| (key.clone(), item))),
            Value::Object(fields) => {
                if fields.keys().any(|key| instead(None, key).is_some()) {
                    *fields = renamed(std::mem::take(fields), &instead);
                }
                open.extend(fields.iter_mut().map(|(key, value)| (Some(key.as_str().into()), value)));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}

/// The same fields under keys without what is not to be seen; those that become equal are counted.
fn renamed(fields: Map<String, Value>, instead: &impl Fn(Option<&str>, &str) -> Option<String>) -> Map<String, Value> {
    let mut kept = Map::new();
    for (key, value) in fields {
        let new = instead(None, &key).unwrap_or(key);
        let free = (2..).map(|count| format!("{new} {count}")).find(|key| !kept.contains_key(key));
        let key = if kept.contains_key(&new) { free.unwrap_or(new) } else { new };
        kept.insert(key, value);
    }
    kept
}
