//! Calls that wait for people. On a laptop people decide here; in a cluster, on the ToolApproval.

use axum::Json;
use axum::extract::State;
use skreaver_protocol::approval::{ApprovalState, Vote};
use skreaver_protocol::problem::Code;
use skreaver_protocol::rest::{ApprovalDecision, ApprovalList, ApprovalOutcome, WaitingApproval};

use super::asking::Asker;
use super::extract::{AgentOfPath, JsonBody, Page, PathPart};
use super::{App, ProblemResponse};
use crate::agent::ServedAgent;
use crate::approvals::VoteError;
use crate::runtime::Runtime;

/// Who decides where nobody is asked for a name.
const NOBODY_NAMED: &str = "local";
/// The longest name and the longest reason, in characters.
const LONGEST: usize = 256;

pub(crate) async fn list(AgentOfPath(agent): AgentOfPath, page: Page<String>) -> Json<ApprovalList> {
    let waiting = agent.approvals().waiting().into_iter();
    let waiting = waiting.map(|(request, decisions)| WaitingApproval { request, decisions });
    let (approvals, next) = page.of(waiting, |waiting| waiting.request.name.clone());
    Json(ApprovalList { approvals, next })
}

pub(crate) async fn decide(
    State(app): State<App>,
    AgentOfPath(agent): AgentOfPath,
    asker: Asker,
    PathPart(name): PathPart<String>,
    JsonBody(decision): JsonBody<ApprovalDecision>,
) -> Result<Json<ApprovalOutcome>, ProblemResponse> {
    decided(&app.runtime, &agent, &asker, &name, decision).map(|state| Json(ApprovalOutcome { state }))
}

/// How a call stands when somebody has said what they think of it.
pub(super) fn decided(
    runtime: &Runtime,
    agent: &ServedAgent,
    asker: &Asker,
    name: &str,
    decision: ApprovalDecision,
) -> Result<ApprovalState, ProblemResponse> {
    if let Some(cluster) = runtime.cluster() {
        let detail = format!(
            "decide on the ToolApproval instead, under your own name: kubectl get toolapproval {name} --namespace {} (docs/approvals.md has the line that decides)",
            cluster.namespace
        );
        return Err(ProblemResponse::new(Code::ManagedByKubernetes, detail));
    }
    let ApprovalDecision { decision, user, reason } = decision;
    for (field, text) in [("user", &user), ("reason", &reason)] {
        if text.as_ref().is_some_and(|text| text.is_empty() || text.chars().count() > LONGEST || text.contains(char::is_control))
        {
            let detail = format!("`{field}` has 1 to {LONGEST} characters and no control characters");
            return Err(ProblemResponse::new(Code::InvalidRequest, detail));
        }
    }
    let user = match asker {
        Asker::Unasked => user.unwrap_or_else(|| NOBODY_NAMED.to_owned()),
        // Whatever the body says.
        Asker::Known(known, _) => known.caller().name().into_owned(),
    };
    agent.approvals().vote(name, Vote { user: user.clone(), decision, reason }).map_err(|error| match error {
        VoteError::Unknown => {
            let agent = &agent.config().name;
            let detail = format!("no call of agent `{agent}` waits for approval as `{name}`, or no longer");
            ProblemResponse::new(Code::UnknownApproval, detail)
        }
        VoteError::Twice => ProblemResponse::new(Code::DecidedAlready, format!("`{user}` has decided about `{name}` already")),
    })
}
