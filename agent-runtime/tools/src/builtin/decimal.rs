//! Numbers as they are written: any number of decimal digits, none of them rounded.
//!
//! In JSON a number of more than 15 digits is a text, here and in results, unless it is an integer of 64 bits: whoever reads JSON
//! numbers on the way may round the rest.

use std::borrow::Cow;
use std::str::FromStr;

use num_bigint::BigInt;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Number, Value, json};

/// The most digits of a number that is given.
const MOST_DIGITS: u32 = 100;
/// The most digits that a JSON number keeps.
const KEPT: usize = 15;

/// A number: its digits, and how many of them stand behind the point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decimal {
    digits: BigInt,
    behind: u32,
}

/// Two numbers.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Two {
    /// The first number.
    pub(super) a: Decimal,
    /// The second number.
    pub(super) b: Decimal,
}

impl Two {
    /// `1 2`, `1, 2` and, where the sign is `+`, `1 + 2` and `1+2`: a sign behind a digit stands between the numbers.
    pub(super) fn from_text(text: &str, sign: char) -> Value {
        let mut behind_digit = false;
        let spaced: String = text
            .chars()
            .map(|c| {
                let between = c == ',' || (c == sign && behind_digit);
                behind_digit = c.is_ascii_digit() || (c.is_whitespace() && behind_digit);
                if between { ' ' } else { c }
            })
            .collect();
        match spaced.split_whitespace().collect::<Vec<_>>()[..] {
            [a, b] => json!({ "a": a, "b": b }),
            _ => json!({ "text": text }),
        }
    }
}

impl Decimal {
    pub(super) fn new(digits: BigInt, behind: u32) -> Self {
        Self { digits, behind }
    }

    /// Its digits as an integer, and how many of them stand behind the point.
    pub(super) fn parts(self) -> (BigInt, u32) {
        (self.digits, self.behind)
    }

    /// The digits of two numbers with as many behind the point, and that many.
    pub(super) fn aligned(Two { a, b }: Two) -> (BigInt, BigInt, u32) {
        let behind = a.behind.max(b.behind);
        let aligned = |number: Self| number.digits * BigInt::from(10).pow(behind - number.behind);
        (aligned(a), aligned(b), behind)
    }
}

impl std::fmt::Display for Decimal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let behind = usize::try_from(self.behind).unwrap_or_default();
        let text = format!("{:0>width$}", self.digits.magnitude().to_string(), width = behind + 1);
        let (before, after) = text.split_at(text.len() - behind);
        let sign = if self.digits.sign() == num_bigint::Sign::Minus { "-" } else { "" };
        match after.trim_end_matches('0') {
            "" => write!(f, "{sign}{before}"),
            after => write!(f, "{sign}{before}.{after}"),
        }
    }
}

impl FromStr for Decimal {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        written(text).ok_or_else(|| format!("`{}` is no number of at most {MOST_DIGITS} digits", shortened(text)))
    }
}

/// `-12.5` and `1e-7`, as JSON writes numbers.
fn written(text: &str) -> Option<Decimal> {
    let (mantissa, exponent) = text
        .split_once(['e', 'E'])
        .map_or(Some((text, 0)), |(mantissa, exponent)| Some((mantissa, exponent.parse::<i32>().ok()?)))?;
    let (before, after) = mantissa.split_once('.').map_or((mantissa, None), |(before, after)| (before, Some(after)));
    let unsigned = before.strip_prefix('-').unwrap_or(before);
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_digits(unsigned) || !after.is_none_or(is_digits) || unsigned.len() + after.map_or(0, str::len) > MOST_DIGITS as usize {
        return None;
    }
    let after = after.unwrap_or_default();
    let behind = i64::try_from(after.len()).ok()? - i64::from(exponent);
    let raised = u32::try_from((-behind).max(0)).ok()?;
    let (digits, behind) = (format!("{before}{after}").parse::<BigInt>().ok()?, u32::try_from(behind.max(0)).ok()?);
    let most = MOST_DIGITS - 1;
    let fits = raised <= most && behind <= most;
    fits.then(|| Decimal { digits: digits * BigInt::from(10).pow(raised), behind })
}

fn shortened(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("{}...", &text[..end]).into(),
        None => text.into(),
    }
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "expected a number, or a text that is one")]
        enum Given {
            Number(Number),
            Text(String),
        }
        let given = Given::deserialize(deserializer)?;
        let text = match &given {
            Given::Text(text) => text.clone(),
            Given::Number(number) => number.to_string(),
        };
        let rounded = matches!(&given, Given::Number(number) if number.is_f64()) && significant(&text) > KEPT;
        if rounded {
            return Err(serde::de::Error::custom(format!("`{text}` may have been rounded on its way here; give it as a text")));
        }
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// How many digits say something.
fn significant(text: &str) -> usize {
    let mantissa = text.split(['e', 'E']).next().unwrap_or_default();
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    digits.trim_matches('0').len()
}

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = self.to_string();
        let number = text.parse::<Number>().ok().filter(|number| number.to_string() == text);
        match number.filter(|number| !number.is_f64() || significant(&text) <= KEPT) {
            Some(number) => number.serialize(serializer),
            None => text.serialize(serializer),
        }
    }
}

impl JsonSchema for Decimal {
    fn schema_name() -> Cow<'static, str> {
        "Decimal".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A number; with more than 15 digits, as a text.",
            "type": ["number", "string"],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_number_is_read_as_it_was_written(digits: i128, behind in 0_u32..60) {
            let number = Decimal::new(digits.into(), behind);
            let json = serde_json::to_value(&number).unwrap();
            let again: Decimal = serde_json::from_value(json).unwrap();
            prop_assert_eq!(again.to_string(), number.to_string());
        }
    }

    #[test]
    fn exponents_are_only_another_way_to_write() {
        for (text, plain) in [("1e3", "1000"), ("-2.50E-2", "-0.025"), ("1e-5", "0.00001"), ("0e9", "0"), ("-0", "0")] {
            assert_eq!(text.parse::<Decimal>().unwrap().to_string(), plain);
        }
    }

    #[test]
    fn what_is_no_number_or_too_long_is_refused() {
        let long = "1".repeat(101);
        for text in
            ["", "-", ".5", "5.", "1e", "1e100", "1e-100", "1e99999999999", "٣", "+1", "0x10", "NaN", "1 2", long.as_str()]
        {
            assert!(text.parse::<Decimal>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_json_number_that_may_have_been_rounded_is_refused() {
        let given = |json: &str| serde_json::from_str::<Decimal>(json).map(|number| number.to_string());
        assert!(given("0.1234567890123456789").unwrap_err().to_string().contains("give it as a text"));
        assert_eq!(given(r#""0.1234567890123456789""#).unwrap(), "0.1234567890123456789");
        assert_eq!(given("18446744073709551615").unwrap(), "18446744073709551615");
        assert_eq!(given("123456789012.345").unwrap(), "123456789012.345");
    }
}
