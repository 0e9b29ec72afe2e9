//! What handlers take from a request, and the problems with it.

use std::fmt::Display;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{FromRequest, FromRequestParts, Query, RawPathParams, Request};
use axum::http::{HeaderMap, header, request::Parts};
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::error::Category;
use skreaver_protocol::problem::Code;
use skreaver_protocol::rest::BODY_LIMIT;
use skreaver_protocol::{AgentName, SessionId};
use uuid::Uuid;

use super::{App, ProblemResponse};
use crate::agent::ServedAgent;

/// How long a caller may take to send a body.
const BODY_DEADLINE: Duration = Duration::from_secs(30);

/// The agent that the path names.
pub(crate) struct AgentOfPath(pub(crate) Arc<ServedAgent>);

impl FromRequestParts<App> for AgentOfPath {
    type Rejection = ProblemResponse;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ProblemResponse> {
        let name = id(parts, app).await;
        app.runtime.agent(&name).map(Self).ok_or_else(|| unknown_agent(&name))
    }
}

/// The part of the path that names an agent, empty where it is no text.
pub(crate) async fn id(parts: &mut Parts, app: &App) -> String {
    let params = RawPathParams::from_request_parts(parts, app).await;
    params.ok().and_then(|params| params.iter().next().map(|(_, id)| id.to_owned())).unwrap_or_default()
}

/// The last part of the path, as what it stands for: the id of a run or of a session.
pub(crate) struct PathPart<T>(pub(crate) T);

impl<T: FromStr<Err: Display>> FromRequestParts<App> for PathPart<T> {
    type Rejection = ProblemResponse;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ProblemResponse> {
        let params = RawPathParams::from_request_parts(parts, app).await;
        let text = params.ok().and_then(|params| params.iter().last().map(|(_, part)| part.to_owned())).unwrap_or_default();
        text.parse()
            .map(Self)
            .map_err(|error| ProblemResponse::new(Code::InvalidRequest, format!("`{text}` in the path cannot be: {error}")))
    }
}

/// Which part of a list is wanted: `?limit=N&from=ID`, where the id is the `next` of the part before.
pub(crate) struct Page<T> {
    pub(crate) from: Option<T>,
    pub(crate) limit: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PageQuery {
    from: Option<String>,
    limit: Option<usize>,
    /// Whose: [`SessionsOf`](super::asking::SessionsOf) reads it, of the one list where it means something.
    caller: Option<String>,
}

/// Of what there is a list.
pub(crate) trait Listed: FromStr<Err: Display> {
    /// Whether the list is one caller's, who can be named.
    const IS_OF_A_CALLER: bool = false;
}

impl Listed for AgentName {}
/// Approvals, by name.
impl Listed for String {}
/// Runs.
impl Listed for Uuid {}

impl Listed for SessionId {
    const IS_OF_A_CALLER: bool = true;
}

/// Items in a part of a list: where nothing is said, and at the most.
const PAGE: usize = 50;
const LARGEST_PAGE: usize = 200;

impl<T: Listed> FromRequestParts<App> for Page<T> {
    type Rejection = ProblemResponse;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ProblemResponse> {
        let wrong = |detail: String| ProblemResponse::new(Code::InvalidRequest, detail);
        let query = Query::<PageQuery>::from_request_parts(parts, app).await;
        let Query(PageQuery { from, limit, caller }) = query.map_err(|error| wrong(error.body_text()))?;
        if caller.is_some() && !T::IS_OF_A_CALLER {
            return Err(wrong("`caller` says whose sessions; this is no list of sessions".to_owned()));
        }
        let from = from.map(|from| from.parse().map_err(|error: T::Err| wrong(format!("`from={from}`: {error}")))).transpose()?;
        let limit = limit.unwrap_or(PAGE);
        if !(1..=LARGEST_PAGE).contains(&limit) {
            return Err(wrong(format!("`limit={limit}`: ask for 1 to {LARGEST_PAGE} at a time")));
        }
        Ok(Self { from, limit })
    }
}

impl<T: Ord> Page<T> {
    /// This part of items that are in the order of their keys, and where the next one begins: behind its last.
    pub(crate) fn of<I>(self, items: impl Iterator<Item = I>, key: impl Fn(&I) -> T) -> (Vec<I>, Option<T>) {
        let Self { from, limit } = self;
        let mut rest = items.skip_while(|item| from.as_ref().is_some_and(|from| key(item) <= *from)).peekable();
        let part: Vec<I> = rest.by_ref().take(limit).collect();
        let next = rest.peek().and(part.last()).map(key);
        (part, next)
    }
}

pub(crate) fn unknown_agent(name: &str) -> ProblemResponse {
    ProblemResponse::new(Code::UnknownAgent, format!("no agent is named `{name}` here; GET /agents lists them"))
}

/// A JSON body of a known shape, bounded in size and time.
pub(crate) struct JsonBody<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<App> for JsonBody<T> {
    type Rejection = ProblemResponse;

    async fn from_request(request: Request, _: &App) -> Result<Self, ProblemResponse> {
        let (parts, body) = request.into_parts();
        parse(&json_bytes(&parts.headers, body).await?).map(Self)
    }
}

/// A body that says it is JSON, bounded in size and time.
pub(crate) async fn json_bytes(headers: &HeaderMap, body: Body) -> Result<Bytes, ProblemResponse> {
    if !is_json(headers) {
        let detail = "send the body as JSON, with the header `Content-Type: application/json`";
        return Err(ProblemResponse::new(Code::UnsupportedMediaType, detail));
    }
    let body = tokio::time::timeout(BODY_DEADLINE, to_bytes(body, BODY_LIMIT)).await;
    let late = |_| ProblemResponse::new(Code::RequestTimeout, format!("the body took longer than {}s", BODY_DEADLINE.as_secs()));
    body.map_err(late)?.map_err(unreadable)
}

/// An object of JSON, as what it stands for. serde would take a list of its fields' values for it, too.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ProblemResponse> {
    if bytes.trim_ascii_start().starts_with(b"[") {
        serde_json::from_slice::<IgnoredAny>(bytes).map_err(|error| malformed(&error))?;
        return Err(ProblemResponse::new(Code::InvalidRequest, "send a JSON object, not a list"));
    }
    serde_json::from_slice(bytes).map_err(|error| malformed(&error))
}

fn is_json(headers: &HeaderMap) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    media_type == "application/json" || (media_type.starts_with("application/") && media_type.ends_with("+json"))
}

fn unreadable(error: axum::Error) -> ProblemResponse {
    let source = std::error::Error::source(&error);
    if source.is_some_and(|source| source.is::<http_body_util::LengthLimitError>()) {
        return ProblemResponse::new(Code::BodyTooLarge, format!("a body may have {BODY_LIMIT} bytes"));
    }
    ProblemResponse::new(Code::MalformedJson, format!("the body ended early: {error}"))
}

fn malformed(error: &serde_json::Error) -> ProblemResponse {
    match error.classify() {
        Category::Data => ProblemResponse::new(Code::InvalidRequest, error.to_string()),
        Category::Syntax | Category::Eof | Category::Io => ProblemResponse::new(Code::MalformedJson, error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use futures::StreamExt;

    use super::*;

    #[test]
    fn a_list_of_the_values_of_an_object_is_no_object() {
        use skreaver_protocol::rest::ObserveRequest;
        let code = |text: &str| parse::<ObserveRequest>(text.as_bytes()).err().map(|refused| refused.into_parts().0.code);
        assert_eq!(code(r#" {"input": "x"}"#), None);
        for list in ["[]", r#"["x"]"#, " \n[\"x\", null]"] {
            assert_eq!(code(list), Some(Code::InvalidRequest), "{list}");
        }
        for broken in ["[", r#"["x""#, &"[".repeat(100_000)] {
            assert_eq!(code(broken), Some(Code::MalformedJson), "{broken:.10}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_comes_too_slowly_is_given_up() {
        let trickle = futures::stream::repeat(()).then(async |()| {
            tokio::time::sleep(Duration::from_secs(1)).await;
            Ok::<_, std::io::Error>(" ")
        });
        let headers = [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))].into_iter().collect();
        let started = tokio::time::Instant::now();
        let refused = json_bytes(&headers, Body::from_stream(trickle)).await.unwrap_err();
        assert_eq!((refused.into_parts().0.code, started.elapsed()), (Code::RequestTimeout, BODY_DEADLINE));
    }
}
