//! Why a call may not happen, and what may happen instead.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use skreaver_protocol::ToolName;
use skreaver_protocol::approval::AskedBy;
use skreaver_protocol::policy::{Per, RateLimit};

use crate::approval::Needs;
use crate::screen::Seen;

/// The most tools that a refusal names instead.
const MOST_NAMED: usize = 20;

/// Why a call may not happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// The tool that was called.
    pub tool: ToolName,
    /// What refused it.
    pub cause: Box<Cause>,
    /// The tools that the agent may call, where that is known.
    pub callable: Arc<[ToolName]>,
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
        /// Why it did.
        why: Why,
    },
    /// No rule of a policy allows the call, and its default is `Deny`.
    Default {
        /// The ToolPolicy.
        policy: String,
        /// The rules that allow other calls of the tool.
        alternatives: Vec<Alternative>,
    },
    /// The run has seen what strangers wrote, and the policy lets nothing flow from there into the tool.
    DataFlow {
        /// The ToolPolicy.
        policy: String,
        /// The untrusted sources that were read; empty where it is not known what the caller has read.
        sources: Vec<String>,
    },
    /// There is a secret or suspicious content in the arguments.
    Seen {
        /// The ToolPolicy.
        policy: String,
        /// What it is.
        seen: Seen,
        /// Where it stands in the arguments, as a JSON pointer.
        pointer: String,
    },
    /// People have to approve it first.
    Unapproved(Box<Needs>),
    /// The cluster demands a policy, and none selects the agent.
    NoPolicy,
}

/// Why a rule refused a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// It denies the tool.
    Tool,
    /// It denies calls for which this condition holds.
    Condition(String),
    /// Its condition is neither true nor false of the call.
    Undecided {
        /// The condition.
        condition: String,
        /// What cannot be decided of it.
        reason: String,
    },
    /// The arguments are larger than this.
    ArgumentBytes(u64),
    /// As many calls ran as may.
    Rate {
        /// The limit.
        limit: RateLimit,
        /// How long until it lets one more pass; nothing where there are too many sessions or callers to count.
        pause: Option<Duration>,
    },
}

/// A rule that allows other calls of the tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alternative {
    /// The rule.
    pub rule: String,
    /// When it allows a call.
    pub condition: String,
    /// Why that cannot be decided of this call; nothing where it is not so.
    pub undecided: Option<String>,
}

impl Denial {
    /// The ToolPolicy that refused, if one did.
    pub fn policy(&self) -> Option<&str> {
        match &*self.cause {
            Cause::Rule { policy, .. }
            | Cause::Default { policy, .. }
            | Cause::DataFlow { policy, .. }
            | Cause::Seen { policy, .. } => Some(policy),
            Cause::Unapproved(needs) => needs.asked_by.first().map(|by| by.policy.as_str()),
            Cause::NoPolicy => None,
        }
    }

    /// The rule that refused, if one did.
    pub fn rule(&self) -> Option<&str> {
        match &*self.cause {
            Cause::Rule { rule, .. } => Some(rule),
            Cause::Unapproved(needs) => needs.asked_by.first().and_then(|by| by.rule.as_deref()),
            Cause::Default { .. } | Cause::DataFlow { .. } | Cause::Seen { .. } | Cause::NoPolicy => None,
        }
    }

    /// How long to wait before the same call may pass, where waiting helps.
    pub fn retry_after(&self) -> Option<Duration> {
        match &*self.cause {
            Cause::Rule { why: Why::Rate { pause, .. }, .. } => *pause,
            Cause::Rule { .. }
            | Cause::Default { .. }
            | Cause::DataFlow { .. }
            | Cause::Seen { .. }
            | Cause::Unapproved(_)
            | Cause::NoPolicy => None,
        }
    }

    /// What the call needs before it may happen, where nothing but that is in its way.
    pub fn needs(&self) -> Option<&Needs> {
        match &*self.cause {
            Cause::Unapproved(needs) => Some(needs),
            Cause::Rule { .. } | Cause::Default { .. } | Cause::DataFlow { .. } | Cause::Seen { .. } | Cause::NoPolicy => None,
        }
    }

    /// Whether the tool is denied whatever it is called with.
    fn is_of_the_tool(&self) -> bool {
        match &*self.cause {
            Cause::Rule { why, .. } => *why == Why::Tool,
            Cause::Default { alternatives, .. } => alternatives.is_empty(),
            Cause::DataFlow { .. } | Cause::Seen { .. } | Cause::Unapproved(_) | Cause::NoPolicy => false,
        }
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tool `{}` is denied {}", self.tool, self.cause)?;
        if !self.is_of_the_tool() || self.callable.is_empty() {
            return Ok(());
        }
        let named: Vec<_> = self.callable.iter().take(MOST_NAMED).map(ToolName::as_str).collect();
        let more = if self.callable.len() > MOST_NAMED { " and others" } else { "" };
        write!(f, "; the agent may call {}{more}", named.join(", "))
    }
}

impl std::error::Error for Denial {}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rule { policy, rule, why: Why::Tool } => write!(f, "by rule `{rule}` of ToolPolicy `{policy}`"),
            Self::Rule { policy, rule, why } => write!(f, "by rule `{rule}` of ToolPolicy `{policy}`: {why}"),
            Self::Default { policy, alternatives } => {
                write!(f, "by the default action of ToolPolicy `{policy}`: ")?;
                match alternatives.as_slice() {
                    [] => f.write_str("no rule of it allows the tool"),
                    some => some.iter().enumerate().try_for_each(|(index, alternative)| {
                        f.write_str(if index == 0 { "" } else { "; " })?;
                        alternative.fmt(f)
                    }),
                }
            }
            Self::DataFlow { policy, sources } if sources.is_empty() => write!(
                f,
                "by the data flow of ToolPolicy `{policy}`: the call belongs to no run, so it is not known what its caller has read"
            ),
            Self::DataFlow { policy, sources } => write!(
                f,
                "by the data flow of ToolPolicy `{policy}`: what `{}` answered is untrusted and was read in this run or session, and nothing flows from there into the tool",
                sources.join("`, `")
            ),
            Self::Seen { policy, seen, pointer } => write!(
                f,
                "by the {} of ToolPolicy `{policy}`: there is {seen} at `{pointer}` of the arguments; call without it",
                seen.section()
            ),
            Self::Unapproved(needs) => {
                let by: Vec<_> = needs.asked_by.iter().map(told_by).collect();
                let people =
                    if needs.quorum == 1 { "somebody approves".to_owned() } else { format!("{} people approve", needs.quorum) };
                write!(f, "until {people} it, as {} asks", by.join(" and "))
            }
            Self::NoPolicy => f.write_str("because this cluster demands a ToolPolicy, and none selects the agent"),
        }
    }
}

fn told_by(AskedBy { policy, rule }: &AskedBy) -> String {
    match rule {
        Some(rule) => format!("rule `{rule}` of ToolPolicy `{policy}`"),
        None => format!("ToolPolicy `{policy}`"),
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tool => f.write_str("it denies the tool"),
            Self::Condition(condition) => write!(f, "it denies the tool where `{condition}`"),
            Self::Undecided { condition, reason } => {
                write!(f, "whether `{condition}` cannot be decided ({reason}), and what cannot be decided is denied")
            }
            Self::ArgumentBytes(most) => write!(f, "the arguments have more than {most} bytes"),
            Self::Rate { limit, pause: Some(pause) } => {
                let seconds = pause.as_secs() + u64::from(pause.subsec_nanos() > 0);
                write!(f, "it allows {}, and they have run; try again in {seconds}s", told(limit))
            }
            Self::Rate { limit, pause: None } => {
                write!(f, "it allows {}, and there are too many of those to be counted now; try again later", told(limit))
            }
        }
    }
}

/// As `10 calls in 60s per session`.
fn told(RateLimit { per, calls, window }: &RateLimit) -> String {
    let whose = match per {
        Per::Agent => "agent",
        Per::Session => "session",
        Per::Caller => "caller",
    };
    format!("{calls} calls in {window} per {whose}")
}

impl fmt::Display for Alternative {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rule, condition, undecided } = self;
        match undecided {
            None => write!(f, "rule `{rule}` allows the tool where `{condition}`"),
            Some(reason) => write!(f, "rule `{rule}` allows the tool where `{condition}`, which cannot be decided ({reason})"),
        }
    }
}
