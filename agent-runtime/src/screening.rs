//! Looks for secrets and suspicious content where policies want that, and takes out what they want taken out. What is found is never
//! told itself, only of which kind it is and where it stands.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;
use skreaver_detect::{Class, Confidence, Content, Secrets};
use skreaver_policy::{Screen, Seen, Term};
use skreaver_protocol::policy::{ContentAction, ContentClass, ContentConfidence, Mode};

/// Something that was found, and what one policy wants of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// What it is.
    pub seen: Seen,
    /// Where it stands first: a JSON pointer (RFC 6901), empty for the whole.
    pub pointer: String,
    /// The ToolPolicy.
    pub policy: Arc<str>,
    /// Whether it decides or only looks on.
    pub mode: Mode,
    /// What becomes of it; for a policy in mode Audit, what would.
    pub action: ContentAction,
}

/// What is found in a value, once for each kind and policy, in the order of the document.
pub fn look(screen: &Screen, value: &Value) -> Vec<Found> {
    let (mut found, mut known) = (Vec::new(), BTreeSet::new());
    for (seen, pointer) in everything(screen, value) {
        for Term { policy, mode, action, .. } in screen.verdict(&seen).into_iter().chain(screen.watching(&seen)) {
            if known.insert((seen, Arc::clone(policy), *mode)) {
                let (pointer, policy) = (pointer.clone(), Arc::clone(policy));
                found.push(Found { seen, pointer, policy, mode: *mode, action: *action });
            }
        }
    }
    found
}

fn everything(screen: &Screen, value: &Value) -> Vec<(Seen, String)> {
    let mut all = Vec::new();
    if screen.seeks_secrets() {
        let secrets = Secrets::all().find_in(value).into_iter();
        all.extend(secrets.map(|found| (Seen::Secret { kind: found.finding.kind }, found.pointer)));
    }
    if screen.seeks_content() {
        let content = Content::all().find_in(value).into_iter();
        all.extend(content.map(|found| (seen(&found.finding), found.pointer)));
    }
    all
}

fn seen(finding: &skreaver_detect::Finding) -> Seen {
    let class = match finding.class {
        Class::Command => ContentClass::Command,
        Class::Template => ContentClass::Template,
        Class::Control => ContentClass::Control,
        Class::Hidden => ContentClass::Hidden,
        Class::Exfiltration => ContentClass::Exfiltration,
        Class::Instruction => ContentClass::Instruction,
    };
    let confidence = match finding.confidence {
        Confidence::Low => ContentConfidence::Low,
        Confidence::Medium => ContentConfidence::Medium,
        Confidence::High => ContentConfidence::High,
    };
    Seen::Content { class, confidence, reason: finding.reason }
}

/// The first for which nothing passes.
pub fn denied(found: &[Found]) -> Option<&Found> {
    found.iter().find(|found| found.mode == Mode::Enforce && found.action == ContentAction::Deny)
}

/// What policies in mode Audit would let nothing pass for.
pub fn would_be_denied(found: &[Found]) -> impl Iterator<Item = &Found> {
    found.iter().filter(|found| found.mode == Mode::Audit && found.action == ContentAction::Deny)
}

/// Takes out of a value what was found in it and is to be taken out. Whether there was any.
pub fn redact(screen: &Screen, found: &[Found], value: &mut Value) -> bool {
    let is_redacted = |found: &&Found| found.mode == Mode::Enforce && found.action == ContentAction::Redact;
    let (mut secrets, mut content) = (false, false);
    for found in found.iter().filter(is_redacted) {
        match found.seen {
            Seen::Secret { .. } => secrets = true,
            Seen::Content { .. } => content = true,
        }
    }
    if secrets {
        Secrets::all().redact_value(value);
    }
    if content {
        let is_redacted = |finding: &skreaver_detect::Finding| {
            screen.verdict(&seen(finding)).is_some_and(|term| term.action == ContentAction::Redact)
        };
        Content::all().redact_value_if(value, is_redacted);
    }
    secrets || content
}
