//! Values while a condition is evaluated. What the arguments hold is borrowed from them.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::rc::Rc;

use serde_json::{Map, Value as Json};

use super::expr::Literal;

#[derive(Debug, Clone)]
pub(super) enum Value<'a> {
    Null,
    Bool(bool),
    /// Any whole number that JSON or CEL can write.
    Integer(i128),
    Number(f64),
    Text(Cow<'a, str>),
    List(List<'a>),
    Object(&'a Map<String, Json>),
    Labels(&'a BTreeMap<String, String>),
}

#[derive(Debug, Clone)]
pub(super) enum List<'a> {
    Json(&'a [Json]),
    Texts(&'a [&'a str]),
    Made(Rc<Vec<Value<'a>>>),
}

impl<'a> From<&'a Json> for Value<'a> {
    fn from(json: &'a Json) -> Self {
        match json {
            Json::Null => Self::Null,
            Json::Bool(value) => Self::Bool(*value),
            Json::Number(number) => match (number.as_i64(), number.as_u64()) {
                (Some(whole), _) => Self::Integer(whole.into()),
                (None, Some(whole)) => Self::Integer(whole.into()),
                (None, None) => Self::Number(number.as_f64().unwrap_or(f64::NAN)),
            },
            Json::String(text) => Self::text(text),
            Json::Array(items) => Self::List(List::Json(items)),
            Json::Object(fields) => Self::Object(fields),
        }
    }
}

impl<'a> From<&'a Literal> for Value<'a> {
    fn from(literal: &'a Literal) -> Self {
        match literal {
            Literal::Null => Self::Null,
            Literal::Bool(value) => Self::Bool(*value),
            Literal::Integer(value) => Self::Integer(*value),
            Literal::Number(value) => Self::Number(*value),
            Literal::Text(text) => Self::text(text),
        }
    }
}

impl<'a> Value<'a> {
    pub(super) fn text(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }

    /// What stands under a key; an error where this is nothing that has keys.
    pub(super) fn field(&self, key: &str) -> Result<Option<Self>, ()> {
        match self {
            Self::Object(fields) => Ok(fields.get(key).map(Value::from)),
            Self::Labels(labels) => Ok(labels.get(key).map(|label| Self::text(label))),
            Self::Null | Self::Bool(_) | Self::Integer(_) | Self::Number(_) | Self::Text(_) | Self::List(_) => Err(()),
        }
    }

    /// Which of two comes first; nothing where they have no order.
    pub(super) fn order(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Integer(a), Self::Integer(b)) => Some(a.cmp(b)),
            (Self::Number(a), Self::Number(b)) => a.partial_cmp(b),
            (Self::Integer(a), Self::Number(b)) => mixed(*a, *b),
            (Self::Number(a), Self::Integer(b)) => mixed(*b, *a).map(Ordering::reverse),
            (Self::Text(a), Self::Text(b)) => Some(a.cmp(b)),
            (Self::Bool(a), Self::Bool(b)) => Some(a.cmp(b)),
            _ => None,
        }
    }
}

/// A whole number beside another one. The comparison is exact: no whole number that JSON can write is rounded.
fn mixed(whole: i128, number: f64) -> Option<Ordering> {
    const BEYOND: f64 = 1e30;
    if number.is_nan() {
        return None;
    }
    if number.abs() >= BEYOND {
        return 0.0_f64.partial_cmp(&number);
    }
    #[allow(clippy::cast_possible_truncation, reason = "it is below what an i128 holds")]
    let floor = number.floor() as i128;
    let has_fraction = number.fract() != 0.0;
    Some(whole.cmp(&floor).then(if has_fraction { Ordering::Less } else { Ordering::Equal }))
}

impl<'a> List<'a> {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Json(items) => items.len(),
            Self::Texts(items) => items.len(),
            Self::Made(items) => items.len(),
        }
    }

    pub(super) fn get(&self, at: usize) -> Option<Value<'a>> {
        match self {
            Self::Json(items) => items.get(at).map(Value::from),
            Self::Texts(items) => items.get(at).map(|text| Value::text(text)),
            Self::Made(items) => items.get(at).cloned(),
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Value<'a>> {
        let list = self.clone();
        (0..self.len()).filter_map(move |at| list.get(at))
    }
}
