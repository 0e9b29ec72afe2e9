//! Whether remote tools still are what they were when they were first seen. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use sha2::{Digest, Sha256};
use skreaver_protocol::config::Pin;
use skreaver_protocol::control::FoundTool;

use crate::Drift;

/// What a server says of one of its tools, as far as a pin is about it.
#[derive(Debug, Clone, Copy)]
pub struct Told<'t> {
    /// Its name.
    pub name: &'t str,
    /// Its title, where it has one.
    pub title: Option<&'t str>,
    /// What it says it does.
    pub description: Option<&'t str>,
    /// The schema of its arguments.
    pub input_schema: &'t Value,
    /// The schema of its result, where it has one.
    pub output_schema: Option<&'t Value>,
}

/// The SHA-256 of what a server says of a tool, in hex. The order of keys does not change it, for servers shuffle them; every
/// character does, also those that nobody sees.
pub fn digest(told: Told<'_>) -> String {
    let Told { name, title, description, input_schema, output_schema } = told;
    let texts = [Some(name), title, description].map(|text| text.map_or(Value::Null, Value::from));
    let mut canonical = String::new();
    for part in texts.iter().chain([input_schema, output_schema.unwrap_or(&Value::Null)]) {
        write(part, &mut canonical);
        canonical.push('\n');
    }
    format!("{:x}", Sha256::digest(canonical.as_bytes()))
}

fn write(value: &Value, to: &mut String) {
    match value {
        Value::Object(fields) => {
            let sorted: BTreeMap<_, _> = fields.iter().collect();
            to.push('{');
            for (index, (key, value)) in sorted.into_iter().enumerate() {
                to.push_str(if index == 0 { "" } else { "," });
                to.push_str(&Value::from(key.as_str()).to_string());
                to.push(':');
                write(value, to);
            }
            to.push('}');
        }
        Value::Array(items) => {
            to.push('[');
            for (index, item) in items.iter().enumerate() {
                to.push_str(if index == 0 { "" } else { "," });
                write(item, to);
            }
            to.push(']');
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => to.push_str(&value.to_string()),
    }
}

/// What the tools of a source were when they were first seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Pins {
    /// Nobody has said yet whether they have been seen.
    #[default]
    Untold,
    /// They have not been seen: what is found first is what they are.
    Unseen,
    /// Of each, its digest by the server's name for it.
    Seen(BTreeMap<String, String>),
}

/// What pins make of what was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Judged {
    /// The tools that may not be used, by the server's names.
    pub withheld: BTreeSet<String>,
    /// Which are not what they were. Sorted by name.
    pub drift: Vec<Drift>,
}

impl Pins {
    /// What somebody says they were; nothing: they have not been seen.
    pub fn told(pins: Option<BTreeMap<String, String>>) -> Self {
        pins.map_or(Self::Unseen, Self::Seen)
    }

    /// Judges what was found. What is found first is kept as what they are; an empty list is not what anybody trusts.
    pub fn judge(&mut self, pin: Pin, found: &[FoundTool]) -> Judged {
        if *self == Self::Unseen && !found.is_empty() {
            *self = Self::Seen(found.iter().map(|tool| (tool.name.clone(), tool.digest.clone())).collect());
        }
        match (pin, &*self) {
            (Pin::Off, _) | (Pin::Warn, Self::Untold) | (_, Self::Unseen) => Judged::default(),
            (Pin::Enforce, Self::Untold) => {
                Judged { withheld: found.iter().map(|tool| tool.name.clone()).collect(), drift: Vec::new() }
            }
            (Pin::Warn | Pin::Enforce, Self::Seen(seen)) => compare(pin == Pin::Enforce, seen, found),
        }
    }
}

fn compare(is_withheld: bool, seen: &BTreeMap<String, String>, found: &[FoundTool]) -> Judged {
    let changed = found.iter().filter(|tool| seen.get(&tool.name) != Some(&tool.digest));
    let drift = |tool: &FoundTool| Drift { tool: tool.name.clone(), is_withheld, is_new: !seen.contains_key(&tool.name) };
    let mut drift: Vec<_> = changed.map(drift).collect();
    drift.sort_by(|one, other| one.tool.cmp(&other.tool));
    let withheld = drift.iter().filter(|drift| drift.is_withheld).map(|drift| drift.tool.clone()).collect();
    Judged { withheld, drift }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(tools: &[(&str, &str)]) -> Vec<FoundTool> {
        tools.iter().map(|(name, digest)| FoundTool { name: (*name).into(), digest: (*digest).into() }).collect()
    }

    fn seen(tools: &[(&str, &str)]) -> Pins {
        Pins::told(Some(found(tools).into_iter().map(|tool| (tool.name, tool.digest)).collect()))
    }

    fn check(pin: Pin, mut pins: Pins, tools: &[(&str, &str)], withheld: &[&str], drift: &[(&str, bool, bool)]) {
        let judged = pins.judge(pin, &found(tools));
        assert_eq!(judged.withheld.iter().map(String::as_str).collect::<Vec<_>>(), withheld);
        let told: Vec<_> = judged.drift.iter().map(|drift| (drift.tool.as_str(), drift.is_withheld, drift.is_new)).collect();
        assert_eq!(told, drift);
    }

    #[test]
    fn what_changed_or_is_new_is_told_and_under_enforce_withheld() {
        let now = [("b", "2"), ("new", "9"), ("a", "1")];
        let was = [("a", "1"), ("b", "1"), ("gone", "1")];
        check(Pin::Off, seen(&was), &now, &[], &[]);
        check(Pin::Warn, seen(&was), &now, &[], &[("b", false, false), ("new", false, true)]);
        check(Pin::Enforce, seen(&was), &now, &["b", "new"], &[("b", true, false), ("new", true, true)]);
        check(Pin::Enforce, seen(&was), &was, &[], &[]);
        check(Pin::Enforce, seen(&was), &[], &[], &[]);
    }

    #[test]
    fn nothing_is_offered_under_enforce_until_somebody_tells() {
        check(Pin::Enforce, Pins::Untold, &[("a", "1")], &["a"], &[]);
        check(Pin::Warn, Pins::Untold, &[("a", "1")], &[], &[]);
        check(Pin::Off, Pins::Untold, &[("a", "1")], &[], &[]);
    }

    #[test]
    fn what_is_found_first_is_trusted_and_nothing_after_it() {
        let mut pins = Pins::told(None);
        assert_eq!(pins.judge(Pin::Enforce, &[]), Judged::default());
        assert_eq!(pins.judge(Pin::Enforce, &found(&[("a", "1")])), Judged::default());
        assert_eq!(pins.judge(Pin::Enforce, &found(&[("a", "2")])).withheld.len(), 1);
        assert_eq!(pins.judge(Pin::Enforce, &found(&[("a", "1"), ("b", "1")])).withheld.len(), 1);
    }

    #[test]
    fn a_digest_is_of_every_character_and_of_no_order() {
        let schema = json!({"type": "object", "properties": {"b": {"type": "string"}, "a": {"type": "number"}}});
        let shuffled = json!({"properties": {"a": {"type": "number"}, "b": {"type": "string"}}, "type": "object"});
        let told = Told { name: "find", title: None, description: Some("Finds."), input_schema: &schema, output_schema: None };
        let is = digest(told);
        assert_eq!(is, digest(Told { input_schema: &shuffled, ..told }));
        assert_eq!(is.len(), 64);
        let other = json!({"type": "object", "required": ["b", "a"]});
        let reordered = json!({"type": "object", "required": ["a", "b"]});
        assert_ne!(digest(Told { input_schema: &other, ..told }), digest(Told { input_schema: &reordered, ..told }));
        for changed in [
            Told { name: "find2", ..told },
            Told { title: Some("Find"), ..told },
            Told { description: Some("Finds.\u{200b}"), ..told },
            Told { description: None, ..told },
            Told { description: None, title: Some("Finds."), ..told },
            Told { input_schema: &other, ..told },
            Told { output_schema: Some(&schema), ..told },
        ] {
            assert_ne!(is, digest(changed), "{changed:?}");
        }
    }
}
