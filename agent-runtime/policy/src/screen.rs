//! What becomes of secrets and suspicious content, by place: the strictest of all policies, each of which decides alone. What is found
//! is for others to say; here it is only decided about.

use std::fmt;
use std::sync::Arc;

use skreaver_protocol::policy::{
    ContentAction, ContentClass, ContentConfidence, ContentPlace, ContentRule, Mode, SecretsAction, SecretsSection,
};

use crate::compile::{Part, RuleProblem};
use crate::patterns::Patterns;

/// Where something is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// The arguments of a call.
    Arguments,
    /// The result of a call.
    Results,
    /// What an agent is told.
    Prompts,
    /// What an agent remembers beyond a run.
    Memory,
}

/// Something that was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Seen {
    /// A secret.
    Secret {
        /// Its kind, as the detectors name it. Example: `github-pat`.
        kind: &'static str,
    },
    /// What looks like an attack on whoever reads it.
    Content {
        /// What it is aimed at.
        class: ContentClass,
        /// How sure that is.
        confidence: ContentConfidence,
        /// What it is, in a few words. Example: `a recursive rm`.
        reason: &'static str,
    },
}

/// What is looked for in the calls of one tool, and in what the agent is told and remembers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Screens {
    arguments: Screen,
    results: Screen,
    prompts: Screen,
    memory: Screen,
}

/// What is looked for in one place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Screen {
    terms: Vec<Term>,
}

/// What one policy wants of what is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Term {
    /// The ToolPolicy.
    pub policy: Arc<str>,
    /// Whether it decides or only looks on.
    pub mode: Mode,
    /// What becomes of it.
    pub action: ContentAction,
    sought: Sought,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Sought {
    Secrets,
    Content { classes: Vec<ContentClass>, least: ContentConfidence },
}

/// A rule about suspicious content, ready to be asked about tools.
#[derive(Debug)]
pub(crate) struct CompiledContent {
    classes: Vec<ContentClass>,
    places: Vec<ContentPlace>,
    /// Nothing: every tool.
    tools: Option<Patterns>,
    least: ContentConfidence,
    action: ContentAction,
}

impl CompiledContent {
    pub(crate) fn compile(rule: &ContentRule, path: &str, problems: &mut Vec<RuleProblem>) -> Self {
        let ContentRule { classes, places, tools, confidence, action } = rule;
        if !tools.is_empty() && places.as_slice() == [ContentPlace::Prompts] {
            let message = "what an agent is told belongs to no tool: leave tools out, or name other places".to_owned();
            problems.push(RuleProblem { path: format!("{path}.tools"), message });
        }
        let tools = (!tools.is_empty()).then(|| Patterns::compile(tools, &format!("{path}.tools"), problems));
        Self { classes: classes.clone(), places: places.clone(), tools, least: *confidence, action: *action }
    }

    fn speaks_of(&self, place: Place, tool: Option<&str>) -> bool {
        let place = match place {
            Place::Arguments => ContentPlace::Arguments,
            Place::Results => ContentPlace::Results,
            Place::Prompts => ContentPlace::Prompts,
            Place::Memory => return false,
        };
        let is_there = self.places.is_empty() || self.places.contains(&place);
        is_there && self.tools.as_ref().is_none_or(|tools| tool.is_some_and(|tool| tools.fit(tool)))
    }
}

impl Screens {
    /// What the policies want of the calls of a tool; without one, of what the agent is told and remembers.
    pub(crate) fn of(parts: &[Arc<Part>], tool: Option<&str>) -> Self {
        let screen = |place| Screen::of(parts, place, tool);
        let of_tool = |place| if tool.is_some() { screen(place) } else { Screen::default() };
        let prompts = if tool.is_none() { screen(Place::Prompts) } else { Screen::default() };
        Self { arguments: of_tool(Place::Arguments), results: of_tool(Place::Results), prompts, memory: screen(Place::Memory) }
    }

    /// What is looked for there.
    pub fn at(&self, place: Place) -> &Screen {
        match place {
            Place::Arguments => &self.arguments,
            Place::Results => &self.results,
            Place::Prompts => &self.prompts,
            Place::Memory => &self.memory,
        }
    }
}

impl Screen {
    fn of(parts: &[Arc<Part>], place: Place, tool: Option<&str>) -> Self {
        let terms = parts.iter().flat_map(|part| {
            let term = |action, sought| Term { policy: Arc::clone(&part.name), mode: part.mode, action, sought };
            let secrets = of_secrets(&part.secrets, place).map(|action| term(action, Sought::Secrets));
            let content = part.content.iter().filter(move |rule| rule.speaks_of(place, tool)).map(move |rule| {
                let CompiledContent { classes, least, action, places: _, tools: _ } = rule;
                term(*action, Sought::Content { classes: classes.clone(), least: *least })
            });
            secrets.into_iter().chain(content)
        });
        Self { terms: terms.collect() }
    }

    /// Whether nothing is looked for.
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Whether anybody asks for secrets.
    pub fn seeks_secrets(&self) -> bool {
        self.terms.iter().any(|term| term.sought == Sought::Secrets)
    }

    /// Whether anybody asks for suspicious content.
    pub fn seeks_content(&self) -> bool {
        self.terms.iter().any(|term| term.sought != Sought::Secrets)
    }

    /// What becomes of it: the strictest of what enforced policies want, by the first of them by name.
    pub fn verdict(&self, seen: &Seen) -> Option<&Term> {
        let about = self.about(seen).filter(|term| term.mode == Mode::Enforce);
        about.reduce(|best, next| if next.action > best.action { next } else { best })
    }

    /// What would become of it, were the policies in mode Audit enforced: of each the strictest.
    pub fn watching(&self, seen: &Seen) -> Vec<&Term> {
        let mut strictest: Vec<&Term> = Vec::new();
        for term in self.about(seen).filter(|term| term.mode == Mode::Audit) {
            match strictest.iter_mut().find(|other| other.policy == term.policy) {
                Some(other) if term.action > other.action => *other = term,
                Some(_) => {}
                None => strictest.push(term),
            }
        }
        strictest
    }

    fn about<'a>(&'a self, seen: &Seen) -> impl Iterator<Item = &'a Term> {
        self.terms.iter().filter(move |term| match (&term.sought, seen) {
            (Sought::Secrets, Seen::Secret { .. }) => true,
            (Sought::Content { classes, least }, Seen::Content { class, confidence, .. }) => {
                confidence >= least && (classes.is_empty() || classes.contains(class))
            }
            (Sought::Secrets, Seen::Content { .. }) | (Sought::Content { .. }, Seen::Secret { .. }) => false,
        })
    }
}

fn of_secrets(section: &SecretsSection, place: Place) -> Option<ContentAction> {
    let SecretsSection { arguments, results, prompts, memory } = section;
    let action = match place {
        Place::Arguments => arguments,
        Place::Results => results,
        Place::Prompts => prompts,
        Place::Memory => memory,
    };
    action.map(|action| match action {
        SecretsAction::Redact => ContentAction::Redact,
        SecretsAction::Deny => ContentAction::Deny,
    })
}

impl Place {
    /// As it stands in metrics and records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Arguments => "arguments",
            Self::Results => "results",
            Self::Prompts => "prompts",
            Self::Memory => "memory",
        }
    }
}

impl Seen {
    /// The part of a policy that speaks of it.
    pub const fn section(&self) -> &'static str {
        match self {
            Self::Secret { .. } => "secrets",
            Self::Content { .. } => "suspiciousContent",
        }
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Secret { kind } => write!(f, "a {kind}"),
            Self::Content { class, reason, confidence: _ } => write!(f, "{reason} ({class:?})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use skreaver_protocol::ToolName;

    use super::*;
    use crate::Policy;

    fn policy(parts: &[Value]) -> Result<Policy, Vec<RuleProblem>> {
        let part = |(part, name): (&Value, &str)| {
            let mut part = part.clone();
            part["name"] = json!(name);
            part["defaultAction"] = json!("Allow");
            part
        };
        let policies: Vec<_> = parts.iter().zip(["a", "b", "c"]).map(part).collect();
        Policy::compile(&serde_json::from_value(json!({"version": 1, "policies": policies})).unwrap())
    }

    const TOKEN: Seen = Seen::Secret { kind: "github-pat" };

    fn removal(confidence: ContentConfidence) -> Seen {
        Seen::Content { class: ContentClass::Command, confidence, reason: "a recursive rm" }
    }

    /// What becomes of something in a call of `tool`, as `policy: Action`, enforced first, then watched.
    fn told(parts: &[Value], tool: &str, place: Place, seen: &Seen) -> Vec<String> {
        let policy = policy(parts).unwrap();
        let screens = match place {
            Place::Arguments | Place::Results => policy.screens(&ToolName::parse(tool).unwrap()),
            Place::Prompts | Place::Memory => Arc::clone(policy.screens_of_agent()),
        };
        let screen = screens.at(place);
        let terms = screen.verdict(seen).into_iter().chain(screen.watching(seen));
        terms.map(|term| format!("{}: {:?}", term.policy, term.action)).collect()
    }

    #[test]
    fn the_strictest_enforced_policy_counts_and_those_that_look_on_are_told_apart() {
        let secrets = |mode: &str, action: &str| json!({"mode": mode, "secrets": {"arguments": action}});
        let check = |parts: &[Value], expected: &[&str]| assert_eq!(told(parts, "x", Place::Arguments, &TOKEN), expected);
        check(&[json!({"mode": "Enforce"})], &[]);
        check(&[secrets("Enforce", "Redact"), secrets("Enforce", "Deny"), secrets("Enforce", "Deny")], &["b: Deny"]);
        check(
            &[secrets("Audit", "Deny"), secrets("Audit", "Redact"), secrets("Enforce", "Redact")],
            &["c: Redact", "a: Deny", "b: Redact"],
        );
    }

    #[test]
    fn each_place_has_terms_of_its_own() {
        let parts = [json!({"mode": "Enforce", "secrets": {"prompts": "Redact", "memory": "Deny"}})];
        for (place, expected) in [
            (Place::Arguments, vec![]),
            (Place::Results, vec![]),
            (Place::Prompts, vec!["a: Redact"]),
            (Place::Memory, vec!["a: Deny"]),
        ] {
            assert_eq!(told(&parts, "x", place, &TOKEN), expected, "{place:?}");
        }
    }

    #[test]
    fn content_is_judged_by_class_place_tool_and_confidence() {
        let parts = [json!({"mode": "Enforce", "suspiciousContent": [
            {"action": "Warn"},
            {"tools": ["mail/*"], "classes": ["Command"], "in": ["Results"], "confidence": "High", "action": "Deny"},
        ]})];
        use ContentConfidence::{High, Low, Medium};
        let check = |tool, place, seen: Seen, expected: &[&str]| assert_eq!(told(&parts, tool, place, &seen), expected);
        check("mail/read", Place::Results, removal(High), &["a: Deny"]);
        check("mail/read", Place::Results, removal(Medium), &["a: Warn"]);
        check("mail/read", Place::Results, removal(Low), &[]);
        check("mail/read", Place::Arguments, removal(High), &["a: Warn"]);
        check("files/read", Place::Results, removal(High), &["a: Warn"]);
        check("-", Place::Prompts, removal(High), &["a: Warn"]);
        check("-", Place::Memory, removal(High), &[]);
        check("mail/read", Place::Results, TOKEN, &[]);
    }

    #[test]
    fn a_rule_of_prompts_names_no_tools() {
        let parts = [json!({"mode": "Enforce", "suspiciousContent": [
            {"in": ["Prompts"], "tools": ["x"], "action": "Deny"},
            {"tools": ["[x"], "action": "Deny"},
        ]})];
        let problems: Vec<_> = policy(&parts).unwrap_err().iter().map(ToString::to_string).collect();
        assert!(problems[0].starts_with("suspiciousContent[0].tools: what an agent is told"), "{problems:?}");
        assert!(problems[1].starts_with("suspiciousContent[1].tools[0]: `[x` is not a glob"), "{problems:?}");
    }
}
