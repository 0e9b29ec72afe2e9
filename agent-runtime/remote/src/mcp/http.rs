//! Streamable HTTP: what rmcp asks of a client, over requests that are judged where they happen.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures::stream::BoxStream;
use rmcp::model::{
    ClientJsonRpcMessage, ClientRequest, ErrorData, RequestId, RequestParamsMeta, ServerJsonRpcMessage, ServerResult,
};
use rmcp::transport::streamable_http_client::{
    SseError, StreamableHttpClient, StreamableHttpError, StreamableHttpPostResponse, StreamableHttpResponseLimits,
};
use secrecy::SecretString;
use skreaver_effects::EffectError;
use skreaver_effects::http::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use skreaver_effects::http::{Method, Request, Response, StatusCode};
use skreaver_protocol::config::HeaderConfig;
use skreaver_protocol::trace_context::TRACEPARENT;
use sse_stream::Sse;
use tokio::sync::Notify;
use tokio::time::timeout;

use super::credentials::{bearer, headers};
use super::events::events;
use super::oauth::Tokens;
use super::problem::Problem;
use crate::World;

const SESSION: HeaderName = HeaderName::from_static("mcp-session-id");
const LAST_EVENT: HeaderName = HeaderName::from_static("last-event-id");
const TRACE: HeaderName = HeaderName::from_static(TRACEPARENT);
const JSON: &str = "application/json";
const EVENTS: &str = "text/event-stream";
/// The most bytes of one message.
pub(super) const MOST_BYTES: usize = 8 << 20;

type Answer<T> = Result<T, StreamableHttpError<Problem>>;
type Headers = HashMap<HeaderName, HeaderValue>;

/// The client of one server.
#[derive(Clone)]
pub(super) struct Http(Arc<Inner>);

struct Inner {
    world: World,
    headers: Vec<HeaderConfig>,
    tokens: Option<Tokens>,
    /// How long a server may take to begin its answer, and to end one that is no stream.
    patience: Duration,
    trouble: Arc<Notify>,
}

impl Http {
    pub(super) fn new(
        world: World,
        headers: Vec<HeaderConfig>,
        tokens: Option<Tokens>,
        patience: Duration,
        trouble: Arc<Notify>,
    ) -> Self {
        Self(Arc::new(Inner { world, headers, tokens, patience, trouble }))
    }

    /// Sends a request; where the server wants another token, once more with a new one: it has not taken the first.
    async fn send(&self, method: Method, url: &str, protocol: HeaderMap, body: Vec<u8>) -> Answer<Response> {
        let Some(tokens) = &self.0.tokens else { return self.once(&method, url, &protocol, &body, None).await };
        let token = tokens.get(&self.0.world, None).await.map_err(failed)?;
        let response = self.once(&method, url, &protocol, &body, Some(&token)).await?;
        if response.status != StatusCode::UNAUTHORIZED {
            return Ok(response);
        }
        let token = tokens.get(&self.0.world, Some(&token)).await.map_err(failed)?;
        self.once(&method, url, &protocol, &body, Some(&token)).await
    }

    async fn once(
        &self,
        method: &Method,
        url: &str,
        protocol: &HeaderMap,
        body: &[u8],
        token: Option<&SecretString>,
    ) -> Answer<Response> {
        let mut all = headers(&self.0.headers, &*self.0.world.secrets).map_err(failed)?;
        if let Some(token) = token {
            bearer(&mut all, token).map_err(failed)?;
        }
        all.extend(protocol.iter().map(|(name, value)| (name.clone(), value.clone())));
        let request = Request { method: method.clone(), url: url.to_owned(), headers: all, body: body.to_vec().into() };
        let sent = timeout(self.0.patience, self.0.world.send(request)).await;
        let sent = sent.map_err(|_| self.noticed(Problem::Slow(self.0.patience)))?;
        sent.map_err(|error| match error {
            EffectError::Broken { .. } | EffectError::TimedOut { .. } => self.noticed(Problem::Broken(error)),
            unsent => self.noticed(Problem::Unsent(unsent)),
        })
    }

    async fn content(&self, response: Response, most: usize) -> Answer<Vec<u8>> {
        let read = timeout(self.0.patience, response.body.read(most)).await;
        let read = read.map_err(|_| self.noticed(Problem::Slow(self.0.patience)))?;
        read.map_err(|error| self.noticed(Problem::Broken(error)))
    }

    fn noticed(&self, problem: Problem) -> StreamableHttpError<Problem> {
        if problem.is_of_the_connection() {
            self.0.trouble.notify_one();
        }
        failed(problem)
    }

    /// What an answer means that is no success: perhaps an error of MCP, perhaps only a status.
    async fn refused(
        &self,
        message: &ClientJsonRpcMessage,
        response: Response,
        limits: Limits,
    ) -> Answer<StreamableHttpPostResponse> {
        let status = response.status;
        let is_auth = matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
        let error = match is_json(&response) && !is_auth {
            true => serde_json::from_slice(&self.content(response, limits.json).await?).ok(),
            false => None,
        };
        let error = error.and_then(|message| match message {
            ServerJsonRpcMessage::Error(error) => Some(error),
            _ => None,
        });
        // An older server refuses what newer clients ask first, often with an answer that does not say to which question.
        if let Some(id) = discovery(message).filter(|_| status.is_client_error() && !is_auth) {
            let answer = match error {
                Some(error) => ServerJsonRpcMessage::error(error.error, Some(id)),
                None => not_known(id, format!("HTTP {}", status.as_u16())),
            };
            return Ok(StreamableHttpPostResponse::Json(answer, None));
        }
        match error {
            Some(error) => Ok(StreamableHttpPostResponse::Json(ServerJsonRpcMessage::Error(error), None)),
            None => Err(self.noticed(Problem::Status(status.as_u16()))),
        }
    }

    async fn post(
        &self,
        url: &str,
        message: ClientJsonRpcMessage,
        session: Option<Arc<str>>,
        protocol: Headers,
        limits: Limits,
    ) -> Answer<StreamableHttpPostResponse> {
        let body = serde_json::to_vec(&message)?;
        let mut headers = of_the_protocol(protocol, session.as_deref())?;
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
        headers.extend(span(&message).map(|span| (TRACE, span)));
        let response = self.send(Method::POST, url, headers, body).await?;
        let session_of = response.headers.get(SESSION).and_then(|value| value.to_str().ok()).map(str::to_owned);
        match response.status {
            StatusCode::ACCEPTED | StatusCode::NO_CONTENT => return Ok(StreamableHttpPostResponse::Accepted),
            StatusCode::NOT_FOUND if session.is_some() => return Err(StreamableHttpError::SessionExpired),
            status if !status.is_success() => return self.refused(&message, response, limits).await,
            _ => {}
        }
        if !matches!(message, ClientJsonRpcMessage::Request(_)) {
            return Ok(StreamableHttpPostResponse::Accepted);
        }
        if has_type(&response, EVENTS) {
            // Of all requests only a subscription has no answer that ends it.
            let events = events(response.body, limits.event, Arc::clone(&self.0.trouble), is_subscription(&message));
            return Ok(StreamableHttpPostResponse::Sse(events, session_of));
        }
        if !is_json(&response) {
            return Err(failed(Problem::ContentType(content_type(&response))));
        }
        let content = self.content(response, limits.json).await?;
        let answer = match (serde_json::from_slice(&content), discovery(&message)) {
            (Ok(answer @ ServerJsonRpcMessage::Error(_)), _) | (Ok(answer), None) => answer,
            (Ok(answer), Some(_)) if is_discovered(&answer) => answer,
            // Some older servers have an empty answer to whatever they do not know.
            (_, Some(id)) => not_known(id, "the server does not say what it speaks"),
            (Err(_), None) => return Err(failed(Problem::NotMcp)),
        };
        Ok(StreamableHttpPostResponse::Json(answer, session_of))
    }
}

/// The most bytes of an event, and of an answer that is no stream.
#[derive(Clone, Copy)]
struct Limits {
    event: usize,
    json: usize,
}

fn failed(problem: Problem) -> StreamableHttpError<Problem> {
    StreamableHttpError::Client(problem)
}

fn of_the_protocol(protocol: Headers, session: Option<&str>) -> Answer<HeaderMap> {
    let mut headers: HeaderMap = protocol.into_iter().collect();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json, text/event-stream"));
    if let Some(session) = session {
        headers.insert(SESSION, HeaderValue::from_str(session).map_err(|_| failed(Problem::NotMcp))?);
    }
    Ok(headers)
}

fn discovery(message: &ClientJsonRpcMessage) -> Option<RequestId> {
    match message {
        ClientJsonRpcMessage::Request(request) if matches!(request.request, ClientRequest::DiscoverRequest(_)) => {
            Some(request.id.clone())
        }
        _ => None,
    }
}

fn is_discovered(answer: &ServerJsonRpcMessage) -> bool {
    matches!(answer, ServerJsonRpcMessage::Response(answer) if matches!(answer.result, ServerResult::DiscoverResult(_)))
}

/// The answer of a server to which discovery is nothing: it is an older one, and is asked as they are.
fn not_known(id: RequestId, why: impl Into<Cow<'static, str>>) -> ServerJsonRpcMessage {
    ServerJsonRpcMessage::error(ErrorData::invalid_request(why, None), Some(id))
}

/// The `traceparent` of a call, for those on the way who do not read MCP.
fn span(message: &ClientJsonRpcMessage) -> Option<HeaderValue> {
    let ClientJsonRpcMessage::Request(request) = message else { return None };
    let ClientRequest::CallToolRequest(call) = &request.request else { return None };
    HeaderValue::from_str(call.params.traceparent()?).ok()
}

fn is_subscription(message: &ClientJsonRpcMessage) -> bool {
    matches!(message, ClientJsonRpcMessage::Request(request) if matches!(request.request, ClientRequest::SubscriptionsListenRequest(_)))
}

fn is_json(response: &Response) -> bool {
    has_type(response, JSON)
}

fn has_type(response: &Response, expected: &str) -> bool {
    content_type(response).eq_ignore_ascii_case(expected)
}

/// The type without its parameters, fit for a message.
fn content_type(response: &Response) -> String {
    let value = response.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().chars().take(80).collect()
}

impl StreamableHttpClient for Http {
    type Error = Problem;

    async fn post_message(
        &self,
        uri: Arc<str>,
        message: ClientJsonRpcMessage,
        session: Option<Arc<str>>,
        _token: Option<String>,
        headers: Headers,
    ) -> Answer<StreamableHttpPostResponse> {
        self.post(&uri, message, session, headers, Limits { event: MOST_BYTES, json: MOST_BYTES }).await
    }

    async fn post_message_with_response_limits(
        &self,
        uri: Arc<str>,
        message: ClientJsonRpcMessage,
        session: Option<Arc<str>>,
        _token: Option<String>,
        headers: Headers,
        limits: StreamableHttpResponseLimits,
    ) -> Answer<StreamableHttpPostResponse> {
        let limits = Limits { event: limits.max_sse_event_size, json: limits.max_json_response_size };
        self.post(&uri, message, session, headers, limits).await
    }

    async fn delete_session(&self, uri: Arc<str>, session: Arc<str>, _token: Option<String>, headers: Headers) -> Answer<()> {
        let headers = of_the_protocol(headers, Some(&session))?;
        // Whether the server still knows the session, or lets anybody end one, changes nothing: it is not used again.
        self.send(Method::DELETE, &uri, headers, Vec::new()).await.map(drop)
    }

    async fn get_stream(
        &self,
        uri: Arc<str>,
        session: Option<Arc<str>>,
        last_event: Option<String>,
        token: Option<String>,
        headers: Headers,
    ) -> Answer<BoxStream<'static, Result<Sse, SseError>>> {
        self.get_stream_with_max_sse_event_size(uri, session, last_event, token, headers, MOST_BYTES).await
    }

    async fn get_stream_with_max_sse_event_size(
        &self,
        uri: Arc<str>,
        session: Option<Arc<str>>,
        last_event: Option<String>,
        _token: Option<String>,
        headers: Headers,
        most: usize,
    ) -> Answer<BoxStream<'static, Result<Sse, SseError>>> {
        let mut headers = of_the_protocol(headers, session.as_deref())?;
        if let Some(last) = last_event {
            headers.insert(LAST_EVENT, HeaderValue::from_str(&last).map_err(|_| failed(Problem::NotMcp))?);
        }
        let response = self.send(Method::GET, &uri, headers, Vec::new()).await?;
        match response.status {
            StatusCode::METHOD_NOT_ALLOWED => Err(StreamableHttpError::ServerDoesNotSupportSse),
            StatusCode::NOT_FOUND if session.is_some() => {
                // The session is over, perhaps because the server began anew: who lists the tools will see.
                self.0.trouble.notify_one();
                Err(StreamableHttpError::SessionExpired)
            }
            status if !status.is_success() => Err(self.noticed(Problem::Status(status.as_u16()))),
            _ if has_type(&response, EVENTS) => Ok(events(response.body, most, Arc::clone(&self.0.trouble), true)),
            _ => Err(failed(Problem::ContentType(content_type(&response)))),
        }
    }
}
