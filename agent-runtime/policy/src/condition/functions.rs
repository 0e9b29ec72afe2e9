//! What conditions can ask of single values.

use super::value::Value;
use super::{Evaluated, undecided};

pub(super) fn negate<'a>(value: &Value<'a>) -> Evaluated<'a> {
    match value {
        Value::Integer(value) => whole(value.checked_neg()),
        Value::Number(value) => Ok(Value::Number(-value)),
        _ => undecided("something is negated that is no number"),
    }
}

pub(super) fn item<'a>(of: &Value<'a>, at: &Value<'a>) -> Evaluated<'a> {
    match (of, at) {
        (Value::List(items), Value::Integer(at)) => match usize::try_from(*at).ok().and_then(|at| items.get(at)) {
            Some(found) => Ok(found),
            None => undecided(format!("there is no item {at}")),
        },
        (Value::Object(_) | Value::Labels(_), Value::Text(key)) => match of.field(key) {
            Ok(Some(found)) => Ok(found),
            // The key may be one of the caller's: it is not repeated.
            Ok(None) | Err(()) => undecided("a key is not there"),
        },
        _ => undecided("an item is asked of what has none of that kind"),
    }
}

/// A whole number, as long as it is one that CEL has too.
pub(super) fn whole<'a>(found: Option<i128>) -> Evaluated<'a> {
    match found.filter(|number| i64::try_from(*number).is_ok()) {
        Some(number) => Ok(Value::Integer(number)),
        None => undecided("a number grows too large, or something is divided by zero"),
    }
}

pub(super) fn size<'a>(value: &Value<'a>) -> Evaluated<'a> {
    let size = match value {
        Value::Text(text) => text.chars().count(),
        Value::List(items) => items.len(),
        Value::Object(fields) => fields.len(),
        Value::Labels(labels) => labels.len(),
        Value::Null | Value::Bool(_) | Value::Integer(_) | Value::Number(_) => {
            return undecided("`size` is asked of what has none");
        }
    };
    whole(i128::try_from(size).ok())
}

pub(super) fn to_text<'a>(value: Value<'a>) -> Evaluated<'a> {
    Ok(match value {
        Value::Text(text) => Value::Text(text),
        Value::Integer(number) => Value::Text(number.to_string().into()),
        Value::Number(number) => Value::Text(number.to_string().into()),
        Value::Bool(value) => Value::Text(value.to_string().into()),
        Value::Null | Value::List(_) | Value::Object(_) | Value::Labels(_) => {
            return undecided("`string` is given something that is no text, number or truth");
        }
    })
}

pub(super) fn to_integer<'a>(value: &Value<'a>) -> Evaluated<'a> {
    match value {
        Value::Integer(number) => whole(Some(*number)),
        #[allow(clippy::cast_possible_truncation, reason = "what an i128 cannot hold becomes its end, which is refused")]
        Value::Number(number) if number.is_finite() => whole(Some(number.trunc() as i128)),
        Value::Text(text) => match text.parse::<i64>() {
            Ok(number) => Ok(Value::Integer(number.into())),
            Err(_) => undecided("`int` is given a text that is no whole number"),
        },
        _ => undecided("`int` is given something that is no number"),
    }
}

pub(super) fn to_number<'a>(value: &Value<'a>) -> Evaluated<'a> {
    match value {
        #[allow(clippy::cast_precision_loss, reason = "that is what `double` is for")]
        Value::Integer(number) => Ok(Value::Number(*number as f64)),
        Value::Number(number) => Ok(Value::Number(*number)),
        Value::Text(text) => match text.parse::<f64>() {
            Ok(number) => Ok(Value::Number(number)),
            Err(_) => undecided("`double` is given a text that is no number"),
        },
        _ => undecided("`double` is given something that is no number"),
    }
}
