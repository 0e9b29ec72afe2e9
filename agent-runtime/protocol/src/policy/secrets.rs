//! What becomes of secrets that pass by.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What becomes of secrets - tokens, keys, passwords - that the detectors find. They find by form: `docs/detectors.md` says how much
/// they miss.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SecretsSection {
    /// Of those in the arguments of calls, whoever wrote them. Absent: they pass. Example: `Deny`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arguments: Option<SecretsAction>,
    /// Of those in the results of calls, before the model, the caller, the session and the journal see them. Absent: they pass.
    /// Example: `Redact`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub results: Option<SecretsAction>,
    /// Of those in what an agent is told, before the model, the session and the journal see it. Absent: they pass. Example: `Redact`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompts: Option<SecretsAction>,
    /// Of those in what an agent remembers beyond a run: the messages and the summary of its session, and notes. Absent: they pass.
    /// Example: `Redact`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<SecretsAction>,
}

/// What becomes of a secret, from the mildest to the strictest: of several policies the strictest counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum SecretsAction {
    /// `[redacted:KIND]` stands in its place.
    Redact,
    /// The call or the prompt is refused; a result is withheld; what was said is remembered without its text.
    Deny,
}
