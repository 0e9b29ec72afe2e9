//! Reads a document that somebody else wrote: JSON or YAML, bounded in bytes, depth, values and what its aliases unfold to.

use std::cell::Cell;
use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use skreaver_policy::bounds::shown;

/// The largest document, in bytes.
pub(super) const LARGEST: usize = 1 << 20;
/// The most levels. Schemas of people nest a dozen deep.
const DEEPEST: usize = 64;
/// The most values, aliases unfolded.
const MOST_VALUES: usize = 200_000;
/// The most bytes of texts, aliases unfolded.
const MOST_TEXT: usize = 4 * LARGEST;

/// Parses a document.
///
/// # Errors
/// What is wrong with it.
pub(super) fn parse(text: &str) -> Result<Value, String> {
    if text.len() > LARGEST {
        return Err(format!("it has {} bytes, and {LARGEST} is the most", text.len()));
    }
    let budget = Budget { values: Cell::new(MOST_VALUES), text: Cell::new(MOST_TEXT) };
    let seed = Bounded { budget: &budget, levels: DEEPEST };
    let told = |error: &dyn fmt::Display| shown(&error.to_string());
    if text.trim_start().starts_with('{') {
        let mut json = serde_json::Deserializer::from_str(text);
        let value = seed.deserialize(&mut json).map_err(|error| format!("it is no JSON: {}", told(&error)))?;
        json.end().map_err(|error| format!("it is no JSON: {}", told(&error)))?;
        return Ok(value);
    }
    seed.deserialize(serde_yaml::Deserializer::from_str(text)).map_err(|error| format!("it is no YAML: {}", told(&error)))
}

struct Budget {
    values: Cell<usize>,
    text: Cell<usize>,
}

impl Budget {
    fn spend<E: de::Error>(left: &Cell<usize>, amount: usize, what: &str) -> Result<(), E> {
        let rest = left.get().checked_sub(amount).ok_or_else(|| E::custom(format!("it unfolds to too many {what}")))?;
        left.set(rest);
        Ok(())
    }

    fn value<E: de::Error>(&self) -> Result<(), E> {
        Self::spend(&self.values, 1, "values")
    }

    fn text<E: de::Error>(&self, text: &str) -> Result<(), E> {
        Self::spend(&self.text, text.len(), "bytes")
    }
}

/// A value, as long as the budget lasts.
#[derive(Clone, Copy)]
struct Bounded<'a> {
    budget: &'a Budget,
    levels: usize,
}

impl Bounded<'_> {
    fn inner<E: de::Error>(self) -> Result<Self, E> {
        let levels = self.levels.checked_sub(1).ok_or_else(|| E::custom(format!("it nests deeper than {DEEPEST} levels")))?;
        Ok(Self { levels, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for Bounded<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.budget.value()?;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Bounded<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value of JSON")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: de::Error>(self, truth: bool) -> Result<Value, E> {
        Ok(Value::Bool(truth))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Value, E> {
        Number::from_f64(number).map(Value::Number).ok_or_else(|| E::custom("a number that JSON does not have"))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Value, E> {
        self.budget.text(text)?;
        Ok(text.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(inner)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut object = Map::new();
        while let Some(key) = members.next_key_seed(inner)? {
            // Codes of responses are numbers where nobody quoted them.
            let key = match key {
                Value::String(key) => key,
                Value::Number(number) => number.to_string(),
                Value::Bool(truth) => truth.to_string(),
                Value::Null | Value::Array(_) | Value::Object(_) => return Err(de::Error::custom("a key that is no text")),
            };
            let value = members.next_value_seed(inner)?;
            // Two readers would choose differently.
            if object.contains_key(&key) {
                return Err(de::Error::custom(format!("the key `{key}` stands twice")));
            }
            object.insert(key, value);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn json_and_yaml_are_read_alike() {
        let expected = json!({"a": {"200": [1, 1.5, true, null, "x"]}});
        assert_eq!(parse(r#"{"a": {"200": [1, 1.5, true, null, "x"]}}"#).unwrap(), expected);
        assert_eq!(parse("a:\n  200: [1, 1.5, true, ~, x]\n").unwrap(), expected);
        assert_eq!(parse("a: &x {b: 1}\nc: *x\n").unwrap(), json!({"a": {"b": 1}, "c": {"b": 1}}));
    }

    #[test]
    fn bombs_end_early_and_nonsense_is_told() {
        let mut aliases = "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n".to_owned();
        for level in 1..12 {
            let one = format!("*a{}", level - 1);
            aliases.push_str(&format!("a{level}: &a{level} [{}]\n", vec![one; 9].join(", ")));
        }
        let long = format!("a: &a {}\nb: [{}]\n", "x".repeat(100_000), vec!["*a"; 1000].join(", "));
        let deep_json = format!("{{\"a\": {}{}}}", "[".repeat(100_000), "]".repeat(100_000));
        let deep_yaml = format!("a: {}{}", "[".repeat(1000), "]".repeat(1000));
        let large = format!("a: {}", "x".repeat(LARGEST));
        let begun = std::time::Instant::now();
        for text in [
            aliases.as_str(),
            &long,
            &deep_json,
            &deep_yaml,
            &large,
            "",
            "a: b: c",
            "{\"a\": 1",
            "{} x",
            "a: 1\na: 2",
            "{\"a\":1,\"a\":2}",
            "--- 1\n--- 2",
            "a: !x 1",
            "? [a]\n: b",
            "a: &a [*a]",
            "a: .nan",
        ] {
            let read = parse(text);
            // Nothing at all is a value of YAML, and no document.
            assert!(matches!(read, Err(_) | Ok(Value::Null)), "{}: {read:?}", &text[..text.len().min(40)]);
        }
        assert!(begun.elapsed() < std::time::Duration::from_secs(10), "{:?}", begun.elapsed());
    }
}
