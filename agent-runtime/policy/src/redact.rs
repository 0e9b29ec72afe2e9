//! What of a call others do not see.

use std::sync::Arc;

use serde_json::Value;
use skreaver_protocol::policy::Redact;

use crate::compile::RuleProblem;

/// What stands where something was.
pub const REDACTED: &str = "[redacted]";

/// The fields of one rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Redactions {
    arguments: Vec<Field>,
    result: Vec<Field>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Field {
    /// Wherever it stands.
    Named(String),
    /// By the way to it from the top.
    At(Vec<String>),
}

/// Every item of a list, every field of an object.
const EACH: &str = "*";

impl Redactions {
    /// Nothing, where no field is named.
    pub(crate) fn compile(redact: &Redact, path: &str, problems: &mut Vec<RuleProblem>) -> Option<Self> {
        let Redact { arguments, result } = redact;
        let arguments = fields(arguments, &format!("{path}.arguments"), problems);
        let result = fields(result, &format!("{path}.result"), problems);
        (!arguments.is_empty() || !result.is_empty()).then_some(Self { arguments, result })
    }
}

fn fields(texts: &[String], path: &str, problems: &mut Vec<RuleProblem>) -> Vec<Field> {
    let mut fields = Vec::with_capacity(texts.len());
    for (index, text) in texts.iter().enumerate() {
        match field(text) {
            Some(field) => fields.push(field),
            None => {
                let message = format!("`{text}` is neither the name of a field nor a JSON pointer such as /user/password");
                problems.push(RuleProblem { path: format!("{path}[{index}]"), message });
            }
        }
    }
    fields
}

fn field(text: &str) -> Option<Field> {
    let Some(pointer) = text.strip_prefix('/') else {
        return (!text.is_empty() && !text.contains('/')).then(|| Field::Named(text.to_owned()));
    };
    let unescaped = |part: &str| {
        let plain = part.replace("~1", "").replace("~0", "");
        (!plain.contains('~')).then(|| part.replace("~1", "/").replace("~0", "~"))
    };
    pointer.split('/').map(unescaped).collect::<Option<_>>().map(Field::At)
}

/// Replaces what rules name of the arguments.
pub(crate) fn redact_arguments(rules: &[Arc<Redactions>], value: &mut Value) {
    for field in rules.iter().flat_map(|rule| &rule.arguments) {
        field.redact(value);
    }
}

/// Replaces what rules name of a result. A text is looked into where it is JSON with fields or items.
pub(crate) fn redact_result(rules: &[Arc<Redactions>], value: &mut Value) {
    let fields: Vec<_> = rules.iter().flat_map(|rule| &rule.result).collect();
    let Value::String(text) = value else {
        fields.iter().for_each(|field| field.redact(value));
        return;
    };
    if fields.is_empty() || !text.trim_start().starts_with(['{', '[']) {
        return;
    }
    let Ok(mut inner) = serde_json::from_str::<Value>(text) else { return };
    let before = inner.clone();
    fields.iter().for_each(|field| field.redact(&mut inner));
    if inner != before {
        *value = Value::String(inner.to_string());
    }
}

impl Field {
    fn redact(&self, value: &mut Value) {
        match self {
            Self::Named(name) => redact_named(name, value),
            Self::At(way) => redact_at(way, value),
        }
    }
}

fn redact_named(name: &str, value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                if key == name {
                    *value = REDACTED.into();
                } else {
                    redact_named(name, value);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| redact_named(name, item)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn redact_at(way: &[String], value: &mut Value) {
    let Some((first, rest)) = way.split_first() else {
        *value = REDACTED.into();
        return;
    };
    match value {
        Value::Object(fields) if first == EACH => fields.values_mut().for_each(|value| redact_at(rest, value)),
        Value::Array(items) if first == EACH => items.iter_mut().for_each(|item| redact_at(rest, item)),
        Value::Object(fields) => fields.get_mut(first).into_iter().for_each(|value| redact_at(rest, value)),
        Value::Array(items) => {
            let item = first.parse::<usize>().ok().and_then(|at| items.get_mut(at));
            item.into_iter().for_each(|item| redact_at(rest, item));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(fields: &[&str], before: Value, after: Value) {
        let redact = Redact { arguments: Vec::new(), result: fields.iter().map(|field| (*field).to_owned()).collect() };
        let (mut problems, mut value) = (Vec::new(), before);
        let rules: Vec<_> = Redactions::compile(&redact, "redact", &mut problems).map(Arc::new).into_iter().collect();
        assert_eq!(problems, []);
        redact_result(&rules, &mut value);
        assert_eq!(value, after, "{fields:?}");
    }

    #[test]
    fn a_name_is_found_wherever_it_stands() {
        let before = json!({"token": {"a": 1}, "rows": [{"token": "t", "id": 1}, 2], "x": {"y": {"token": null}}});
        let after = json!({"token": REDACTED, "rows": [{"token": REDACTED, "id": 1}, 2], "x": {"y": {"token": REDACTED}}});
        check(&["token"], before, after);
    }

    #[test]
    fn a_pointer_is_one_place_or_one_of_each() {
        let before = json!({"rows": [{"mail": "a", "id": 1}, {"id": 2}], "mail": "b", "a/b": 1, "list": [1, 2]});
        let after =
            json!({"rows": [{"mail": REDACTED, "id": 1}, {"id": 2}], "mail": "b", "a/b": REDACTED, "list": [1, REDACTED]});
        check(&["/rows/*/mail", "/a~1b", "/list/1", "/gone/x"], before, after);
    }

    #[test]
    fn a_text_is_looked_into_where_it_is_json() {
        check(&["token"], json!(r#"{"token": "t", "a": 1}"#), json!(r#"{"token":"[redacted]","a":1}"#));
        check(&["token"], json!("{ \"a\" : 1}"), json!("{ \"a\" : 1}"));
        check(&["token"], json!("token: t"), json!("token: t"));
    }
}
