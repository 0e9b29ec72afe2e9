//! Asks who sends a request and what they may, before anything else is done for it. Where nobody is to be asked, all may all.

use std::fmt::Display;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::HttpBody;
use axum::extract::rejection::QueryRejection;
use axum::extract::{ConnectInfo, FromRequestParts, MatchedPath, Query, RawPathParams, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::{RequestExt, http::Method};
use serde::Deserialize;
use skreaver_protocol::auth::{API_KEY_HEADER, Permission};
use skreaver_protocol::problem::Code;
#[cfg(any(feature = "mcp", feature = "unstable-websocket"))]
use skreaver_protocol::problem::Problem;
use skreaver_protocol::{AgentName, Caller};
use uuid::Uuid;

use super::extract::{AgentOfPath, PathPart, unknown_agent};
use super::permissions::{Needs, methods, needs};
use super::{App, ProblemResponse, method_label};
use crate::agent::{Owner, ServedAgent};
use crate::auth::{Guard, Known, Refusal};
use crate::metrics::Metrics;
use crate::runtime::Runtime;
use crate::trace::{error, warn};

/// The longest part of a path that is logged, in bytes.
const LONGEST_PATH: usize = 256;

/// Who sends a request.
#[derive(Clone)]
pub(crate) enum Asker {
    /// Nobody is asked.
    Unasked,
    /// Somebody who was let in, and where it is told what they may not.
    Known(
        Arc<Known>,
        #[cfg_attr(
            not(any(feature = "mcp", feature = "unstable-websocket")),
            expect(dead_code, reason = "elsewhere a refusal is told by the answer to its request")
        )]
        Arc<Teller>,
    ),
}

/// Tells of the refusals of one request, of which there may be several where it is the beginning of a connection.
pub(crate) struct Teller {
    metrics: Arc<Metrics>,
    remote: String,
    method: &'static str,
    path: String,
}

impl Teller {
    fn of(runtime: &Runtime, request: &Request) -> Self {
        let remote = request.extensions().get::<ConnectInfo<SocketAddr>>();
        Self {
            metrics: Arc::clone(&runtime.metrics),
            remote: remote.map(|ConnectInfo(address)| address.to_string()).unwrap_or_default(),
            method: method_label(request.method()),
            path: request.uri().path().chars().take(LONGEST_PATH).collect(),
        }
    }

    /// The one place where refusals are told.
    fn tell(&self, reason: &'static str, why: &dyn Display) {
        let Self { metrics, remote, method, path } = self;
        warn!(reason, remote, method, path, refusal = %why, "request refused");
        metrics.not_let_in(reason);
    }
}

impl Asker {
    /// On whose behalf what they ask for is done.
    pub(crate) fn caller(&self) -> Caller {
        match self {
            Self::Unasked => Caller::Anonymous,
            Self::Known(known, _) => known.caller().clone(),
        }
    }

    /// Ends when what they were let in with is valid no longer, and with it whatever outlives the request.
    #[cfg(any(feature = "openai", feature = "streaming", feature = "unstable-websocket"))]
    pub(crate) async fn expired(&self) {
        let expires = match self {
            Self::Unasked => None,
            Self::Known(known, _) => known.expires(),
        };
        let Some(expires) = expires else { return std::future::pending().await };
        let left = std::time::Duration::try_from(expires.duration_since(jiff::Timestamp::now())).unwrap_or_default();
        tokio::time::sleep(left).await;
    }

    /// Whether they may do something with an agent.
    pub(crate) fn may(&self, agent: &AgentName, permission: Permission) -> Result<(), ProblemResponse> {
        match self {
            Self::Unasked => Ok(()),
            Self::Known(known, _) => known.may(agent, permission).map_err(ProblemResponse::refused),
        }
    }

    /// What they are told inside of a message, where no answer carries the refusal to the layer that tells of it.
    #[cfg(any(feature = "mcp", feature = "unstable-websocket"))]
    pub(crate) fn told(&self, refused: ProblemResponse) -> Box<Problem> {
        let (problem, refusal) = refused.into_parts();
        if let (Self::Known(_, teller), Some(refusal)) = (self, refusal) {
            teller.tell(refusal.reason(), &refusal);
        }
        problem
    }

    /// Whether that is so for one permission of several.
    fn may_one(&self, agent: &AgentName, permissions: &[Permission]) -> Result<(), ProblemResponse> {
        let (last, others) = permissions.split_last().expect("what needs nothing says so otherwise");
        if others.iter().any(|permission| self.may(agent, *permission).is_ok()) { Ok(()) } else { self.may(agent, *last) }
    }

    /// Of whose runs they are told; nothing: of all.
    pub(crate) fn only(&self, agent: &AgentName) -> Option<&Caller> {
        match self {
            Self::Known(known, _) if known.may(agent, Permission::Admin).is_err() => Some(known.caller()),
            Self::Known(..) | Self::Unasked => None,
        }
    }

    /// Whether a run is theirs, or they may do with those of others what they may with their own. Another's is not there.
    pub(crate) async fn owns(&self, agent: &ServedAgent, run: Uuid, permission: Permission) -> Result<(), ProblemResponse> {
        let Self::Known(known, _) = self else { return Ok(()) };
        let owner = agent.owner_of_run(run).await.map_err(ProblemResponse::of)?;
        let over = known.may_over(&agent.config().name, permission, &owner);
        over.map_err(|refusal| ProblemResponse::hidden(refusal, crate::agent::unknown_run(run)))
    }
}

impl<S: Sync> FromRequestParts<S> for Asker {
    type Rejection = ProblemResponse;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ProblemResponse> {
        let unasked = || ProblemResponse::new(Code::Internal, "nobody has asked who sends the request");
        parts.extensions.get().cloned().ok_or_else(unasked)
    }
}

/// The run that the path names, which is the asker's own, or one of others that they may do this with.
pub(crate) struct RunOfPath {
    pub(crate) agent: Arc<ServedAgent>,
    pub(crate) run: Uuid,
}

impl FromRequestParts<App> for RunOfPath {
    type Rejection = ProblemResponse;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ProblemResponse> {
        let AgentOfPath(agent) = AgentOfPath::from_request_parts(parts, app).await?;
        let PathPart(run) = PathPart::from_request_parts(parts, app).await?;
        let asker = Asker::from_request_parts(parts, app).await?;
        let permission = if parts.method == Method::POST { Permission::Cancel } else { Permission::Read };
        asker.owns(&agent, run, permission).await?;
        Ok(Self { agent, run })
    }
}

/// Whose sessions are asked for: the asker's own, or with `?caller=IDENTITY` those of somebody else, which takes an admin.
pub(crate) struct SessionsOf(pub(crate) Owner);

#[derive(Deserialize)]
struct SessionsQuery {
    caller: Option<String>,
}

impl FromRequestParts<App> for SessionsOf {
    type Rejection = ProblemResponse;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ProblemResponse> {
        let AgentOfPath(agent) = AgentOfPath::from_request_parts(parts, app).await?;
        let asker = Asker::from_request_parts(parts, app).await?;
        let query = Query::<SessionsQuery>::from_request_parts(parts, app).await;
        let wrong = |error: QueryRejection| ProblemResponse::new(Code::InvalidRequest, error.body_text());
        let Query(SessionsQuery { caller }) = query.map_err(wrong)?;
        let own = asker.caller().identity();
        match caller {
            Some(other) if other != own => {
                asker.may(&agent.config().name, Permission::Admin)?;
                Ok(Self(Owner::of_identity(&other)))
            }
            Some(_) | None => Ok(Self(Owner::of_identity(&own))),
        }
    }
}

/// The layer over all routes: lets a request through to its handler, or refuses it and tells of it. Handlers may refuse it as well.
pub(super) async fn ask(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let Some(guard) = app.runtime.guard.as_deref() else {
        request.extensions_mut().insert(Asker::Unasked);
        return next.run(request).await;
    };
    let teller = Arc::new(Teller::of(&app.runtime, &request));
    let response = match let_in(&app.runtime, guard, &teller, &mut request).await {
        Ok(()) => next.run(request).await,
        // Its body is not read, and so nothing can follow it on its connection.
        Err(problem) if !request.body().is_end_stream() => {
            problem.with_header(header::CONNECTION, HeaderValue::from_static("close")).into_response()
        }
        Err(problem) => problem.into_response(),
    };
    let extensions = response.extensions();
    if let Some(refusal) = extensions.get::<Refusal>() {
        teller.tell(refusal.reason(), refusal);
    } else if extensions.get() == Some(&Code::ForbiddenHost) {
        teller.tell("forbidden_host", &"it names a host or comes from a page that is not known here");
    }
    response
}

async fn let_in(runtime: &Runtime, guard: &Guard, teller: &Arc<Teller>, request: &mut Request) -> Result<(), ProblemResponse> {
    let path = request.extensions().get::<MatchedPath>().cloned();
    let needed = path.as_ref().and_then(|path| needs(request.method(), path.as_str()));
    if needed == Some(Needs::Nothing) {
        return Ok(());
    }
    #[cfg(feature = "unstable-websocket")]
    if path.as_ref().is_some_and(|path| path.as_str() == super::websocket::PATH) {
        super::websocket::unfold_credentials(request.headers_mut());
    }
    let known = guard.ask(request.headers()).await.map_err(ProblemResponse::refused)?;
    // Nothing behind this needs what proved it, and so nothing can hand it on.
    request.headers_mut().remove(header::AUTHORIZATION);
    request.headers_mut().remove(API_KEY_HEADER);
    let asker = Asker::Known(Arc::new(known), Arc::clone(teller));
    match (path, needed) {
        (_, Some(needs)) => demand(runtime, &asker, needs, request).await?,
        (Some(path), None) => return Err(not_in_table(request.method(), path.as_str())),
        // It leads nowhere, which the fallback says.
        (None, None) => {}
    }
    request.extensions_mut().insert(asker);
    Ok(())
}

async fn demand(runtime: &Runtime, asker: &Asker, needs: Needs, request: &mut Request) -> Result<(), ProblemResponse> {
    let agents = runtime.agents();
    let mut names = agents.iter().map(|agent| &agent.config().name);
    match needs {
        Needs::Nothing => Ok(()),
        Needs::Agent(permissions) => {
            let params = request.extract_parts::<RawPathParams>().await.ok();
            let name = params.as_ref().and_then(|params| params.iter().next()).map(|(_, name)| name).unwrap_or_default();
            // By the name alone, so that who may nothing does not learn which agents there are.
            asker.may_one(&AgentName::parse(name).map_err(|_| unknown_agent(name))?, permissions)
        }
        Needs::OnlyAgent(permissions) => match agents.as_slice() {
            [agent] => asker.may_one(&agent.config().name, permissions),
            // It leads nowhere, which the handler says to those who may know.
            _ => names.try_for_each(|name| asker.may_one(name, permissions)),
        },
        Needs::AnyAgent(permission) => {
            let answers = names.map(|name| asker.may(name, permission)).collect::<Vec<_>>();
            if answers.iter().any(Result::is_ok) { Ok(()) } else { answers.into_iter().collect() }
        }
        Needs::EveryAgent(_) if agents.is_empty() => {
            Err(ProblemResponse::new(Code::NotFound, "no agent is served here any more"))
        }
        Needs::EveryAgent(permission) | Needs::NewAgent(permission) => names.try_for_each(|name| asker.may(name, permission)),
    }
}

/// A method that the path does not take; or a route that somebody added and forgot to say what it needs.
fn not_in_table(method: &Method, path: &str) -> ProblemResponse {
    let taken = methods(path);
    if taken.is_empty() {
        error!(%method, path, "a route is served to nobody: no permission is named for it");
        return ProblemResponse::new(Code::NotFound, "it is not said who may ask this");
    }
    let detail = format!("this path does not take {method}; the Allow header lists what it takes");
    let allowed = HeaderValue::from_str(&taken.join(",")).expect("methods are ASCII");
    ProblemResponse::new(Code::MethodNotAllowed, detail).with_header(header::ALLOW, allowed)
}
