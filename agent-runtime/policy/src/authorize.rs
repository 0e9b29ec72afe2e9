//! The decision over one call, and the proof of it.

use std::fmt;

use serde_json::Value;
use skreaver_protocol::policy::{Action, Mode};
use skreaver_protocol::{AgentName, Caller, ToolName};

use crate::compile::{Part, Policy};

/// A tool call that wants to happen.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// The agent that calls.
    pub agent: &'a AgentName,
    /// The tool it calls.
    pub tool: &'a ToolName,
    /// The arguments it passes.
    pub arguments: &'a Value,
    /// On whose behalf.
    pub caller: &'a Caller,
    /// Tells this call from every other one, and is the same when it is made again after a crash.
    pub id: &'a str,
}

/// The proof that a policy let a call pass: needed to run a tool, used up by running it, and made here only.
///
/// ```compile_fail
/// // A permit cannot be made outside this crate, so going around the policy does not compile.
/// let tool = skreaver_protocol::ToolName::parse("uppercase").unwrap();
/// let forged = skreaver_policy::Permit { tool, id: String::new() };
/// ```
/// ```compile_fail
/// // Nor can one permit serve two calls.
/// fn twice(permit: skreaver_policy::Permit) -> [skreaver_policy::Permit; 2] { [permit.clone(), permit] }
/// ```
#[derive(Debug)]
#[must_use = "a permit is there to be spent on the call it was given for"]
pub struct Permit {
    tool: ToolName,
    id: String,
}

impl Permit {
    /// The tool that may run, once.
    pub fn tool(&self) -> &ToolName {
        &self.tool
    }

    /// Tells this call from every other one, and is the same when it is made again after a crash: the key by which an
    /// effect elsewhere can be made to happen once.
    pub fn id(&self) -> &str {
        &self.id
    }
}

/// Why a call may not happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// The tool that was called.
    pub tool: ToolName,
    /// What refused it.
    pub cause: Cause,
}

/// What refused a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// A rule of a policy.
    Rule {
        /// The ToolPolicy.
        policy: String,
        /// The rule in it.
        rule: String,
    },
    /// No rule of a policy named the tool, and its default is `Deny`.
    Default {
        /// The ToolPolicy.
        policy: String,
    },
    /// The cluster demands a policy, and none selects the agent.
    NoPolicy,
}

impl Denial {
    /// The ToolPolicy that refused, if one did.
    pub fn policy(&self) -> Option<&str> {
        match &self.cause {
            Cause::Rule { policy, .. } | Cause::Default { policy } => Some(policy),
            Cause::NoPolicy => None,
        }
    }

    /// The rule that refused, if one did.
    pub fn rule(&self) -> Option<&str> {
        match &self.cause {
            Cause::Rule { rule, .. } => Some(rule),
            Cause::Default { .. } | Cause::NoPolicy => None,
        }
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tool = &self.tool;
        match &self.cause {
            Cause::Rule { policy, rule } => write!(f, "tool `{tool}` is denied by rule `{rule}` of ToolPolicy `{policy}`"),
            Cause::Default { policy } => {
                write!(f, "tool `{tool}` is denied by the default action of ToolPolicy `{policy}`: no rule of it allows the tool")
            }
            Cause::NoPolicy => {
                write!(f, "tool `{tool}` is denied: this cluster demands a ToolPolicy, and none selects the agent")
            }
        }
    }
}

impl std::error::Error for Denial {}

/// The answer about one call.
#[derive(Debug)]
#[must_use]
pub struct Decision {
    /// What counts: the permit, or the first of the strictest refusals by policy name.
    pub verdict: Result<Permit, Denial>,
    /// What policies in Audit mode would have refused.
    pub audited: Vec<Denial>,
}

impl Policy {
    /// Decides over one call.
    pub fn authorize(&self, call: &Call<'_>) -> Decision {
        let mut refused = None;
        let mut enforced = false;
        let mut audited = Vec::new();
        for part in &self.parts {
            let denial = part.refuse(call).map(|cause| Denial { tool: call.tool.clone(), cause });
            match part.mode {
                Mode::Enforce => {
                    enforced = true;
                    refused = refused.or(denial);
                }
                Mode::Audit => audited.extend(denial),
            }
        }
        if self.required && !enforced {
            refused = Some(Denial { tool: call.tool.clone(), cause: Cause::NoPolicy });
        }
        let verdict = match refused {
            Some(denial) => Err(denial),
            None => Ok(Permit { tool: call.tool.clone(), id: call.id.to_owned() }),
        };
        Decision { verdict, audited }
    }
}

impl Part {
    /// What of this policy alone refuses the call: a denying rule first, then the default where no rule allows.
    fn refuse(&self, call: &Call<'_>) -> Option<Cause> {
        let mut allowed = false;
        for rule in self.rules.iter().filter(|rule| rule.tools.is_match(call.tool.as_str())) {
            match rule.action {
                Action::Deny => return Some(Cause::Rule { policy: self.name.clone(), rule: rule.name.clone() }),
                Action::Allow => allowed = true,
            }
        }
        match self.default_action {
            Action::Deny if !allowed => Some(Cause::Default { policy: self.name.clone() }),
            Action::Deny | Action::Allow => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use skreaver_protocol::policy::{PolicyBundle, PolicyRules, Rule};

    fn policy(name: &str, mode: Mode, default_action: Action, rules: &[(&str, &str, Action)]) -> PolicyRules {
        let rules = rules
            .iter()
            .map(|(name, tool, action)| Rule { name: (*name).into(), tools: vec![(*tool).into()], action: *action })
            .collect();
        PolicyRules { name: name.into(), mode, default_action, rules }
    }

    fn decide(required: bool, policies: Vec<PolicyRules>, tool: &str) -> Decision {
        let compiled = Policy::compile(&PolicyBundle { version: 1, required, policies }).unwrap();
        compiled.authorize(&Call {
            agent: &AgentName::parse("amber").unwrap(),
            tool: &ToolName::parse(tool).unwrap(),
            arguments: &Value::Null,
            caller: &Caller::Anonymous,
            id: "run/0",
        })
    }

    fn check(policies: Vec<PolicyRules>, tool: &str, expected: Result<(), &str>) {
        let verdict = decide(false, policies, tool).verdict.map(drop).map_err(|denial| denial.to_string());
        assert_eq!(verdict, expected.map_err(str::to_owned));
    }

    use Action::{Allow, Deny};
    use Mode::{Audit, Enforce};

    #[test]
    fn no_policy_allows() {
        check(vec![], "basalt", Ok(()));
    }

    #[test]
    fn default_decides_where_no_rule_speaks() {
        check(vec![policy("p", Enforce, Allow, &[])], "basalt", Ok(()));
        check(
            vec![policy("p", Enforce, Deny, &[("r", "other", Allow)])],
            "basalt",
            Err("tool `basalt` is denied by the default action of ToolPolicy `p`: no rule of it allows the tool"),
        );
    }

    #[test]
    fn deny_beats_allow_in_either_order() {
        let refusal = Err("tool `basalt` is denied by rule `no` of ToolPolicy `p`");
        check(vec![policy("p", Enforce, Allow, &[("yes", "basalt", Allow), ("no", "bas*", Deny)])], "basalt", refusal);
        check(vec![policy("p", Enforce, Deny, &[("no", "bas*", Deny), ("yes", "basalt", Allow)])], "basalt", refusal);
    }

    #[test]
    fn the_strictest_policy_wins() {
        let open = policy("open", Enforce, Allow, &[("yes", "*", Allow)]);
        let strict = policy("strict", Enforce, Deny, &[("one", "chalk", Allow)]);
        check(vec![open.clone(), strict.clone()], "chalk", Ok(()));
        let refusal = "tool `basalt` is denied by the default action of ToolPolicy `strict`: no rule of it allows the tool";
        check(vec![open, strict], "basalt", Err(refusal));
    }

    #[test]
    fn audit_records_and_permits() {
        let decision = decide(false, vec![policy("watch", Audit, Deny, &[])], "basalt");
        assert!(decision.verdict.is_ok());
        assert_eq!(decision.audited.len(), 1);
        assert_eq!(decision.audited[0].policy(), Some("watch"));
    }

    #[test]
    fn a_demanded_policy_is_not_replaced_by_an_audit_one() {
        let denial = decide(true, vec![policy("watch", Audit, Allow, &[])], "basalt").verdict.unwrap_err();
        assert_eq!(denial.cause, Cause::NoPolicy);
        assert!(decide(true, vec![policy("open", Enforce, Allow, &[])], "basalt").verdict.is_ok());
    }

    #[test]
    fn globs_cover_qualified_names() {
        check(vec![policy("p", Enforce, Deny, &[("r", "find_*", Allow)])], "find_rows", Ok(()));
        check(vec![policy("p", Enforce, Deny, &[("r", "{add,sub}", Allow)])], "sub", Ok(()));
        check(
            vec![policy("p", Enforce, Allow, &[("r", "?asalt", Deny)])],
            "basalt",
            Err("tool `basalt` is denied by rule `r` of ToolPolicy `p`"),
        );
    }
}
