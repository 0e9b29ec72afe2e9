//! What a permitted call may touch: hosts, addresses, files, and what it may use up. Asked at the effect, with what is
//! really about to be touched; it resolves nothing, opens nothing and knows no time.
//!
//! Each policy judges alone and every one must admit, so a policy or an entry of a deny list more never permits more. One
//! step is wider than it was: the first policy with a list (`allow_domains`, `allow_paths`) or a number takes the place of
//! the safe default for it, and may name what that keeps closed. Every further one only takes away.

mod address;
mod entry;
mod fs;
mod host;
mod http;
mod limits;
mod refusal;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;

use skreaver_protocol::policy::{FsSection, HttpSection, ResourcesSection};

pub use fs::Place;
pub use host::Host;
pub use http::Named;
pub use limits::Limits;
pub use refusal::{Reason, Refusal, Section, shown};

use crate::RuleProblem;
use fs::FsRules;
use http::HttpRules;

/// The sections of one policy, compiled.
#[derive(Debug, Clone)]
pub struct Sections {
    name: String,
    http: HttpRules,
    fs: FsRules,
    resources: ResourcesSection,
}

/// What is the agent's own, where no policy says otherwise.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Own {
    /// Its directory, absolute: the only files that tools may touch as long as no policy has `allow_paths`, and where relative paths
    /// start. None: there is none.
    pub folder: Option<PathBuf>,
    /// The hosts and ports that its spec names for tools: open although they are private, as long as no policy has
    /// `allow_domains`.
    pub places: Vec<(Host, u16)>,
    /// Where it runs.
    pub ground: Ground,
}

/// Where an agent runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Ground {
    /// In a cluster, where whoever writes the spec does not own the machine: it cannot open loopback.
    #[default]
    Cluster,
    /// On the machine of whoever writes the spec: a place of it may be on loopback.
    Laptop,
}

/// What a permitted call of one agent may touch.
#[derive(Debug, Clone)]
pub struct Bounds {
    own: Own,
    /// The agent's own directory, straightened.
    folder: Option<String>,
    policies: Vec<Arc<Sections>>,
    /// Of each policy in mode Audit, what it would be alone.
    watching: Vec<Bounds>,
    /// The only place that they are about, where they are about one.
    only: Option<(Host, u16)>,
}

impl Bounds {
    /// The bounds that these policies, each in mode Enforce, set together.
    pub fn new(own: Own, policies: impl IntoIterator<Item = Arc<Sections>>) -> Self {
        let folder = own.folder.as_deref().and_then(fs::own);
        Self { own, folder, policies: policies.into_iter().collect(), watching: Vec::new(), only: None }
    }

    /// What of these bounds holds for a source of tools that the spec names, such as an MCP server: its one place is open although
    /// it is private, every other is closed, and what policies deny stays denied. Their `allow_domains` are not asked: which
    /// tools of the source may be used is what their rules say, by name.
    #[must_use]
    pub fn for_place(&self, host: &Host, port: u16) -> Self {
        let place = (host.clone(), port);
        Self {
            own: Own { places: vec![place.clone()], ..self.own.clone() },
            watching: self.watching.iter().map(|alone| alone.for_place(host, port)).collect(),
            only: Some(place),
            ..self.clone()
        }
    }

    /// The same bounds under the eyes of policies in mode Audit, which refuse nothing.
    #[must_use]
    pub fn watched_by(mut self, policies: impl IntoIterator<Item = Arc<Sections>>) -> Self {
        let alone = policies.into_iter().map(|policy| Self::new(self.own.clone(), [policy]));
        self.watching.extend(alone);
        self
    }

    /// What the policies in mode Audit would have refused, each by its own sections. The safe defaults are none of theirs.
    pub fn would_refuse<T>(&self, judge: impl Fn(&Self) -> Result<T, Refusal>) -> Vec<Refusal> {
        let refusals = self.watching.iter().filter_map(|alone| judge(alone).err());
        refusals.filter(|refusal| refusal.policy.is_some()).collect()
    }
}

impl Sections {
    /// Compiles the sections of the policy of this name. An absent section says nothing.
    ///
    /// # Errors
    /// One [`RuleProblem`] for each entry that cannot be judged, with its path: `http.allow_domains[2]`.
    pub fn compile(
        policy: &str,
        http: Option<&HttpSection>,
        fs: Option<&FsSection>,
        resources: Option<&ResourcesSection>,
    ) -> Result<Self, Vec<RuleProblem>> {
        let mut problems = Vec::new();
        let resources = resources.cloned().unwrap_or_default();
        limits::check(&resources, &mut problems);
        let compiled = Self {
            name: policy.to_owned(),
            http: http.map(|section| HttpRules::compile(section, &mut problems)).unwrap_or_default(),
            fs: fs.map(|section| FsRules::compile(section, &mut problems)).unwrap_or_default(),
            resources,
        };
        if problems.is_empty() { Ok(compiled) } else { Err(problems) }
    }
}
