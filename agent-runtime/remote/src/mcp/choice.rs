//! Which of a source's tools an agent has: globs of the server's names.

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

/// Which names are meant: all that `include` means, or all where it is empty, but those that `exclude` means.
#[derive(Debug, Clone)]
pub(super) struct Choice {
    include: Option<GlobSet>,
    exclude: GlobSet,
}

impl Choice {
    /// Compiles both lists.
    ///
    /// # Errors
    /// A sentence that names the glob that is none.
    pub(super) fn compile(include: &[String], exclude: &[String]) -> Result<Self, String> {
        let chosen = (!include.is_empty()).then(|| compile("include", include)).transpose()?;
        Ok(Self { include: chosen, exclude: compile("exclude", exclude)? })
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.include.as_ref().is_none_or(|include| include.is_match(name)) && !self.exclude.is_match(name)
    }
}

fn compile(list: &str, globs: &[String]) -> Result<GlobSet, String> {
    let failed = |error: globset::Error| format!("`{list}` has a glob that is none: {error}");
    let mut set = GlobSetBuilder::new();
    for glob in globs {
        set.add(GlobBuilder::new(glob).backslash_escape(false).build().map_err(failed)?);
    }
    set.build().map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_excluded_is_not_included_again() {
        let check = |include: &[&str], exclude: &[&str], name: &str, expected: bool| {
            let list = |globs: &[&str]| globs.iter().map(|glob| (*glob).to_owned()).collect::<Vec<_>>();
            assert_eq!(
                Choice::compile(&list(include), &list(exclude)).unwrap().has(name),
                expected,
                "{include:?} {exclude:?} {name}"
            );
        };
        check(&[], &[], "find", true);
        check(&["find_*", "get"], &[], "find_invoice", true);
        check(&["find_*", "get"], &[], "get", true);
        check(&["find_*"], &[], "delete", false);
        check(&["*"], &["delete_{one,all}"], "delete_all", false);
        check(&[], &["del?te"], "delete", false);
        assert!(Choice::compile(&["[".into()], &[]).unwrap_err().contains("include"));
    }
}
