//! The ToolApprovals of an Agent: made from what its pods ask, judged by what people say, and told to the pods.

mod judge;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams, Preconditions};
use kube::core::ObjectMeta;
use kube::runtime::reflector::Store;
use kube::{Api, Resource, ResourceExt};
use serde_json::json;
use skreaver_crds::{AGENT_LABEL, Agent, ToolApproval, ToolApprovalSpec, ToolApprovalStatus};
use skreaver_protocol::approval::{ApprovalRequest, ApprovalState, ApprovalVotes, MOST_WAITING};

pub use self::judge::Terms;
use self::judge::{Asked, Fate, counts, judge, waits};
use super::Context;
use super::children::is_controlled_by;
use super::ledger::AgentKey;
use crate::watch::namespace_of;

/// Who we are in server-side apply.
const MANAGER: &str = "skreaver-approval-controller";
/// How soon something is tried again that the API server did not take.
const RETRY: Duration = Duration::from_secs(2);

/// Which ToolApprovals there are.
pub(crate) type Approvals = Store<ToolApproval>;

/// Brings the ToolApprovals of an Agent to what its pods ask and people say, and tells the pods. When to look again.
pub(crate) async fn settle(agent: &Agent, key: &AgentKey, unasked: &mut Unasked, ctx: &Context) -> Option<Duration> {
    let uid = agent.uid().unwrap_or_default();
    let own = |approval: &ToolApproval| {
        approval.namespace().as_deref() == Some(key.0.as_str()) && is_controlled_by(&approval.metadata, &uid)
    };
    let present: Vec<Arc<ToolApproval>> = ctx.stores.approvals.state_filter(own);
    tell(key, &present, ctx);
    let asked = ctx.hub.asked(key);
    let api: Api<ToolApproval> = ctx.scope.within(&key.0);
    let mut again = Vec::new();
    let names: BTreeSet<_> = present.iter().map(|approval| approval.name_any()).collect();
    let waiting = present.iter().filter(|approval| waits(approval)).count();
    let new = asked.iter().flatten().filter(|request| !names.contains(&request.name));
    for request in new.take(MOST_WAITING.saturating_sub(waiting)) {
        again.extend(make(agent, request, &api).await);
    }
    unasked.note(&names, asked.as_deref(), Instant::now());
    for approval in &present {
        let fate = judge(approval, unasked.of(&approval.name_any(), asked.as_deref()), ctx.terms, Timestamp::now());
        again.extend(follow(approval, fate, &api, ctx).await);
    }
    again.into_iter().min()
}

/// What people said, to all pods: any of them may have the run by now.
fn tell(key: &AgentKey, present: &[Arc<ToolApproval>], ctx: &Context) {
    let said = |approval: &Arc<ToolApproval>| ApprovalVotes {
        name: approval.name_any(),
        digest: approval.spec.digest.clone(),
        votes: approval.status.as_ref().map(|status| status.decisions.clone()).unwrap_or_default(),
    };
    let now = Timestamp::now();
    let mut votes: Vec<_> = present.iter().filter(|approval| counts(approval, now)).map(said).collect();
    votes.sort_by(|a, b| a.name.cmp(&b.name));
    ctx.hub.publish_votes(key, votes);
}

async fn make(agent: &Agent, request: &ApprovalRequest, api: &Api<ToolApproval>) -> Option<Duration> {
    let (namespace, name) = (namespace_of(agent), &request.name);
    match api.create(&PostParams { field_manager: Some(MANAGER.into()), ..PostParams::default() }, &object(agent, request)).await
    {
        Ok(_) => {
            tracing::info!(namespace, agent = agent.name_any(), approval = name, tool = %request.tool, "a tool call waits for approval");
            None
        }
        // The watch lags behind; or the name is taken by something that is not ours, and is left alone.
        Err(kube::Error::Api(error)) if error.code == 409 => Some(RETRY),
        Err(error) => {
            tracing::warn!(namespace, approval = name, error = &error as &dyn std::error::Error, "a ToolApproval cannot be made");
            Some(RETRY)
        }
    }
}

async fn follow(approval: &ToolApproval, fate: Fate, api: &Api<ToolApproval>, ctx: &Context) -> Option<Duration> {
    let done = match fate {
        Fate::Stands(look_again) => return look_again,
        Fate::Becomes(status) => write(approval, &status, api, ctx).await,
        Fate::Goes => {
            let this = Preconditions { uid: approval.uid(), resource_version: None };
            api.delete(&approval.name_any(), &DeleteParams::background().preconditions(this)).await.map(drop)
        }
    };
    match done {
        // What comes of it wakes us up.
        Ok(()) => None,
        Err(kube::Error::Api(error)) if matches!(error.code, 404 | 409) => Some(RETRY),
        Err(error) => {
            let (namespace, name) = (namespace_of(approval), approval.name_any());
            tracing::warn!(
                namespace,
                approval = name,
                error = &error as &dyn std::error::Error,
                "a ToolApproval is not as it should be"
            );
            Some(RETRY)
        }
    }
}

/// Writes how it stands, bound to the decisions that were judged: who decided meanwhile is judged first.
async fn write(
    approval: &ToolApproval,
    status: &ToolApprovalStatus,
    api: &Api<ToolApproval>,
    ctx: &Context,
) -> Result<(), kube::Error> {
    let ToolApprovalStatus { decisions, state, ended_at } = status;
    // The empty list is there from the beginning, so that a decision can be added to it.
    let decisions = decisions.is_empty().then(|| json!([]));
    let mut told = json!({ "state": state, "endedAt": ended_at });
    if let Some(decisions) = decisions {
        told["decisions"] = decisions;
    }
    let patch = json!({
        "metadata": {"uid": approval.uid(), "resourceVersion": approval.resource_version()},
        "status": told,
    });
    let params = PatchParams { field_manager: Some(MANAGER.into()), ..PatchParams::default() };
    api.patch_status(&approval.name_any(), &params, &Patch::Merge(patch)).await?;
    if let Some(state) = state {
        ctx.reporter.approval(&approval.object_ref(&()), &approval.spec.tool, *state).await;
    }
    Ok(())
}

fn object(agent: &Agent, request: &ApprovalRequest) -> ToolApproval {
    let ApprovalRequest {
        name,
        agent: of,
        run,
        step,
        session,
        tool,
        digest,
        preview,
        asked_by,
        quorum,
        asked_at_ms: _,
        expires_at_ms,
    } = request;
    let expires = i64::try_from(*expires_at_ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    let spec = ToolApprovalSpec {
        agent: of.to_string(),
        run: run.clone(),
        step: *step,
        session: session.as_ref().map(ToString::to_string),
        tool: tool.to_string(),
        digest: digest.clone(),
        preview: preview.to_string(),
        asked_by: asked_by.clone(),
        quorum: *quorum,
        expires_at: expires.unwrap_or(Timestamp::UNIX_EPOCH).to_string(),
    };
    let metadata = ObjectMeta {
        name: Some(name.clone()),
        namespace: agent.namespace(),
        labels: Some(BTreeMap::from([(AGENT_LABEL.to_owned(), of.to_string())])),
        owner_references: Some(agent.controller_owner_ref(&()).into_iter().collect()),
        ..ObjectMeta::default()
    };
    ToolApproval { metadata, spec, status: None }
}

/// Since when no pod asks for which ToolApproval.
#[derive(Debug, Clone, Default)]
pub(crate) struct Unasked(BTreeMap<String, Instant>);

impl Unasked {
    fn note(&mut self, present: &BTreeSet<String>, asked: Option<&[ApprovalRequest]>, now: Instant) {
        let is_asked = |name: &String| asked.is_none_or(|asked| asked.iter().any(|request| request.name == *name));
        self.0.retain(|name, _| present.contains(name) && !is_asked(name));
        for name in present.iter().filter(|name| !is_asked(name)) {
            self.0.entry(name.clone()).or_insert(now);
        }
    }

    fn of(&self, name: &str, asked: Option<&[ApprovalRequest]>) -> Asked {
        match (asked, self.0.get(name)) {
            (None, _) => Asked::Unknown,
            (Some(_), Some(since)) => Asked::No(since.elapsed()),
            (Some(_), None) => Asked::Yes,
        }
    }
}

/// Whether a state is worth an Event.
pub(crate) const fn reason(state: ApprovalState) -> &'static str {
    match state {
        ApprovalState::Waiting => "ApprovalRequested",
        ApprovalState::Approved => "Approved",
        ApprovalState::Denied => "Denied",
        ApprovalState::Expired => "Expired",
        ApprovalState::Withdrawn => "Withdrawn",
    }
}
