//! From rules as written to rules that decide: every problem is found here, none later.

use std::fmt;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use skreaver_protocol::policy::{Action, Mode, PolicyBundle, PolicyRules, Rule};

/// All policies of one agent, ready to decide.
#[derive(Debug, Clone)]
pub struct Policy {
    pub(crate) version: u64,
    pub(crate) required: bool,
    pub(crate) parts: Vec<Part>,
}

/// One ToolPolicy.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    pub(crate) name: String,
    pub(crate) mode: Mode,
    pub(crate) default_action: Action,
    pub(crate) rules: Vec<CompiledRule>,
}

/// One rule of a ToolPolicy.
#[derive(Debug, Clone)]
pub(crate) struct CompiledRule {
    pub(crate) name: String,
    pub(crate) tools: GlobSet,
    pub(crate) action: Action,
}

/// Something in a rule that cannot be compiled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleProblem {
    /// Where it stands, below the policy's spec. Example: `rules[2].tools[0]`.
    pub path: String,
    /// What is wrong with it.
    pub message: String,
}

impl fmt::Display for RuleProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.message)
    }
}

impl Policy {
    /// Compiles a bundle, or tells everything that is wrong with it.
    ///
    /// # Errors
    /// One [`RuleProblem`] for each glob that does not parse and each rule name that stands twice.
    pub fn compile(bundle: &PolicyBundle) -> Result<Self, Vec<RuleProblem>> {
        let mut problems = Vec::new();
        let mut parts = Vec::with_capacity(bundle.policies.len());
        for rules in &bundle.policies {
            match compile_part(rules) {
                Ok(part) => parts.push(part),
                Err(found) => problems.extend(found),
            }
        }
        match problems.is_empty() {
            true => Ok(Self { version: bundle.version, required: bundle.required, parts }),
            false => Err(problems),
        }
    }

    /// The version of the bundle that this was compiled from.
    pub fn version(&self) -> u64 {
        self.version
    }
}

fn compile_part(policy: &PolicyRules) -> Result<Part, Vec<RuleProblem>> {
    let PolicyRules { name, mode, default_action, rules } = policy;
    let mut problems = Vec::new();
    let mut compiled = Vec::with_capacity(rules.len());
    for (index, rule) in rules.iter().enumerate() {
        if rules[..index].iter().any(|earlier| earlier.name == rule.name) {
            let message = format!("`{}` is the name of an earlier rule; give each rule a name of its own", rule.name);
            problems.push(RuleProblem { path: format!("rules[{index}].name"), message });
        }
        match compile_rule(rule, index) {
            Ok(rule) => compiled.push(rule),
            Err(found) => problems.extend(found),
        }
    }
    match problems.is_empty() {
        true => Ok(Part { name: name.clone(), mode: *mode, default_action: *default_action, rules: compiled }),
        false => Err(problems),
    }
}

fn compile_rule(rule: &Rule, index: usize) -> Result<CompiledRule, Vec<RuleProblem>> {
    let mut problems = Vec::new();
    let mut set = GlobSetBuilder::new();
    for (position, pattern) in rule.tools.iter().enumerate() {
        let path = || format!("rules[{index}].tools[{position}]");
        match GlobBuilder::new(pattern).backslash_escape(false).build() {
            Ok(glob) => drop(set.add(glob)),
            Err(error) => {
                problems.push(RuleProblem { path: path(), message: format!("`{pattern}` is not a glob: {}", error.kind()) });
            }
        }
    }
    let tools = set.build().map_err(|error| {
        vec![RuleProblem { path: format!("rules[{index}].tools"), message: format!("too large together: {}", error.kind()) }]
    });
    match problems.is_empty() {
        true => Ok(CompiledRule { name: rule.name.clone(), tools: tools?, action: rule.action }),
        false => Err(problems),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(name: &str, tools: &[&str]) -> Rule {
        Rule { name: name.into(), tools: tools.iter().map(|t| (*t).to_owned()).collect(), action: Action::Deny }
    }

    #[test]
    fn every_problem_is_told_with_its_path() {
        let rules = vec![rule("a", &["ok", "[x"]), rule("a", &["{y"])];
        let policy = PolicyRules { name: "p".into(), mode: Mode::Enforce, default_action: Action::Allow, rules };
        let bundle = PolicyBundle { version: 1, required: false, policies: vec![policy] };
        let paths: Vec<_> = Policy::compile(&bundle).unwrap_err().into_iter().map(|p| p.path).collect();
        assert_eq!(paths, ["rules[0].tools[1]", "rules[1].name", "rules[1].tools[0]"]);
    }
}
