//! One rule of a policy: which calls it is about, what becomes of them, and what holds for those that it lets pass.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Action, ApprovalTerms};
use crate::GoDuration;

/// One rule: what becomes of calls to the tools it names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "self.action != 'Deny' || !(has(self.rateLimit) || has(self.maxArgumentBytes) || has(self.maxResultBytes) || has(self.redact))",
    "message": "rateLimit, maxArgumentBytes, maxResultBytes and redact are for calls that run: write them in a rule with action Allow or RequireApproval",
}, {
    "rule": "self.action == 'RequireApproval' || !has(self.approval)",
    "message": "approval is for calls that need one: write it in a rule with action RequireApproval",
}]))]
pub struct Rule {
    /// Named in refusals and audit records. Example: `no-writes`.
    #[schemars(length(min = 1, max = 63))]
    pub name: String,
    /// Tool names or globs: `*` stands for any text, `?` for one character, `[ab]` for one of them, `{a,b}` for either.
    /// Example: `["uppercase", "find_*"]`.
    // The same type stands in the CRD, so the schema carries the list type.
    #[schemars(length(min = 1, max = 64), inner(length(min = 1, max = 128)), extend("x-kubernetes-list-type" = "set"))]
    pub tools: Vec<String>,
    /// A CEL expression: the rule is about calls for which it is true. Absent: about all calls to its tools. It sees `args` (the
    /// arguments), `agent` (`name`, `namespace`, `labels`), `session` (its id, or `''`), `caller` (`type`, `name`, `groups`), `tool`
    /// (its name) and `taint` (the tools of `dataFlow.sources` that the run or its session has called). Where it cannot be decided - a
    /// key is missing, a text is compared with a number, it takes too long - an Allow rule does not allow, and a rule of another
    /// action denies. Example: `args.amount <= 100 && agent.labels.tier == 'internal'`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024))]
    pub when: Option<String>,
    /// `Allow`, `RequireApproval` or `Deny`. Whatever their order, in one policy a `Deny` beats every `RequireApproval`, and that
    /// every `Allow`.
    pub action: Action,
    /// How a call gets the approval that it needs. Absent: one person approves within an hour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<ApprovalTerms>,
    /// How often calls of this rule may run. Absent: as often as they like.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<RateLimit>,
    /// The most bytes that the arguments of a call may have, as JSON. A larger call is denied. Example: `4096`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 2, max = 16_777_216))]
    pub max_argument_bytes: Option<u64>,
    /// The most bytes that a result may have, as JSON. Of a larger one nothing is handed on but that it was too large.
    /// Example: `65536`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 2, max = 16_777_216))]
    pub max_result_bytes: Option<u64>,
    /// What of a call is replaced by `[redacted]` before others see it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redact: Option<Redact>,
}

/// How often calls may run. Counted in each process by itself: an agent with several replicas has the limit in each of them, and
/// one that starts anew begins at zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RateLimit {
    /// What is counted apart: `Agent` counts all calls of an agent together, `Session` those of each session (and all outside of
    /// sessions together), `Caller` those of each caller (and all of those together who are not
    /// asked who they are).
    pub per: Per,
    /// The most calls in a window.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub calls: u32,
    /// How long a window is: it begins with its first call. From `1s` to `24h`. Example: `1m`.
    #[schemars(extend("x-kubernetes-validations" = [{
        "rule": "self.matches('^([0-9]{1,9}(ms|s|m|h))+$') && duration(self) >= duration('1s') && duration(self) <= duration('24h')",
        "message": "write a window from 1s to 24h",
    }]))]
    pub window: GoDuration,
}

/// What a rate limit counts apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Per {
    /// All calls of an agent together.
    Agent,
    /// The calls of each session.
    Session,
    /// The calls of each caller.
    Caller,
}

/// What of a call is replaced by `[redacted]`. A field is named by itself (`password`: wherever it stands) or by a JSON pointer
/// from the top (`/user/password`, `/rows/*/email`, where `*` is every item or field).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Redact {
    /// Fields of the arguments, in what those who follow a run are told of its calls. The tool gets them as they are, and so does
    /// the conversation, which is the model's own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), inner(length(min = 1, max = 128)), extend("x-kubernetes-list-type" = "set"))]
    pub arguments: Vec<String>,
    /// Fields of the result, before model, caller, session and journal see it. A result that is a text is read as JSON where it is
    /// an object or a list.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), inner(length(min = 1, max = 128)), extend("x-kubernetes-list-type" = "set"))]
    pub result: Vec<String>,
}
