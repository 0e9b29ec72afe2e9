//! What becomes of secrets that the door finds: the strictest of all policies, each of which decides alone.

use std::sync::Arc;

use skreaver_protocol::policy::{Mode, SecretsAction, SecretsSection};

use crate::compile::Part;

/// What becomes of secrets in the calls of an agent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SecretsTerms {
    /// Of those in arguments.
    pub arguments: Option<SecretsRule>,
    /// Of those in results.
    pub results: Option<SecretsRule>,
    /// The policies in mode Audit that would refuse a call with one in its arguments.
    pub watching: Vec<String>,
}

/// What becomes of a secret, and who says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretsRule {
    /// What becomes of it.
    pub action: SecretsAction,
    /// The ToolPolicy: of several that say the same, the first by name.
    pub policy: String,
}

impl SecretsTerms {
    pub(crate) fn of(parts: &[Arc<Part>]) -> Self {
        let strictest = |of: fn(&SecretsSection) -> Option<SecretsAction>| {
            let enforced = parts.iter().filter(|part| part.mode == Mode::Enforce);
            let rules = enforced.filter_map(|part| Some((of(&part.secrets)?, part)));
            let strictest = rules.reduce(|best, next| if next.0 > best.0 { next } else { best });
            strictest.map(|(action, part)| SecretsRule { action, policy: part.name.to_string() })
        };
        let denies = |part: &&Arc<Part>| part.mode == Mode::Audit && part.secrets.arguments == Some(SecretsAction::Deny);
        Self {
            arguments: strictest(|section| section.arguments),
            results: strictest(|section| section.results),
            watching: parts.iter().filter(denies).map(|part| part.name.to_string()).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use skreaver_protocol::policy::{Action, PolicyBundle, PolicyRules};

    use super::*;
    use crate::Policy;

    fn terms(policies: &[(&str, Mode, Option<SecretsAction>)]) -> SecretsTerms {
        let policy = |(name, mode, arguments): &(&str, Mode, Option<SecretsAction>)| PolicyRules {
            name: (*name).to_owned(),
            mode: *mode,
            default_action: Action::Allow,
            rules: Vec::new(),
            data_flow: None,
            http: None,
            fs: None,
            resources: None,
            secrets: Some(SecretsSection { arguments: *arguments, results: None }),
            audit: None,
        };
        let bundle = PolicyBundle { policies: policies.iter().map(policy).collect(), ..PolicyBundle::default() };
        SecretsTerms::clone(&Policy::compile(&bundle).unwrap().secrets)
    }

    #[test]
    fn the_strictest_enforced_policy_counts_and_those_that_look_on_are_told_apart() {
        use Mode::{Audit, Enforce};
        use SecretsAction::{Deny, Redact};
        assert_eq!(terms(&[("a", Enforce, None)]), SecretsTerms::default());
        let rule = |action, policy: &str| Some(SecretsRule { action, policy: policy.to_owned() });
        let found = terms(&[("a", Enforce, Some(Redact)), ("b", Enforce, Some(Deny)), ("c", Enforce, Some(Deny))]);
        assert_eq!((found.arguments, found.watching), (rule(Deny, "b"), Vec::new()));
        let found = terms(&[("a", Audit, Some(Deny)), ("b", Audit, Some(Redact)), ("c", Enforce, Some(Redact))]);
        assert_eq!((found.arguments, found.watching), (rule(Redact, "c"), vec!["a".to_owned()]));
    }
}
