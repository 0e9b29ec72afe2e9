//! Tool names and globs.

use globset::{GlobBuilder, GlobMatcher};

use crate::compile::RuleProblem;

/// Names and globs, of which one has to fit.
#[derive(Debug, Clone, Default)]
pub(crate) struct Patterns {
    names: Vec<String>,
    globs: Vec<GlobMatcher>,
}

impl Patterns {
    /// Compiles a list that stands at a path, and adds what is wrong with it to `problems`.
    pub(crate) fn compile(patterns: &[String], path: &str, problems: &mut Vec<RuleProblem>) -> Self {
        let mut compiled = Self::default();
        for (position, pattern) in patterns.iter().enumerate() {
            if !pattern.contains(['*', '?', '[', ']', '{', '}']) {
                compiled.names.push(pattern.clone());
                continue;
            }
            match GlobBuilder::new(pattern).backslash_escape(false).build() {
                Ok(glob) => compiled.globs.push(glob.compile_matcher()),
                Err(error) => problems.push(RuleProblem {
                    path: format!("{path}[{position}]"),
                    message: format!("`{pattern}` is not a glob: {}", error.kind()),
                }),
            }
        }
        compiled
    }

    pub(crate) fn fit(&self, name: &str) -> bool {
        self.names.iter().any(|known| known == name) || self.globs.iter().any(|glob| glob.is_match(name))
    }
}
