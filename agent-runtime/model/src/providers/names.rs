//! Tool names as providers permit them: letters, digits, `_` and `-`, at most 64. Ours may hold more, such as `ledger/find`.

use std::borrow::Cow;

use crate::answer::ToolSpec;

const LONGEST: usize = 64;

/// The names of one question, both ways.
pub(crate) struct Names<'a> {
    /// Those that had to change: on the wire, and ours.
    changed: Vec<(String, &'a str)>,
}

impl<'a> Names<'a> {
    pub(crate) fn new(tools: &'a [ToolSpec]) -> Self {
        let mut changed: Vec<(String, &str)> = Vec::new();
        for tool in tools.iter().filter(|tool| !is_permitted(&tool.name)) {
            let taken = |name: &str| tools.iter().any(|tool| tool.name == name) || changed.iter().any(|(wire, _)| wire == name);
            let first = permitted(&tool.name, LONGEST);
            // The end is cut off for a number where two would read the same.
            let numbered = (2..).map(|n| format!("{}_{n}", permitted(&tool.name, LONGEST - 5)));
            let wire = std::iter::once(first).chain(numbered).find(|name| !taken(name)).unwrap_or_default();
            changed.push((wire, &tool.name));
        }
        Self { changed }
    }

    /// The name on the wire. A tool that is not offered any more may still stand in the conversation.
    pub(crate) fn wire<'s>(&'s self, name: &'s str) -> Cow<'s, str> {
        if is_permitted(name) {
            return Cow::Borrowed(name);
        }
        match self.changed.iter().find(|(_, ours)| *ours == name) {
            Some((wire, _)) => Cow::Borrowed(wire),
            None => Cow::Owned(permitted(name, LONGEST)),
        }
    }

    /// Our name. What a model made up stays as it wrote it.
    pub(crate) fn ours(&self, wire: String) -> String {
        self.changed.iter().find(|(name, _)| *name == wire).map_or(wire, |(_, ours)| (*ours).to_owned())
    }
}

fn is_permitted(name: &str) -> bool {
    (1..=LONGEST).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
}

fn permitted(name: &str, longest: usize) -> String {
    let permit = |char: char| if char.is_ascii_alphanumeric() || "_-".contains(char) { char } else { '_' };
    let name: String = name.chars().map(permit).take(longest).collect();
    if name.is_empty() { "_".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(ours: &[&str], wire: &[&str]) {
        let tools: Vec<_> = ours
            .iter()
            .map(|name| ToolSpec { name: (*name).into(), description: String::new(), input_schema: serde_json::json!({}) })
            .collect();
        let names = Names::new(&tools);
        let found: Vec<_> = ours.iter().map(|name| names.wire(name).into_owned()).collect();
        assert_eq!(found, wire);
        let back: Vec<_> = found.into_iter().map(|name| names.ours(name)).collect();
        assert_eq!(back, ours);
    }

    #[test]
    fn names_come_back_as_they_were() {
        check(&["add", "find-all"], &["add", "find-all"]);
        check(&["ledger/find", "ledger.find", "ledger_find"], &["ledger_find_2", "ledger_find_3", "ledger_find"]);
        check(&["größe"], &["gr__e"]);
        let long = "a".repeat(70);
        let other = format!("{long}b");
        check(&[&long, &other], &[&"a".repeat(64), &format!("{}_2", "a".repeat(59))]);
    }

    #[test]
    fn names_that_are_not_offered_are_made_fit_or_left() {
        let names = Names::new(&[]);
        assert_eq!(names.wire("old/tool"), "old_tool");
        assert_eq!(names.wire(""), "_");
        assert_eq!(names.ours("made up!".into()), "made up!");
    }
}
