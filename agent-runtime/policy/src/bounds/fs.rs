//! Which files and directories a permitted call may touch.
//!
//! Paths are judged as texts. That is sound because they are opened beneath a directory without following any link: below
//! it a text means one place only.

use std::path::{Path, PathBuf};

use globset::{Glob, GlobBuilder, GlobSet, GlobSetBuilder};
use skreaver_protocol::policy::FsSection;

use super::refusal::{Reason, Refusal, Section, listed, shown};
use super::{Bounds, Sections};
use crate::RuleProblem;

/// The most bytes of a path, as Linux has it, and the most directories in one.
const LONGEST: usize = 4095;
const DEEPEST: usize = 64;

/// Directories whose files are no data but handles on the machine.
const MACHINERY: [&str; 3] = ["/proc", "/sys", "/dev"];

/// The section `fs` of one policy.
#[derive(Debug, Clone, Default)]
pub(super) struct FsRules {
    allow: Option<Vec<String>>,
    deny: GlobSet,
    /// The patterns as written; two globs of `deny` stem from each.
    patterns: Vec<String>,
}

/// A path that every policy admits: an allowed directory, and the way beneath it, which has no `..`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    root: PathBuf,
    beneath: String,
}

impl Place {
    /// The directory to open first. Example: `/var/app/data`.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The way from there, without a slash at its start and end; empty for the directory itself. Example: `notes/today.txt`.
    pub fn beneath(&self) -> &str {
        &self.beneath
    }
}

impl FsRules {
    pub(super) fn compile(section: &FsSection, problems: &mut Vec<RuleProblem>) -> Self {
        let FsSection { allow_paths, deny_patterns } = section;
        let allow = allow_paths.as_ref().map(|paths| {
            let compiled = paths.iter().enumerate().map(|(index, path)| (index, root(path)));
            let mut roots = Vec::with_capacity(paths.len());
            for (index, compiled) in compiled {
                match compiled {
                    Ok(root) => roots.push(root),
                    Err(message) => problems.push(RuleProblem { path: format!("fs.allow_paths[{index}]"), message }),
                }
            }
            roots
        });
        Self { allow, deny: deny(deny_patterns, problems), patterns: deny_patterns.clone() }
    }
}

/// An allowed directory without slashes and dots that mean nothing.
fn root(text: &str) -> Result<String, String> {
    if !text.starts_with('/') {
        return Err(format!("`{}` is no absolute path", shown(text)));
    }
    let path = straight(text).map_err(|why| format!("`{}`: {why}", shown(text)))?;
    match MACHINERY.iter().find(|machinery| is_below(&path, machinery)) {
        Some(machinery) => Err(format!("`{path}`: {machinery} holds no files of tools, but handles on the machine")),
        None => Ok(path),
    }
}

/// Each pattern means what it matches, and all below that.
fn deny(patterns: &[String], problems: &mut Vec<RuleProblem>) -> GlobSet {
    let mut set = GlobSetBuilder::new();
    for (index, pattern) in patterns.iter().enumerate() {
        match globs(pattern) {
            Ok(globs) => {
                for glob in globs {
                    set.add(glob);
                }
            }
            Err(message) => problems.push(RuleProblem { path: format!("fs.deny_patterns[{index}]"), message }),
        }
    }
    set.build().unwrap_or_else(|error| {
        problems.push(RuleProblem { path: "fs.deny_patterns".into(), message: format!("too large together: {}", error.kind()) });
        GlobSet::empty()
    })
}

fn globs(pattern: &str) -> Result<[Glob; 2], String> {
    let trimmed = pattern.strip_suffix('/').unwrap_or(pattern);
    let mut parts = trimmed.strip_prefix('/').unwrap_or(trimmed).split('/');
    if trimmed != ".." && pattern != "/" && parts.any(|part| matches!(part, "" | "." | "..")) {
        return Err(format!("`{}` matches nothing: paths are compared without empty parts, `.` and `..`", shown(pattern)));
    }
    if pattern.contains("{/") || pattern.contains(",/") {
        return Err(format!("`{}`: write a pattern of its own for each path that begins with a slash", shown(pattern)));
    }
    let rooted = if pattern.starts_with('/') { trimmed.to_owned() } else { format!("**/{trimmed}") };
    let glob = |text: &str| {
        let glob = GlobBuilder::new(text).literal_separator(true).backslash_escape(false).case_insensitive(true).build();
        glob.map_err(|error| format!("`{}` is not a glob: {}", shown(pattern), error.kind()))
    };
    Ok([glob(&rooted)?, glob(&format!("{}/**", rooted.trim_end_matches('/')))?])
}

impl Bounds {
    /// Whether a path may be touched, and beneath which directory it is to be opened. A relative path starts at the agent's
    /// own directory.
    ///
    /// # Errors
    /// The first refusal, in the order of the policies.
    pub fn path(&self, text: &str) -> Result<Place, Refusal> {
        let path = self.absolute(text)?;
        for (policy, fs) in self.fs() {
            if let Some(pattern) = fs.deny.matches(&path).first().and_then(|glob| fs.patterns.get(glob / 2)) {
                let why = format!("the entry `{}` of `deny_patterns` means it", shown(pattern));
                let refusal = refuse(text, Reason::Denied, why, self.allowed_paths());
                return Err(Refusal {
                    policy: Some(policy.name.as_str().into()),
                    entry: Some(pattern.as_str().into()),
                    ..refusal
                });
            }
        }
        let mut roots: Vec<&str> = Vec::new();
        for (policy, allow) in self.fs().filter_map(|(policy, fs)| Some((policy, fs.allow.as_ref()?))) {
            let Some(root) = innermost(allow, &path) else {
                let why = "it lies below no directory of `allow_paths`".to_owned();
                let refusal = refuse(text, Reason::NotAllowed, why, self.allowed_paths());
                return Err(Refusal { policy: Some(policy.name.as_str().into()), ..refusal });
            };
            roots.push(root);
        }
        // What one policy names by itself is not thereby named by the others: the outermost of all is opened.
        let own = self.folder.as_deref().filter(|own| is_below(&path, own));
        let Some(root) = roots.into_iter().min_by_key(|root| root.len()).or(own) else {
            let why = "it lies outside of the agent's own directory".to_owned();
            return Err(refuse(text, Reason::NotAllowed, why, self.allowed_paths()));
        };
        let beneath = path[root.trim_end_matches('/').len()..].trim_start_matches('/').to_owned();
        Ok(Place { root: root.into(), beneath })
    }

    /// The path from the root of the machine.
    fn absolute(&self, text: &str) -> Result<String, Refusal> {
        let unclear = |why: &str| refuse(text, Reason::Unclear, why.to_owned(), self.allowed_paths());
        let joined = match (text.starts_with('/'), &self.folder) {
            (true, _) => text.to_owned(),
            (false, Some(own)) => format!("{own}/{text}"),
            (false, None) => return Err(unclear("it is relative, and there is no directory of the agent's own to start from")),
        };
        straight(&joined).map_err(|why| unclear(&why))
    }

    fn allowed_paths(&self) -> String {
        let lists: Vec<_> = self.fs().filter_map(|(_, fs)| fs.allow.as_ref()).collect();
        match lists.as_slice() {
            [] => format!("allowed is {}", listed(self.folder.as_deref().into_iter())),
            lists => {
                let lists: Vec<_> = lists.iter().map(|list| listed(list.iter().map(String::as_str))).collect();
                format!("allowed is what lies below {}", lists.join(", and at the same time below "))
            }
        }
    }

    fn fs(&self) -> impl Iterator<Item = (&Sections, &FsRules)> {
        self.policies.iter().map(|policy| (&**policy, &policy.fs))
    }
}

/// A directory of the agent's own, if it is absolute.
pub(super) fn own(folder: &Path) -> Option<String> {
    folder.to_str().filter(|folder| folder.starts_with('/')).and_then(|folder| straight(folder).ok())
}

/// The path without slashes and dots that mean nothing. `..` is no way to anywhere.
fn straight(path: &str) -> Result<String, String> {
    let parts: Vec<_> = path.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    if path.len() > LONGEST || parts.len() > DEEPEST {
        return Err(format!("it is longer than {LONGEST} bytes or deeper than {DEEPEST} directories"));
    }
    if path.contains('\0') {
        return Err("it has a NUL character".to_owned());
    }
    if parts.contains(&"..") {
        return Err("`..` leads nowhere: write the path without it".to_owned());
    }
    Ok(format!("/{}", parts.join("/")))
}

/// Whether a path is this directory or lies below it.
fn is_below(path: &str, root: &str) -> bool {
    path.strip_prefix(root.trim_end_matches('/')).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Of nested directories the innermost: it was named by itself, and may be a mount.
fn innermost<'a>(roots: &'a [String], path: &str) -> Option<&'a str> {
    roots.iter().map(String::as_str).filter(|root| is_below(path, root)).max_by_key(|root| root.len())
}

fn refuse(text: &str, reason: Reason, why: String, allowed: String) -> Refusal {
    Refusal {
        policy: None,
        section: Section::Fs,
        entry: None,
        reason,
        what: shown(text).into(),
        why: why.into(),
        allowed: allowed.into(),
    }
}
