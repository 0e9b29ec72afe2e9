//! The agents: list, add, status, observe, remove.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::header::{HeaderMap, HeaderName, HeaderValue, LOCATION};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use skreaver_protocol::AgentName;
use skreaver_protocol::auth::Permission;
use skreaver_protocol::problem::{Code, Problem};
use skreaver_protocol::rest::{AgentList, AgentStatus, ObserveRequest};
use uuid::Uuid;

use super::asking::Asker;
use super::extract::{AgentOfPath, JsonBody, Page, id, unknown_agent};
use super::{App, ProblemResponse, origin};
use crate::agent::{Observation, Said, ServedAgent};
use crate::runtime::{AddError, RemoveError, name_of};

/// RFC 7240.
const PREFER: HeaderName = HeaderName::from_static("prefer");
const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");
/// draft-ietf-httpapi-idempotency-key-header.
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// The longest idempotency key, in bytes.
const LONGEST_KEY: usize = 255;

pub(crate) async fn list(State(app): State<App>, asker: Asker, page: Page<AgentName>) -> Json<AgentList> {
    let agents = app.runtime.agents();
    let readable = agents.iter().filter(|agent| asker.may(&agent.config().name, Permission::Read).is_ok());
    let (agents, next) = page.of(readable.map(|agent| agent.summary()), |agent| agent.id.clone());
    Json(AgentList { agents, next })
}

/// Takes an agent into service that the body describes: the manifest of an Agent.
pub(crate) async fn add(
    State(app): State<App>,
    asker: Asker,
    uri: Uri,
    headers: HeaderMap,
    JsonBody(manifest): JsonBody<Value>,
) -> Result<Response, ProblemResponse> {
    let name = name_of(&manifest).map_err(not_added)?;
    match &asker {
        Asker::Known(..) => asker.may(&name, Permission::Admin)?,
        Asker::Unasked if origin::is_named_by_address(&uri, &headers) => {}
        Asker::Unasked => {
            let detail = "where nobody is asked who they are, agents are taken from who calls this machine `localhost` or by its \
                          address: any page may have another name lead here";
            return Err(ProblemResponse::new(Code::ForbiddenHost, detail));
        }
    }
    let added = tokio::task::spawn_blocking(move || app.runtime.add_manifest(manifest)).await;
    let agent = added.map_err(|panic| ProblemResponse::new(Code::Internal, panic.to_string()))?.map_err(not_added)?;
    let location = HeaderValue::try_from(format!("/agents/{name}/status")).expect("names are ASCII");
    Ok((StatusCode::CREATED, [(LOCATION, location)], Json(agent.status())).into_response())
}

fn not_added(error: AddError) -> ProblemResponse {
    let (code, detail) = match &error {
        AddError::ManagedByKubernetes { namespace } => {
            let detail = format!("apply the Agent instead: kubectl apply --namespace {namespace} -f agent.yaml");
            (Code::ManagedByKubernetes, detail)
        }
        AddError::Taken(name) => (Code::NameTaken, format!("{error}; remove it first: DELETE /agents/{name}")),
        AddError::NoManifests => (Code::NoManifests, format!("{error}; start it with the agent among its own")),
        AddError::Invalid(_) | AddError::Build(_) => (Code::InvalidRequest, error.to_string()),
    };
    let mut problem = Box::new(Problem::new(code, detail));
    problem.problems = match error {
        AddError::Invalid(problems) => problems,
        AddError::Build(error) => vec![error.to_string()],
        AddError::ManagedByKubernetes { .. } | AddError::Taken(_) | AddError::NoManifests => Vec::new(),
    };
    problem.into()
}

pub(crate) async fn status(AgentOfPath(agent): AgentOfPath) -> Json<AgentStatus> {
    Json(agent.status())
}

pub(crate) async fn observe(
    AgentOfPath(agent): AgentOfPath,
    asker: Asker,
    headers: HeaderMap,
    JsonBody(request): JsonBody<ObserveRequest>,
) -> Result<Response, ProblemResponse> {
    let ObserveRequest { input, session } = request;
    let idempotency_key = idempotency_key(&headers)?;
    let hops = hops(&headers)?;
    let observation =
        Observation { run: Uuid::now_v7(), caller: asker.caller(), input, session, said: Said::default(), idempotency_key, hops };
    #[cfg(feature = "streaming")]
    if super::events::are_wanted(&headers) {
        return super::events::observe(agent, asker, observation).await;
    }
    if prefers_async(&headers) {
        return accept(&agent, observation).await;
    }
    Ok(Json(agent.observe(observation).await?).into_response())
}

/// Answers at once, with where the run can be found.
async fn accept(agent: &Arc<ServedAgent>, observation: Observation) -> Result<Response, ProblemResponse> {
    let accepted = agent.accept(observation).await?;
    let location = format!("/agents/{}/runs/{}", agent.config().name, accepted.run);
    let location = HeaderValue::from_str(&location).expect("names and UUIDs are ASCII");
    let applied = HeaderValue::from_static("respond-async");
    Ok((StatusCode::ACCEPTED, [(LOCATION, location), (PREFERENCE_APPLIED, applied)], Json(accepted)).into_response())
}

fn prefers_async(headers: &HeaderMap) -> bool {
    let preferences = headers.get_all(PREFER).iter().filter_map(|value| value.to_str().ok());
    preferences
        .flat_map(|value| value.split([',', ';']))
        .any(|preference| preference.trim().eq_ignore_ascii_case("respond-async"))
}

/// Through how many agents the request has come.
#[cfg(feature = "network")]
pub(super) fn hops(headers: &HeaderMap) -> Result<u8, ProblemResponse> {
    let text = headers.get(crate::hops::HEADER).map(|value| value.to_str().unwrap_or_default());
    crate::hops::parse(text).map_err(|problem| ProblemResponse::new(Code::InvalidRequest, problem))
}

#[cfg(not(feature = "network"))]
#[allow(clippy::unnecessary_wraps, reason = "with agents that ask each other it can fail")]
pub(super) fn hops(_: &HeaderMap) -> Result<u8, ProblemResponse> {
    Ok(0)
}

pub(super) fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, ProblemResponse> {
    let Some(value) = headers.get(IDEMPOTENCY_KEY) else { return Ok(None) };
    match value.to_str() {
        Ok(key) if (1..=LONGEST_KEY).contains(&key.len()) => Ok(Some(key.to_owned())),
        Ok(_) | Err(_) => {
            let detail = format!("an Idempotency-Key has 1 to {LONGEST_KEY} visible ASCII characters");
            Err(ProblemResponse::new(Code::InvalidRequest, detail))
        }
    }
}

pub(crate) async fn remove(State(app): State<App>, request: Request) -> Result<StatusCode, ProblemResponse> {
    let (mut parts, _) = request.into_parts();
    let name = id(&mut parts, &app).await;
    app.runtime.remove(&name).map(|()| StatusCode::NO_CONTENT).map_err(|error| match error {
        RemoveError::Unknown => unknown_agent(&name),
        RemoveError::ManagedByKubernetes { namespace } => {
            let detail = format!("delete the Agent instead: kubectl delete agent {name} --namespace {namespace}");
            ProblemResponse::new(Code::ManagedByKubernetes, detail)
        }
    })
}
