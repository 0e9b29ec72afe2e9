//! What becomes of content that looks like an attack on whoever reads it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What becomes of suspicious content of some classes in some places. The detectors find by form: `docs/detectors.md` says what they
/// find, what they leave alone and how sure they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ContentRule {
    /// What it is aimed at. Absent: at anything. Example: `[Command, Template]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 6), extend("x-kubernetes-list-type" = "set"))]
    pub classes: Vec<ContentClass>,
    /// Where it stands. Absent: anywhere. Example: `[Results]`.
    #[serde(default, rename = "in", skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 3), extend("x-kubernetes-list-type" = "set"))]
    pub places: Vec<ContentPlace>,
    /// The tools of whose calls the rule speaks: names or globs. Absent: all. What an agent is told belongs to no tool, so a rule
    /// with tools says nothing of prompts. Example: `["mail/*"]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 128)))]
    pub tools: Vec<String>,
    /// How sure a finding has to be at least. Default: Medium.
    #[serde(default, skip_serializing_if = "is_medium")]
    pub confidence: ContentConfidence,
    /// What becomes of it.
    pub action: ContentAction,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_medium(confidence: &ContentConfidence) -> bool {
    *confidence == ContentConfidence::Medium
}

/// What suspicious content is aimed at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum ContentClass {
    /// A shell: `; rm -rf /`, `$(whoami)`, `| sh`.
    Command,
    /// A template engine or a logger that looks things up: `{{7*7}}`, `${jndi:...}`.
    Template,
    /// A terminal, or the eyes of a reader: escape sequences, control characters, text that is shown in another order.
    Control,
    /// A reader who is shown less than the machine gets: invisible characters, hidden HTML with orders in it.
    Hidden,
    /// A client that loads images, and tells by their addresses what it knows.
    Exfiltration,
    /// A model: orders that pretend to come from whoever runs it. Always of low confidence.
    Instruction,
}

/// Where suspicious content stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum ContentPlace {
    /// In the arguments of a call.
    Arguments,
    /// In the result of a call.
    Results,
    /// In what an agent is told.
    Prompts,
}

/// How sure a finding is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum ContentConfidence {
    /// It looks like it.
    Low,
    /// Something beside it says so.
    #[default]
    Medium,
    /// Its own form says so.
    High,
}

/// What becomes of suspicious content, from the mildest to the strictest: of several rules and policies the strictest counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum ContentAction {
    /// It passes, and is logged, counted and recorded.
    Warn,
    /// `[removed:CLASS]` stands in its place.
    Redact,
    /// The call or the prompt is refused; a result is withheld.
    Deny,
}
