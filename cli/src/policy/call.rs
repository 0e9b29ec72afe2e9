//! A call as people write it down, and who makes it.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context;
use serde::Deserialize;
use serde_json::{Value, json};
use skreaver::policy::{Call, Policy};
use skreaver::protocol::policy::{Action, AgentFacts, PolicyBundle};
use skreaver::protocol::{AgentName, Caller, GoDuration, SessionId, ToolName};
use skreaver::simulate::policy_of_cluster;
use skreaver_render::agent_facts;
use skreaver_render::local::Local;

/// The name of an agent of whom nothing is said.
const ANYBODY: &str = "agent";

/// A call, and what is expected of it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenCall {
    pub(super) tool: ToolName,
    #[serde(default = "nothing")]
    pub(super) args: Value,
    /// The agent that calls. Absent, with `labels`: every policy is asked, whomever it selects.
    #[serde(default)]
    pub(super) agent: Option<AgentName>,
    /// Its namespace and labels, in the place of those that an Agent of this name has among the manifests.
    #[serde(default)]
    pub(super) namespace: Option<String>,
    #[serde(default)]
    pub(super) labels: Option<BTreeMap<String, String>>,
    #[serde(default)]
    pub(super) session: Option<SessionId>,
    #[serde(default = "anonymous")]
    pub(super) caller: Caller,
    /// The tools whose answers the run or its session has seen; null where that is not known, as of calls over MCP.
    #[serde(default = "none_read")]
    pub(super) read: Option<BTreeSet<String>>,
    /// When it is made, from the first call on. Default: when the one before is.
    #[serde(default)]
    pub(super) at: Option<GoDuration>,
    #[serde(default)]
    pub(super) expect: Option<Action>,
    /// The rule that is expected to refuse it.
    #[serde(default)]
    pub(super) rule: Option<String>,
    /// What the tool would answer.
    #[serde(default)]
    pub(super) result: Option<Value>,
    #[serde(default, rename = "expectResult")]
    pub(super) expect_result: Option<ResultAction>,
}

/// What becomes of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(super) enum ResultAction {
    Pass,
    Redact,
    Deny,
}

fn nothing() -> Value {
    json!({})
}

fn anonymous() -> Caller {
    Caller::Anonymous
}

#[allow(clippy::unnecessary_wraps, reason = "it is the default of a field that may be null")]
fn none_read() -> Option<BTreeSet<String>> {
    Some(BTreeSet::new())
}

impl WrittenCall {
    /// The name of the agent that makes it.
    pub(super) fn agent(&self) -> AgentName {
        self.agent.clone().unwrap_or_else(|| AgentName::parse(ANYBODY).expect("it is a name"))
    }

    /// The policies that count for it.
    pub(super) fn policies(&self, local: &Local, required: bool) -> PolicyBundle {
        let known = self.agent.as_ref().and_then(|agent| local.agent(agent.as_str())).map(agent_facts);
        let known = known.unwrap_or_else(|| AgentFacts { namespace: "default".into(), labels: BTreeMap::new() });
        let facts = AgentFacts {
            namespace: self.namespace.clone().unwrap_or(known.namespace),
            labels: self.labels.clone().unwrap_or(known.labels),
        };
        match (&self.agent, &self.labels) {
            (None, None) => local.all_policies(&facts),
            (Some(_), _) | (None, Some(_)) => local.policies_of(&facts, required),
        }
    }

    /// Hands the call on as policies take it.
    pub(super) fn with<T>(&self, work: impl FnOnce(&Call<'_>) -> T) -> T {
        work(&Call {
            agent: &self.agent(),
            tool: &self.tool,
            arguments: &self.args,
            caller: &self.caller,
            session: self.session.as_ref(),
            read: self.read.as_ref(),
            id: "simulated",
            approved: None,
        })
    }
}

/// The policies, ready to decide.
pub(super) fn compile(bundle: &PolicyBundle) -> anyhow::Result<Policy> {
    let told = |problems: Vec<skreaver::policy::RuleProblem>| {
        crate::files::all(&problems.iter().map(ToString::to_string).collect::<Vec<_>>())
    };
    let policy = Policy::compile(bundle).map_err(told).context("the policies do not compile")?;
    Ok(policy_of_cluster(policy))
}
