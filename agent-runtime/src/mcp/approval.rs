//! Calls that people have to approve, on a laptop: the client asks its user (elicitation). In a cluster people decide by
//! ToolApproval, and nobody here is asked.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::http::request::Parts;
use rmcp::model::{
    BooleanSchema, CallToolRequestParams, ClientResult, ElicitRequest, ElicitRequestParams, ElicitResult, ElicitationAction,
    ElicitationSchema, InputRequest, InputRequiredResult, PrimitiveSchemaDefinition, ProtocolVersion, ServerRequest,
};
use rmcp::service::{Peer, PeerRequestOptions, RequestContext, RoleServer};
use serde_json::Value;
use skreaver_policy::{Approved, Needs};
use skreaver_protocol::AgentName;
use skreaver_protocol::approval::{ApprovalRequest, ApprovalVotes, AskedBy, Choice, Vote};
use skreaver_protocol::auth::Permission;
use skreaver_protocol::problem::Code;
use uuid::Uuid;

use super::AgentServer;
use crate::agent::{Failure, ServedAgent, Word};
use crate::http::Asker;
use crate::runs::{now_ms, preview};
use crate::trace::info;

/// The name of the question, and of the field that answers it.
const QUESTION: &str = "approval";
const FIELD: &str = "approve";
/// Who is told to have decided where nobody is asked who they are: a client says nothing of who uses it.
const USER: &str = "the user of an MCP client";

/// How the user of a client is asked, who may approve.
pub(super) struct Asking {
    way: Way,
    /// By which name they have decided.
    user: String,
}

enum Way {
    /// At once, and the call waits.
    Peer(Peer<RoleServer>),
    /// By an answer to the call, which is then made again with what the user said (since revision 2026-07-28).
    Rounds {
        /// What the user said, and of which call.
        said: Option<(ElicitResult, String)>,
    },
}

impl Asking {
    /// How to ask whoever makes a call of an agent; nothing where nobody can be asked.
    pub(super) fn of(
        server: &AgentServer,
        agent: &ServedAgent,
        asker: Asker,
        request: &CallToolRequestParams,
        context: &RequestContext<RoleServer>,
    ) -> Option<Self> {
        let elicitation = context.client_capabilities()?.elicitation?;
        let knows_forms = elicitation.form.is_some() || elicitation.url.is_none();
        let may_approve = asker.may(&agent.config().name, Permission::Approve).is_ok();
        if !server.is_local() || !knows_forms || !may_approve {
            return None;
        }
        let user = match &asker {
            Asker::Unasked => USER.to_owned(),
            Asker::Known(known, _) => known.caller().name().into_owned(),
        };
        Self::way(request, context).map(|way| Self { way, user })
    }

    fn way(request: &CallToolRequestParams, context: &RequestContext<RoleServer>) -> Option<Way> {
        let version = context.protocol_version();
        if version.is_some_and(|version| version.as_str() >= ProtocolVersion::V_2026_07_28.as_str()) {
            let answer = request.input_responses.as_ref().and_then(|answers| answers.get(QUESTION));
            let answer = answer.and_then(|answer| serde_json::from_value(answer.clone()).ok());
            let digest = request.request_state.as_deref().and_then(|state| Some(state.split_once('/')?.1.to_owned()));
            return Some(Way::Rounds { said: answer.zip(digest) });
        }
        // Over HTTP the server could ask only in a session, and it has none.
        let is_http = context.extensions.get::<Parts>().is_some();
        (!is_http).then(|| Way::Peer(context.peer.clone()))
    }

    /// Whether the user can be asked while a call goes on.
    pub(super) fn is_live(&self) -> bool {
        matches!(self.way, Way::Peer(_))
    }

    /// Asks about one call of a tool.
    ///
    /// # Errors
    /// The user does not approve it.
    pub(super) async fn ask(
        self,
        agent: &AgentName,
        tool: &str,
        id: &str,
        needs: Needs,
    ) -> Result<Word<InputRequiredResult>, Failure> {
        let Needs { asked_by, quorum, timeout, digest, shown } = needs;
        // A client has one user.
        if quorum > 1 {
            return Ok(Word::Nobody);
        }
        let question = question(agent.as_str(), tool, &preview(shown), &asked_by);
        let said = match self.way {
            Way::Peer(peer) => asked(&peer, question, timeout).await,
            Way::Rounds { said: Some((said, of)) } if of == digest => said,
            Way::Rounds { .. } => {
                let question = InputRequest::Elicitation(ElicitRequest::new(question));
                let state = format!("{id}/{digest}");
                let questions = BTreeMap::from([(QUESTION.to_owned(), question)]);
                return Ok(Word::Later(InputRequiredResult::new(Some(questions), Some(state))));
            }
        };
        let votes = ApprovalVotes { name: id.to_owned(), digest, votes: vec![vote(&self.user, choice(&said))] };
        let refused = || {
            let AskedBy { policy, rule } = asked_by.first().cloned().unwrap_or(AskedBy { policy: String::new(), rule: None });
            let detail = format!("tool `{tool}` is not called: {} did not approve it", self.user);
            Failure { policy: Some(policy), rule, ..Failure::new(Code::NotApproved, detail) }
        };
        Approved::by(&votes).map(Word::Approved).ok_or_else(refused)
    }

    /// Asks about a call of a run, which waits for an answer from anybody.
    pub(super) async fn decide(&self, agent: &ServedAgent, request: &ApprovalRequest) {
        let Way::Peer(peer) = &self.way else { return };
        let question = question(request.agent.as_str(), request.tool.as_str(), &request.preview, &request.asked_by);
        let left = Duration::from_millis(request.expires_at_ms.saturating_sub(now_ms()));
        let said = asked(peer, question, left).await;
        // A user who gives no answer leaves it to others.
        if said.action == ElicitationAction::Cancel {
            return;
        }
        if let Err(error) = agent.approvals().vote(&request.name, vote(&self.user, choice(&said))) {
            info!(agent = %request.agent, tool = %request.tool, %error, "an approval came too late");
        }
    }
}

/// The id of a call: that of the call before, where this is the same one with an answer of the user.
pub(super) fn call_id(state: Option<&str>) -> String {
    let earlier = state.and_then(|state| state.split('/').next()).and_then(|id| Uuid::parse_str(id).ok());
    earlier.unwrap_or_else(Uuid::now_v7).to_string()
}

async fn asked(peer: &Peer<RoleServer>, question: ElicitRequestParams, patience: Duration) -> ElicitResult {
    let request = ServerRequest::ElicitRequest(ElicitRequest::new(question));
    let answer = async {
        let sent = peer.send_cancellable_request(request, PeerRequestOptions::with_timeout(patience)).await?;
        sent.await_response().await
    };
    match answer.await {
        Ok(ClientResult::ElicitResult(said)) => said,
        Ok(_) => ElicitResult::new(ElicitationAction::Cancel),
        Err(error) => {
            info!(%error, "the user of an MCP client did not answer");
            ElicitResult::new(ElicitationAction::Cancel)
        }
    }
}

fn question(agent: &str, tool: &str, shown: &Value, asked_by: &[AskedBy]) -> ElicitRequestParams {
    let asked_by: Vec<_> = asked_by
        .iter()
        .map(|AskedBy { policy, rule }| match rule {
            Some(rule) => format!("rule `{rule}` of ToolPolicy `{policy}`"),
            None => format!("ToolPolicy `{policy}`"),
        })
        .collect();
    let message = format!(
        "Agent `{agent}` is about to call tool `{tool}` with {shown}. That needs approval, says {}.",
        asked_by.join(", ")
    );
    let field = BooleanSchema::new().title("Approve this call");
    let fields = BTreeMap::from([(FIELD.to_owned(), PrimitiveSchemaDefinition::Boolean(field))]);
    let requested_schema = ElicitationSchema::new(fields).with_required(vec![FIELD.to_owned()]);
    ElicitRequestParams::FormElicitationParams { meta: None, message, requested_schema }
}

fn choice(said: &ElicitResult) -> Choice {
    let approves = said.content.as_ref().is_some_and(|content| content[FIELD] == true);
    if said.action == ElicitationAction::Accept && approves { Choice::Approve } else { Choice::Deny }
}

fn vote(user: &str, decision: Choice) -> Vote {
    Vote { user: user.to_owned(), decision, reason: None }
}
