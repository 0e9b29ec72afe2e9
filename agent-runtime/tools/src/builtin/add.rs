//! `add`: the exact sum of two numbers.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};
use serde_json::{Number, Value, json};

use crate::FunctionTool;

/// The most digits of a number, so that no sum of two overflows.
const MOST_DIGITS: usize = 30;

/// What to add.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Add {
    /// The first number.
    #[serde(deserialize_with = "exact")]
    #[schemars(with = "f64")]
    a: Decimal,
    /// The second number.
    #[serde(deserialize_with = "exact")]
    #[schemars(with = "f64")]
    b: Decimal,
}

/// A number as it is written: its digits, and how many of them stand behind the point.
#[derive(Debug, Clone, Copy)]
struct Decimal {
    digits: i128,
    behind: u32,
}

pub(super) fn tool() -> FunctionTool<Add> {
    FunctionTool { description: "Adds two numbers, exactly.", from_text, run }
}

/// `1 2`, `1, 2` and `1 + 2`.
fn from_text(text: &str) -> Value {
    let mut numbers = text.split(|c: char| c == ',' || c == '+' || c.is_whitespace()).filter(|part| !part.is_empty());
    let mut number = || numbers.next().and_then(|part| part.parse::<Number>().ok());
    match (number(), number(), number()) {
        (Some(a), Some(b), None) => json!({ "a": a, "b": b }),
        _ => json!({ "text": text }),
    }
}

fn run(Add { a, b }: Add) -> Value {
    let behind = a.behind.max(b.behind);
    let aligned = |number: Decimal| number.digits * 10_i128.pow(behind - number.behind);
    let sum = written(aligned(a) + aligned(b), behind);
    // What is too long for a JSON number as this library reads it stays exact as a text.
    match sum.parse::<Number>() {
        Ok(number) if number.to_string() == sum => Value::Number(number),
        _ => Value::String(sum),
    }
}

fn written(digits: i128, behind: u32) -> String {
    let sign = if digits < 0 { "-" } else { "" };
    let behind = usize::try_from(behind).unwrap_or_default();
    let text = format!("{:0>width$}", digits.unsigned_abs(), width = behind + 1);
    let (before, after) = text.split_at(text.len() - behind);
    match after.trim_end_matches('0') {
        "" => format!("{sign}{before}"),
        after => format!("{sign}{before}.{after}"),
    }
}

fn exact<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Decimal, D::Error> {
    let number = Number::deserialize(deserializer)?.to_string();
    decimal(&number).ok_or_else(|| {
        serde::de::Error::custom(format!("`{number}` cannot be added exactly: use at most {MOST_DIGITS} digits and no exponent"))
    })
}

fn decimal(text: &str) -> Option<Decimal> {
    let (before, after) = text.split_once('.').unwrap_or((text, ""));
    if before.len() + after.len() > MOST_DIGITS {
        return None;
    }
    let digits = format!("{before}{after}").parse().ok()?;
    Some(Decimal { digits, behind: u32::try_from(after.len()).ok()? })
}
