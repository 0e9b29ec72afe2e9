//! Agents over WebSocket (RFC 6455): many runs on one connection, with their events, cancels and approvals. Experimental.

mod conversation;
mod manager;
mod runs;

use axum::Router;
use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use axum::routing::get;
use skreaver_protocol::problem::Code;
use skreaver_protocol::rest::BODY_LIMIT;
use skreaver_protocol::websocket::{BEARER_SUBPROTOCOL, SUBPROTOCOL};

pub use self::manager::{WebSocketConfig, WebSocketManager};
use super::asking::Asker;
use super::extract::AgentOfPath;
use super::origin::Origin;
use super::{App, ProblemResponse};

/// Where connections begin.
pub(super) const PATH: &str = "/ws/agents/{id}";
/// What an idle connection reads into; a larger message takes more while it arrives.
const READ_BUFFER: usize = 2 << 10;
/// What may wait to be written beside the message that is sent, such as answers to pings.
const WRITE_BUFFER: usize = 64 << 10;

pub(super) fn routes() -> Router<App> {
    Router::new().route(PATH, get(open))
}

/// Moves what a page offers as a subprotocol to prove who it is to where everybody else has it.
pub(super) fn unfold_credentials(headers: &mut HeaderMap) {
    let offered = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).into_iter().filter_map(|value| value.to_str().ok());
    let offered: Vec<_> = offered.flat_map(|value| value.split(',')).map(|part| part.trim().to_owned()).collect();
    let (proofs, others): (Vec<_>, Vec<_>) = offered.into_iter().partition(|part| part.starts_with(BEARER_SUBPROTOCOL));
    if proofs.is_empty() {
        return;
    }
    headers.remove(header::SEC_WEBSOCKET_PROTOCOL);
    // Beside another proof, so that two of them are refused as they are everywhere.
    for proof in proofs {
        let bearer = HeaderValue::try_from(format!("Bearer {}", &proof[BEARER_SUBPROTOCOL.len()..]));
        headers.append(header::AUTHORIZATION, bearer.expect("it is a part of a header"));
    }
    if !others.is_empty() {
        let others = HeaderValue::try_from(others.join(", ")).expect("they are parts of a header");
        headers.insert(header::SEC_WEBSOCKET_PROTOCOL, others);
    }
}

async fn open(
    State(app): State<App>,
    AgentOfPath(agent): AgentOfPath,
    asker: Asker,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, ProblemResponse> {
    let upgrade = upgrade.map_err(|refused| ProblemResponse::new(Code::InvalidRequest, refused.body_text()))?;
    if !may_open(headers.get(header::ORIGIN), headers.get(header::HOST), &app.runtime.cors_origins) {
        let detail = "the page comes from elsewhere; name its origin with --cors-origin where it may call";
        return Err(ProblemResponse::new(Code::ForbiddenHost, detail));
    }
    let manager = &app.runtime.websockets;
    let Some(place) = manager.enter(&app.runtime.metrics) else {
        let detail = format!("{} connections are open, which is the most", manager.config().max_connections);
        return Err(ProblemResponse::new(Code::TooManyConnections, detail));
    };
    let upgrade = upgrade
        .protocols([SUBPROTOCOL])
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .max_write_buffer_size(BODY_LIMIT * 16 + WRITE_BUFFER)
        .max_message_size(BODY_LIMIT)
        .max_frame_size(BODY_LIMIT);
    let name = agent.config().name.clone();
    // The task is owned by its place, which the runtime awaits.
    Ok(upgrade.on_upgrade(move |socket| conversation::hold(socket, place, app.runtime, name, asker)))
}

/// Browsers say where a page comes from and let any page open a WebSocket: only our own pages may, and those of origins that are
/// configured. Who is no browser says nothing.
fn may_open(origin: Option<&HeaderValue>, host: Option<&HeaderValue>, configured: &[Origin]) -> bool {
    let Some(origin) = origin else { return true };
    let Ok(origin) = origin.to_str() else { return false };
    let own = host.and_then(|host| host.to_str().ok());
    let is_own = origin.split_once("://").is_some_and(|(_, host)| own.is_some_and(|own| own.eq_ignore_ascii_case(host)));
    is_own || origin.parse::<Origin>().is_ok_and(|origin| configured.contains(&origin))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_that_is_offered_as_a_subprotocol_becomes_the_header() {
        let check = |offered: &'static str, authorization: &[&str], left: Option<&str>| {
            let mut headers = HeaderMap::new();
            headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(offered));
            unfold_credentials(&mut headers);
            assert_eq!(headers.get_all(header::AUTHORIZATION).iter().collect::<Vec<_>>(), authorization, "{offered}");
            assert_eq!(headers.get(header::SEC_WEBSOCKET_PROTOCOL).map(|value| value.to_str().unwrap()), left, "{offered}");
        };
        check("skreaver.v1, skreaver.bearer.a.b.c", &["Bearer a.b.c"], Some("skreaver.v1"));
        check("skreaver.bearer.skr_1", &["Bearer skr_1"], None);
        check("skreaver.bearer.a,skreaver.bearer.b", &["Bearer a", "Bearer b"], None);
        check("skreaver.v1,other", &[], Some("skreaver.v1,other"));
    }

    #[test]
    fn pages_of_others_may_not_open() {
        let configured = ["https://console.example".parse().unwrap()];
        let check = |origin: Option<&'static str>, expected: bool| {
            let origin = origin.map(HeaderValue::from_static);
            let host = HeaderValue::from_static("runtime.example:8080");
            assert_eq!(may_open(origin.as_ref(), Some(&host), &configured), expected, "{origin:?}");
        };
        check(None, true);
        check(Some("http://runtime.example:8080"), true);
        check(Some("https://console.example"), true);
        check(Some("http://runtime.example"), false);
        check(Some("http://console.example"), false);
        check(Some("https://console.example.evil.example"), false);
        check(Some("null"), false);
        check(Some(""), false);
    }
}
